"""Everything about one entry in one document, by the rules of the kernel and the settings it is under."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from halftrack.diagnosis.explained import exchanges, origins, outcomes
from halftrack.diagnosis.explained import seen as seeing
from halftrack.diagnosis.explained.document import Explained
from halftrack.diagnosis.view import view
from halftrack.evidence import sysctls, uapi
from halftrack.tcp import profiles, releases, timeouts
from halftrack.tcp import settings as told
from halftrack.tcp.settings import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.diagnosis.explained.seen import Seen
    from halftrack.evidence.values import Evidence, Table

_PREFIXES: Final = {
    uapi.IPPROTO_TCP: "tcp_",
    uapi.IPPROTO_UDP: "udp_",
    uapi.IPPROTO_UDPLITE: "udp_",
    uapi.IPPROTO_GRE: "gre_",
    uapi.IPPROTO_ICMP: "icmp_",
    uapi.IPPROTO_ICMPV6: "icmpv6_",
}


def explain(
    evidence: Evidence, table: Table, row: Mapping[str, Any], entry: dict[str, Any], *, matching: int
) -> Explained:
    """``row``: of a view of ``table``. ``entry``: the same as ``halftrack.entries/1`` has it."""
    seen = seeing.of(row)
    book, assumed = _rulebook(evidence, table, seen)
    at = evidence.taken_at
    gone = None
    if at is not None and seen.left_s is not None and 0 <= seen.left_s <= timeouts.LONGEST:
        gone = at.replace(microsecond=0) + timedelta(seconds=seen.left_s)
    document = Explained(
        matching=matching,
        entry=entry,
        kernel=evidence.kernel,
        rules_of=book.profile.name,
        taken_at=at,
        assumed=assumed,
        left_s=seen.left_s,
        goes_at=gone,
        notes=tuple(_notes(evidence, seen, book)),
    )
    return _judged(document, seen, book)


def _judged(document: Explained, seen: Seen, book: Rulebook) -> Explained:
    if seen.status & uapi.IPS_OFFLOAD_MASK:
        return document
    if seen.l4proto != uapi.IPPROTO_TCP:
        if not exchanges.is_modelled(seen):
            return document
        upcoming, awaited = exchanges.upcoming(book, seen)
        gone = exchanges.after(book, seen)
        return msgspec.structs.replace(document, next=upcoming, waits_for=awaited, afterwards=gone)
    if not seen.state or seen.state >= len(uapi.TCP_STATES):
        return document
    came, mine = origins.judge(seen, origins.explore(seen, book))
    for history in mine:
        history.entry.status |= seen.status & uapi.IPS_FIXED_TIMEOUT
    upcoming, awaited = outcomes.of_tcp(book, mine, seen.options)
    return msgspec.structs.replace(
        document, origins=came, next=upcoming, waits_for=awaited, afterwards=outcomes.after_tcp(book)
    )


def _rulebook(evidence: Evidence, table: Table, seen: Seen) -> tuple[Rulebook, dict[str, int]]:
    """The kernel's rules with the settings in force; and of these, those that nobody has read."""
    profile = profiles.of(evidence.kernel)
    features = releases.features(evidence.kernel)
    if evidence.kernel is None and view(table, evidence).clamps is False:
        profile = profiles.EL6_EARLY
        features = replace(features, clamps_one_sided=False)
    read = {**evidence.input.assumed, **table.settings}
    settings = told.resolve(read, features, profile)
    known = timeouts.resolve(read, features)
    mine = _PREFIXES.get(seen.l4proto, "generic_")
    assumed = {name: known.values[name] for name in sorted(known.assumed) if name.startswith(mine)}
    if seen.l4proto == uapi.IPPROTO_TCP:
        values = told.named(settings)
        others = (sysctls.LOOSE, sysctls.BE_LIBERAL, sysctls.MAX_RETRANS)
        assumed |= {name: values[name] for name in others if timeouts.setting(read, name) is None}
    return Rulebook(profile, settings), assumed


def _notes(evidence: Evidence, seen: Seen, book: Rulebook) -> Iterator[str]:
    """What this rests on, and what it leaves out."""
    if seen.status & uapi.IPS_OFFLOAD_MASK:
        yield "its packets go past the tracker, by a flow table, which keeps it as long as they come"
    elif seen.l4proto in (uapi.IPPROTO_SCTP, uapi.IPPROTO_DCCP):
        yield "the kernel's rules for this protocol are not modelled"
    elif seen.l4proto in uapi.ICMP_PROTOCOLS and not exchanges.is_modelled(seen):
        yield "its type is not told, or begins no entry"
    elif seen.l4proto == uapi.IPPROTO_TCP and not (seen.state and seen.state < len(uapi.TCP_STATES)):
        yield "its state is not told, or is none that the tracker knows"
    elif seen.l4proto == uapi.IPPROTO_TCP and seen.flags is None:
        basis = "state, status and counters" if seen.packets else "state and status"
        yield f"TCP flags are not shown: how it came is concluded from {basis}"
    if evidence.kernel is None:
        kept = "; entries here live longer than newer ones allow" if not book.profile.clamps_one_sided else ""
        yield f"the kernel is not known{kept}: --assume kernel=... tells"
    if seen.status & uapi.IPS_FIXED_TIMEOUT:
        yield "its time is fixed: no packet moves it"
    if book.profile is not profiles.PRESENT:
        yield f"rules of {book.profile.name}: read from {book.profile.trees}; not tried on such a kernel"
