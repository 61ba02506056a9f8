"""What if other settings held: how many entries a table would have, when it is full, what would be cut.

Pure: from evidence to a document. ``words`` understands what was asked, ``answering`` puts the answer
together, ``sweeping`` tries many values of one setting, ``watching`` compares two moments of one table.
How a table goes on is worked out by ``diagnosis.course``, as it is for forecasts and plans. Importing
this package loads neither numpy nor polars.
"""

from __future__ import annotations

from halftrack.whatif.words import Asked, parse

__all__ = ["Asked", "parse"]
