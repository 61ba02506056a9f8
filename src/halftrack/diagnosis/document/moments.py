"""What a moment is in documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""With its zone: without one a document that is read is refused, since it could not be compared with now."""
