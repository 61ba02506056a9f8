"""rtnetlink's answers about queueing disciplines as ``evidence.shaping.Shaping``."""

from __future__ import annotations

import struct
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.shaping import Interface, Queue, Shaping
from halftrack.kernel.netlink_messages import attributes, whole
from halftrack.kernel.traffic_control import IFINFOMSG, INGRESS, OUTWARDS, TCA_KIND, TCMSG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halftrack.kernel.traffic_control import Answers

# include/uapi/linux/rtnetlink.h, gen_stats.h, if_link.h
_TCA_OPTIONS: Final = 2
_TCA_STATS: Final = 3
_TCA_STATS2: Final = 7
_STATS_BASIC: Final = 1
_STATS_QUEUE: Final = 3
_IFLA_IFNAME: Final = 3
_IFLA_LINK: Final = 5
_IFLA_LINKINFO: Final = 18
_IFLA_LINK_NETNSID: Final = 37
_IFLA_INFO_KIND: Final = 1

_BASIC: Final = struct.Struct("=QI")
_QUEUE: Final = struct.Struct("=IIIII")
_OLD_STATS: Final = struct.Struct("=QIIIIIII")
"""struct tc_stats, all that 2.6 kernels may give; names of its fields below."""
_QUEUE_NAMES: Final = ("qlen", "backlog", "drops", "requeues", "overlimits")
_OLD_NAMES: Final = ("sent_bytes", "sent_packets", "drops", "overlimits", "bps", "pps", "qlen", "backlog")
_SIGNED: Final = struct.Struct("=i")
_LONG: Final = struct.Struct("=Q")
_SIGNED_LONG: Final = struct.Struct("=q")

_ROOT: Final = 0xFFFF_FFFF
_RATE_AT: Final = 8
"""Where struct tc_ratespec has its rate; it is 12 bytes long."""
_CEIL_AT: Final = 12 + _RATE_AT
# include/uapi/linux/pkt_sched.h: by kind, the attribute that holds the parameters (rate first), those
# that hold a rate and a ceiling of more than 32 bits; struct tc_tbf_qopt has its peak rate second.
_RATES: Final[Mapping[str, tuple[int, int, int]]] = {"htb": (1, 6, 7), "tbf": (1, 4, 5)}
_NETEM: Final = struct.Struct("=IIIIII")
_NETEM_RATE: Final = 6
_NETEM_RATE64: Final = 8
_NETEM_LATENCY64: Final = 10
# By kind of a classifier, the attributes that hold a policer of the old sort and actions
# (include/uapi/linux/pkt_cls.h).
_POLICERS: Final[Mapping[str, tuple[int | None, int]]] = {
    "u32": (6, 7),
    "bpf": (2, 1),
    "fw": (2, 4),
    "basic": (4, 3),
    "flower": (None, 3),
    "matchall": (None, 2),
}
_ACT_KIND: Final = 1
_BPF_NAME: Final = 7
_NOWHERE: Final[Mapping[int, int]] = MappingProxyType({})


def shaping(answers: Answers, spaces: Mapping[int, int] = _NOWHERE) -> Shaping:
    """What was answered, message by message; what is no such message is left out.

    ``spaces``: inodes by the number that this namespace has for them (``netns_ids.inodes``).
    """
    filters: dict[int, list[str]] = defaultdict(list)
    for interface, _, parent, found in _objects(answers.filters):
        name = _filter(found) + (" outwards" if parent == OUTWARDS else "")
        if name not in filters[interface]:
            filters[interface].append(name)
    queues = [
        _queue(interface, handle, parent, found, filters if parent == INGRESS else {}, is_class=is_class)
        for objects, is_class in ((answers.qdiscs, False), (answers.classes, True))
        for interface, handle, parent, found in _objects(objects)
    ]
    return Shaping(answers.at_s, tuple(_interfaces(answers, spaces)), tuple(queues), tuple(answers.unread))


def _objects(bodies: Sequence[bytes]) -> Iterator[tuple[int, int, int, dict[int, bytes]]]:
    for body in bodies:
        if len(body) >= TCMSG.size:
            _, interface, handle, parent, _ = TCMSG.unpack_from(body)
            yield interface, handle, parent, attributes(body[TCMSG.size :])


def _interfaces(answers: Answers, spaces: Mapping[int, int]) -> Iterator[Interface]:
    for body in answers.links:
        if len(body) < IFINFOMSG.size:
            continue
        _, _, index, _, _ = IFINFOMSG.unpack_from(body)
        found = attributes(body[IFINFOMSG.size :])
        kind = attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND)
        elsewhere = whole(found.get(_IFLA_LINK_NETNSID, b""), _SIGNED)
        yield Interface(
            index=index,
            name=_text(found.get(_IFLA_IFNAME, b"")) or str(index),
            kind=_text(kind) if kind else None,
            link=whole(found.get(_IFLA_LINK, b"")),
            link_elsewhere=elsewhere is not None,
            link_netns=None if elsewhere is None else spaces.get(elsewhere),
            programs=answers.programs.get(index, ()),
        )


def _queue(
    interface: int,
    handle: int,
    parent: int,
    found: Mapping[int, bytes],
    filters: Mapping[int, Sequence[str]],
    *,
    is_class: bool,
) -> Queue:
    kind = _text(found.get(TCA_KIND, b""))
    rate, ceil, delay_s = _limits(kind, found.get(_TCA_OPTIONS, b""), is_class=is_class)
    counted = _counted(found)
    return Queue(
        interface=interface,
        kind=kind,
        handle=_handle(handle),
        parent=_handle(parent),
        is_class=is_class,
        rate=rate,
        ceil=ceil,
        delay_s=delay_s,
        filters=tuple(filters.get(interface, ())),
        **counted,
    )


def _counted(found: Mapping[int, bytes]) -> dict[str, int]:
    """Whatever of the counters is told, by the names of Queue's fields."""
    stats = attributes(found.get(_TCA_STATS2, b""))
    counted: dict[str, int] = {}
    basic, queue = stats.get(_STATS_BASIC, b""), stats.get(_STATS_QUEUE, b"")
    if len(basic) >= _BASIC.size:
        counted["sent_bytes"], counted["sent_packets"] = _BASIC.unpack_from(basic)
    if len(queue) >= _QUEUE.size:
        counted |= dict(zip(_QUEUE_NAMES, _QUEUE.unpack_from(queue), strict=True))
    old = found.get(_TCA_STATS, b"")
    if not counted and len(old) >= _OLD_STATS.size:
        counted = dict(zip(_OLD_NAMES, _OLD_STATS.unpack_from(old), strict=True))
        del counted["bps"], counted["pps"]
    return counted


def _limits(kind: str, options: bytes, *, is_class: bool) -> tuple[int | None, int | None, float | None]:
    """Rate and ceiling in bytes a second, delay in seconds."""
    if kind == "netem":
        given = attributes(options[_NETEM.size :])
        rate = whole(given.get(_NETEM_RATE64, b""), _LONG) or whole(given.get(_NETEM_RATE, b""))
        delay_ns = whole(given.get(_NETEM_LATENCY64, b""), _SIGNED_LONG)
        return rate or None, None, delay_ns / 1e9 if delay_ns else None
    if kind not in _RATES or (kind == "htb" and not is_class):
        return None, None, None
    parameters, rate64, ceil64 = _RATES[kind]
    given = attributes(options)
    fixed = given.get(parameters, b"")
    rate = whole(given.get(rate64, b""), _LONG) or whole(fixed[_RATE_AT:])
    ceil = whole(given.get(ceil64, b""), _LONG) or whole(fixed[_CEIL_AT:])
    return rate or None, ceil or None, None


def _filter(found: Mapping[int, bytes]) -> str:
    """A classifier and the actions that it takes, as words: ``u32 police``."""
    kind = _text(found.get(TCA_KIND, b""))
    options = attributes(found.get(_TCA_OPTIONS, b""))
    police, actions = _POLICERS.get(kind, (None, 0))
    words = [kind]
    program = _text(options.get(_BPF_NAME, b"")) if kind == "bpf" else ""
    if program:
        words.append("_".join(program.split()))
    if police in options:
        words.append("police")
    for action in attributes(options.get(actions, b"")).values():
        name = attributes(action).get(_ACT_KIND)
        if name:
            words.append(_text(name))
    return " ".join(dict.fromkeys(words))


def _handle(number: int) -> str:
    """As tc(8) writes it."""
    if number in (_ROOT, INGRESS):
        return "root" if number == _ROOT else "ingress"
    return f"{number >> 16:x}:" + (f"{number & 0xFFFF:x}" if number & 0xFFFF else "")


def _text(raw: bytes) -> str:
    return escaped(raw.partition(b"\0")[0].decode("ascii", "replace"))
