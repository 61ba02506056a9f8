"""One entry explained: how it can have come to be, what it waits for, what each next packet would do."""

from __future__ import annotations

from halftrack.diagnosis.explained.explaining import explain

__all__ = ["explain"]
