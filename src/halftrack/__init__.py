"""Halftrack: the health of the kernel's connection-tracking table."""

from typing import Final

__version__: Final = "0.1.0"
