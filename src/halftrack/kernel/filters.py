"""Asking the kernel for a part of the table only.

Kernels differ in what they understand, and ignore silently what they do not: callers filter the
frame again. Only what an unaware kernel ignores without harm is sent; nothing here ever deletes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from halftrack.kernel.netlink import attribute

if TYPE_CHECKING:
    from halftrack.evidence.selection import Selection

CTA_STATUS: Final = 3
CTA_MARK: Final = 8
CTA_ZONE: Final = 18
CTA_MARK_MASK: Final = 21
CTA_STATUS_MASK: Final = 26


def attributes(selection: Selection) -> tuple[int, bytes]:
    """``(nfgen_family, attributes)`` of a dump request.

    Status: honoured since 5.15. Zone: since 6.8. Mark: always. Family: always.
    A family of 0 asks for all of them.
    """
    parts: list[bytes] = []
    if selection.status_mask:
        # A value of 0 is only taken together with a mask, the other way round the mask is refused.
        parts.append(attribute(CTA_STATUS, struct.pack(">I", selection.status)))
        parts.append(attribute(CTA_STATUS_MASK, struct.pack(">I", selection.status_mask)))
    if selection.mark_mask:
        parts.append(attribute(CTA_MARK, struct.pack(">I", selection.mark)))
        parts.append(attribute(CTA_MARK_MASK, struct.pack(">I", selection.mark_mask)))
    if selection.zone is not None:
        parts.append(attribute(CTA_ZONE, struct.pack(">H", selection.zone)))
    return selection.family or 0, b"".join(parts)
