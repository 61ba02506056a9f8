"""The filter language: ``one-sided proto=tcp idle=2h.. not owner=web-1``.

``parse`` makes a filter of words, ``selection`` says what of it the kernel can apply while it
dumps, ``expression`` what a frame is filtered by. Parsing and selecting import neither numpy nor
polars, so that a dump can start before they are loaded.
"""

from __future__ import annotations

from halftrack.diagnosis.filters.language import parse
from halftrack.diagnosis.filters.selecting import selection
from halftrack.diagnosis.filters.terms import Filter

__all__ = ["Filter", "parse", "selection"]
