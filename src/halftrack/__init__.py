"""Halftrack: the health of the kernel's connection-tracking table."""

__version__ = "0.1.0"
