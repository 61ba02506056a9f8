"""Columns of the flow table that a comparison looks at; known before anything heavy is loaded."""

from __future__ import annotations

from typing import Final

ADDRESSES: Final = ("orig_src", "orig_dst", "reply_src", "reply_dst")
"""Stems, as ``flows.ADDRESS_COLUMNS``."""
NUMBERS: Final = (
    "family",
    "l4proto",
    *(f"{way}_{end}" for way in ("orig", "reply") for end in ("sport", "dport")),
    *("orig_type", "orig_code", "orig_icmp_id"),
    *(f"{way}_{end}" for way in ("orig", "reply") for end in ("srckey", "dstkey")),
    "zone",
    "zone_dir",
)
"""What, with the addresses, makes an entry the same: both tuples and the zone."""
COLUMNS: Final = frozenset(
    {
        *NUMBERS,
        *(f"{stem}_{half}" for stem in ADDRESSES for half in ("hi", "lo")),
        *("id", "status", "state", "timeout", "start_ns", "delta_time"),
    }
)
"""All of them."""
