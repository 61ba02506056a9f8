"""The part of a filter that the kernel can apply while it dumps."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from halftrack.diagnosis.filters.terms import (
    Address,
    Filter,
    Mark,
    Match,
    Network,
    Not,
    Number,
    Span,
    Term,
    Word,
)
from halftrack.evidence import uapi
from halftrack.evidence.selection import EVERYTHING, Selection

_BITS: Final = {
    Word("assured"): (uapi.IPS_ASSURED, uapi.IPS_ASSURED),
    Not(Word("assured")): (0, uapi.IPS_ASSURED),
    Not(Word("nat")): (0, uapi.IPS_NAT_MASK),
    Not(Word("offloaded")): (0, uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD),
}
"""Terms that are ``status & mask == value``, as ``(value, mask)``."""


def selection(wanted: Filter) -> Selection:
    """A selection that holds at least every entry that the filter holds.

    Only what all entries must have counts: terms inside ``any:`` and fields with several values
    select nothing. Where two terms ask for the same thing the first one counts.
    """
    found = EVERYTHING
    for term in wanted.terms:
        found = _narrowed(found, term)
    return found


def _narrowed(found: Selection, term: Term) -> Selection:
    match term:
        case Word("one-sided"):
            found = _with_bits(found, 0, uapi.IPS_SEEN_REPLY)
            found = found if found.l4proto is not None else replace(found, l4proto=uapi.IPPROTO_TCP)
        case Word() | Not() if term in _BITS:
            found = _with_bits(found, *_BITS[term])
        case Match("proto", (Number(number),)) if found.l4proto is None:
            found = replace(found, l4proto=number)
        case Match("mark", (Mark(value, mask),)) if not found.mark_mask:
            found = replace(found, mark=value, mark_mask=mask)
        case Match("zone", (Span(low, high),)) if low == high and found.zone is None:
            found = replace(found, zone=low)
        case Match("sport", (Span(low, high),)) if low == high and found.orig_sport is None:
            found = replace(found, orig_sport=low)
        case Match("dport", (Span(low, high),)) if low == high and found.orig_dport is None:
            found = replace(found, orig_dport=low)
        case Match("src" | "dst", (Address(network=network),)) if network is not None:
            found = _with_network(found, term.field, network)
    return found


def _with_bits(found: Selection, value: int, mask: int) -> Selection:
    new = mask & ~found.status_mask
    return replace(found, status=found.status | value & new, status_mask=found.status_mask | new)


def _with_network(found: Selection, field: str, network: Network) -> Selection:
    if found.family is None:
        found = replace(found, family=uapi.AF_INET if network.version == 4 else uapi.AF_INET6)
    if network.num_addresses > 1:
        return found
    from halftrack.evidence import addresses  # noqa: PLC0415  # loads polars, and few filters get here

    pair = addresses.parse(str(network.network_address))
    if field == "src":
        return found if found.orig_src is not None else replace(found, orig_src=pair)
    return found if found.orig_dst is not None else replace(found, orig_dst=pair)
