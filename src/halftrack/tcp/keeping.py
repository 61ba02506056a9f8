"""Which setting decides how long an entry is kept: columns in, one small number an entry out.

The same rules as ``lifetimes`` applies to one packet, read backwards from an entry's state, status and
remaining time. Sources: ``nf_conntrack_proto_*.c``; the end of ``nf_conntrack_tcp_packet`` for what
shortens the timeout of a state. A changed setting holds for an entry from its next packet on: until
then it has what it was given (``nf_ct_refresh_acct``, skipped for ``IPS_FIXED_TIMEOUT``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from halftrack.evidence import uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from halftrack.tcp.releases import Features
    from halftrack.tcp.timeouts import Timeouts

UNTOLD: Final = 0
"""Number of the rule of an entry of which the rule, or its seconds, cannot be told."""
_ONE_SIDED: Final = "one-sided"
_SCTP: Final = "sctp_timeout_established"
_NAMES: Final = ("", *timeouts.KEEPING, _ONE_SIDED)
_NUMBER: Final = {name: number for number, name in enumerate(_NAMES)}
ONE_SIDED: Final = _NUMBER[_ONE_SIDED]
"""Of TCP that is ESTABLISHED and was never answered."""
ESTABLISHED: Final = _NUMBER[timeouts.ESTABLISHED]
_TCP: Final = frozenset(number for name, number in _NUMBER.items() if name.startswith("tcp_")) | {ONE_SIDED}
_OPENING: Final = (_NUMBER["tcp_timeout_syn_sent"], _NUMBER["tcp_timeout_syn_recv"])
_UNKNOWN: Final = -1
_STATES: Final = 16
_CLASSES: Final = (
    uapi.IPPROTO_TCP,
    uapi.IPPROTO_UDP,
    uapi.IPPROTO_UDPLITE,
    uapi.IPPROTO_ICMP,
    uapi.IPPROTO_ICMPV6,
    uapi.IPPROTO_GRE,
    uapi.IPPROTO_SCTP,
    uapi.IPPROTO_DCCP,
)
_STEADY: Final = {
    uapi.IPPROTO_ICMP: "icmp_timeout",
    uapi.IPPROTO_ICMPV6: "icmpv6_timeout",
}
_STREAMED: Final = {
    uapi.IPPROTO_UDP: (timeouts.UDP, timeouts.UDP_STREAM),
    uapi.IPPROTO_UDPLITE: (timeouts.UDP, timeouts.UDP_STREAM),
    uapi.IPPROTO_GRE: ("gre_timeout", "gre_timeout_stream"),
}
_SCTP_ESTABLISHED: Final = 4


class Span(NamedTuple):
    """Seconds that a packet gives: at least, most likely, at most; ``likely`` None: not known."""

    slow: int
    likely: int | None
    fast: int

    @classmethod
    def exactly(cls, seconds: int) -> Span:
        return cls(seconds, seconds, seconds)


def longest_short(known: Timeouts) -> int:
    """Seconds: with more left than this, ESTABLISHED was given its full timeout."""
    return max(known.values[timeouts.UNACKNOWLEDGED], known.values[timeouts.MAX_RETRANS])


def one_sided_timeout(known: Timeouts, features: Features, *, clamps: bool | None) -> int | None:
    """Seconds that a packet gives a one-sided entry; None where the kernel's rule is not known."""
    if clamps is None:
        return None
    if not clamps:
        return known.values[timeouts.ESTABLISHED]
    limit = min(known.values[timeouts.ESTABLISHED], known.values[timeouts.UNACKNOWLEDGED])
    if features.retrans_caps_pickup is not False:
        limit = min(limit, known.values[timeouts.MAX_RETRANS])
    return limit


def seconds(known: Timeouts, one_sided_s: int | None) -> npt.NDArray[np.int32]:
    """Seconds by number of the rule; -1 where they are not known."""
    most = np.iinfo(np.int32).max
    found = [_UNKNOWN if (value := known.get(name)) is None else min(value, most) for name in _NAMES]
    found[UNTOLD] = _UNKNOWN
    found[ONE_SIDED] = _UNKNOWN if one_sided_s is None else min(one_sided_s, most)
    return np.array(found, np.int32)


def spans(
    known: Timeouts, features: Features, *, clamps: bool | None, max_retrans: int = 3
) -> tuple[Span | None, ...]:
    """What a packet gives under these settings, by number of the rule; None where nothing is known.

    ``max_retrans``: ``tcp_max_retrans``. A count of 0 is reached at once: every state of TCP then lasts no
    longer than ``tcp_timeout_max_retrans``.
    """
    one_sided_s = one_sided_timeout(known, features, clamps=clamps)
    found = [Span.exactly(int(each)) if each != _UNKNOWN else None for each in seconds(known, one_sided_s)]
    if one_sided_s is None:
        least = one_sided_timeout(known, features, clamps=True)
        most = one_sided_timeout(known, features, clamps=False)
        assert least is not None  # noqa: S101  # with a rule there are seconds
        assert most is not None  # noqa: S101  # likewise
        found[ONE_SIDED] = Span(least, least if least == most else None, most)
    if max_retrans == 0:
        capped_s = known.values[timeouts.MAX_RETRANS]
        for number in _TCP:
            each = found[number]
            if each is not None:
                found[number] = Span(
                    min(each.slow, capped_s),
                    None if each.likely is None else min(each.likely, capped_s),
                    min(each.fast, capped_s),
                )
    return tuple(found)


def number(name: str) -> int:
    """Of the rule that a sysctl sets, by its name without prefix."""
    return _NUMBER[name]


def is_tcp(rule: int) -> bool:
    """Whether it is one of TCP's, or one that cannot be told, which only TCP's states leave open."""
    return rule == UNTOLD or rule in _TCP


def may_be_picked_up(rule: int) -> bool:
    """Whether an entry that this rule keeps may have begun in mid-stream: a SYN begins no such one."""
    return is_tcp(rule) and rule not in _OPENING


def rules(flows: pl.DataFrame, known: Timeouts, of_rule: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """The number of the rule of each entry.

    ``flows`` needs the schema's columns and ``one_sided``; ``of_rule``: ``seconds`` of the same timeouts.
    Little left of ESTABLISHED may come of data that nobody acknowledged, of retransmissions or of a long
    silence: only the flags tell the first of these from the others.
    """
    left = flows["timeout"].fill_null(-1).to_numpy()
    l4proto = flows["l4proto"].to_numpy()
    status = flows["status"].to_numpy()
    state = np.minimum(flows["state"].fill_null(0).to_numpy(), np.uint8(_STATES - 1))
    assured = (status & np.uint32(uapi.IPS_ASSURED)) != 0
    rule: npt.NDArray[np.uint8] = _PLAIN[
        (_class(l4proto) * np.uint16(_STATES) + state) * np.uint16(2) + assured
    ]

    tcp = l4proto == uapi.IPPROTO_TCP
    established = tcp & (state == uapi.TCP_CONNTRACK_ESTABLISHED)
    short = longest_short(known)
    if known.values[timeouts.ESTABLISHED] > short:
        rule[established & (left <= short)] = UNTOLD
    unacknowledged = known.values[timeouts.UNACKNOWLEDGED]
    if flows["tcp_flags_orig"].null_count() < flows.height:
        original, reply = flows["tcp_flags_orig"].fill_null(0), flows["tcp_flags_reply"].fill_null(0)
        flags = original.to_numpy() | reply.to_numpy()
        waiting = tcp & ((flags & uapi.IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED) != 0) & (left <= unacknowledged)
        given = of_rule[rule]
        rule[waiting & ((given > unacknowledged) | (given == _UNKNOWN))] = _NUMBER[timeouts.UNACKNOWLEDGED]
    rule[flows["one_sided"].to_numpy() & established] = ONE_SIDED
    return rule


def _class(l4proto: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    lookup = np.full(256, len(_CLASSES), np.uint16)
    for index, protocol in enumerate(_CLASSES):
        lookup[protocol] = index
    return lookup[l4proto]


def _plain() -> npt.NDArray[np.uint8]:
    """The rule by ``(class * states + state) * 2 + assured``, before what shortens a state's timeout."""
    table = np.full((len(_CLASSES) + 1, _STATES, 2), UNTOLD, np.uint8)
    for index, protocol in enumerate(_CLASSES):
        if protocol in _STEADY:
            table[index] = _NUMBER[_STEADY[protocol]]
        elif protocol in _STREAMED:
            table[index, :, 0], table[index, :, 1] = (_NUMBER[name] for name in _STREAMED[protocol])
        elif protocol == uapi.IPPROTO_TCP:
            for state, name in timeouts.TCP_STATE_TIMEOUTS.items():
                table[index, state] = _NUMBER[name]
        elif protocol == uapi.IPPROTO_SCTP:
            table[index, _SCTP_ESTABLISHED] = _NUMBER[_SCTP]
    table[len(_CLASSES)] = _NUMBER["generic_timeout"]
    return table.reshape(-1)


_PLAIN: Final = _plain()
