"""Evidence with every address and name in it as a table says.

What a field holds is known by its place: columns of addresses, numbers of ranges, names, texts. What is a
word of ours or the kernel's (a protocol, a state, a setting) is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from halftrack.evidence.addresses import OPAQUE_HI
from halftrack.evidence.flows import ADDRESS_COLUMNS, FlowTable
from halftrack.evidence.kernel_log import Lines
from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
from halftrack.evidence.rulesets import Condition, RuleTable, VirtualService
from halftrack.evidence.shaping import Interface, Queue, RateSetting
from halftrack.evidence.sysctls import SysctlLine
from halftrack.evidence.tcp_sockets import TcpSockets
from halftrack.evidence.values import (
    OWN,
    UNNAMED,
    Evidence,
    Firewall,
    Front,
    Gap,
    Input,
    LocalAddress,
    Namespace,
    Owner,
    PublishedPort,
    Sockets,
    Table,
)
from halftrack.masking import kinds
from halftrack.masking.kinds import BITS, Network

if TYPE_CHECKING:
    from collections.abc import Sequence

_SETTING: Final = re.compile(r"(net\.ipv[46]\.(?:conf|neigh)\.)(.*)(\.\w+)")
_SOCKET_ENDS: Final = ("local", "remote")


class Substitutes(Protocol):
    """What the walk asks for. Each method gives what is to stand there instead."""

    def text(self, text: str) -> str: ...

    def name(self, name: str) -> str: ...

    def called(self, name: str) -> str:
        """Of a chain, a table or an interface."""
        ...

    def host(self, name: str) -> str:
        """Likewise, with a domain or without."""
        ...

    def identity(self, text: str) -> str:
        """Of a container or a machine."""
        ...

    def number(self, address: int) -> int: ...

    def network(self, its: Network) -> Network: ...

    def frame(self, frame: pl.DataFrame, stems: Sequence[str]) -> pl.DataFrame:
        """``stems``: of columns of addresses, ``…_hi`` and ``…_lo``."""
        ...


_PASSED_OVER: Final[Mapping[type, frozenset[str]]] = {
    Evidence: frozenset({"source", "kernel", "firewall", "node"}),
    Namespace: frozenset({"name"}),
    Gap: frozenset({"netns", "would_tell"}),
    Owner: frozenset({"runtime"}),
    PublishedPort: frozenset({"protocol"}),
    Front: frozenset({"protocol"}),
    Queue: frozenset({"kind", "handle", "parent"}),
    Interface: frozenset({"kind"}),
    RuleTable: frozenset({"family", "flavour"}),
    Lines: frozenset({"kind"}),
    Input: frozenset({"masked", "masked_by", "formats", "assumed"}),
    Firewall: frozenset({"tool", "managers", "copiers"}),
}
_NAMES: Final[Mapping[type, frozenset[str]]] = {
    Evidence: frozenset({"user"}),
    Owner: frozenset({"name", "namespace", "pod", "workload"}),
    Front: frozenset({"name"}),
}
_IDENTITIES: Final[Mapping[type, frozenset[str]]] = {
    Evidence: frozenset({"machine"}),
    Owner: frozenset({"id"}),
    RateSetting: frozenset({"container"}),
    Lines: frozenset({"container"}),
}


_CALLED: Final[Mapping[type, frozenset[str]]] = {
    Interface: frozenset({"name"}),
    WayBack: frozenset({"interface", "expected"}),
    DefaultRoute: frozenset({"interface"}),
}


def walked(value: Any, of: Substitutes) -> Any:
    """The same value, with what ``of`` says in it."""
    if isinstance(value, str):
        return of.text(value)
    if isinstance(value, tuple):
        return tuple(walked(each, of) for each in value)
    if isinstance(value, frozenset):
        return frozenset(walked(each, of) for each in value)
    if isinstance(value, Mapping):
        return {key: walked(each, of) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        special = (_SPECIAL[kind] for kind in type(value).__mro__ if kind in _SPECIAL)
        return next(special, _plain)(value, of)
    return value


def _plain(value: Any, of: Substitutes) -> Any:
    kind = type(value)
    passed = _PASSED_OVER.get(kind, ())
    as_told = ((_NAMES, of.name), (_IDENTITIES, of.identity), (_CALLED, of.called))
    changed = {}
    for each in fields(value):
        its = getattr(value, each.name)
        if its is None or each.name in passed:
            continue
        one = next((what for table, what in as_told if each.name in table.get(kind, ())), None)
        changed[each.name] = one(its) if one else walked(its, of)
    return replace(value, **changed)


def _evidence(value: Evidence, of: Substitutes) -> Evidence:
    found: Evidence = _plain(value, of)
    return found if value.node == UNNAMED else replace(found, node=of.host(value.node))


def _namespace(value: Namespace, of: Substitutes) -> Namespace:
    """Its name is one, but where it says which namespace of the node it is.

    That is fit for a screen, and a mount is called as it is: what does not show is spelled otherwise there.
    """
    found: Namespace = _plain(value, of)
    path = found.path
    if value.path is not None and not value.path.isprintable():
        place, slash, mount = value.path.rpartition("/")
        path = f"{of.text(place)}{slash}{of.name(mount)}"
    return replace(found, name=_netns(value.name, of), path=path)


def _gap(value: Gap, of: Substitutes) -> Gap:
    found: Gap = _plain(value, of)
    return replace(found, netns=None if value.netns is None else _netns(value.netns, of))


def _netns(name: str, of: Substitutes) -> str:
    return name if name in OWN else of.name(name)


def _flows(value: FlowTable, of: Substitutes) -> FlowTable:
    """Spellings that are masked already stay as they were written."""
    return replace(value, frame=of.frame(value.frame, ADDRESS_COLUMNS))


def _sockets(value: Any, of: Substitutes) -> Any:
    return replace(value, frame=of.frame(value.frame, _SOCKET_ENDS))


def _local(value: LocalAddress, of: Substitutes) -> LocalAddress:
    address, percent, scope = value.address.partition("%")
    try:
        number = kinds.number(address)
    except ValueError:
        return replace(value, address=of.text(value.address), interface=of.called(value.interface))
    shift = 96 if kinds.is_v4(number) else 0
    its = of.network(kinds.network(number, min(value.prefix + shift, BITS)))
    other = of.number(number)
    return replace(
        value,
        address=f"{kinds.shown(other)}{percent}{of.called(scope)}",
        prefix=its.length - shift,
        interface=of.called(value.interface),
    )


def _condition(value: Condition, of: Substitutes) -> Condition:
    if value.field in {"in", "out"}:
        return replace(value, words=frozenset(map(of.called, value.words)))
    if value.field in {"saddr", "daddr"}:
        return replace(value, ranges=tuple(_range(first, last, of) for first, last in value.ranges))
    return value


def _range(first: int, last: int, of: Substitutes) -> tuple[int, int]:
    size = last - first + 1
    if size > 1 and size & (size - 1) == 0 and first % size == 0:
        its = of.network(Network(first, BITS - (size.bit_length() - 1)))
        return its.first, its.last
    return of.number(first), of.number(last)


def _rule_table(value: RuleTable, of: Substitutes) -> RuleTable:
    chains = {of.called(name): walked(chain, of) for name, chain in value.chains.items()}
    return replace(value, name=of.called(value.name), chains=chains)


def _service(value: VirtualService, of: Substitutes) -> VirtualService:
    return replace(
        value,
        address=None if value.address is None else of.number(value.address),
        destinations=tuple((of.number(address), port) for address, port in value.destinations),
        text=of.text(value.text),
    )


def _table(value: Table, of: Substitutes) -> Table:
    found: Table = _plain(value, of)
    return replace(
        found,
        settings={_setting(name, of): text for name, text in value.settings.items()},
        read_from={_setting(key, of): its for key, its in found.read_from.items()},
    )


def _setting(name: str, of: Substitutes) -> str:
    """Names of settings hold names of interfaces, and are otherwise the kernel's words."""
    parts = _SETTING.fullmatch(name)
    return name if parts is None else f"{parts[1]}{of.called(parts[2])}{parts[3]}"


def _sysctl_line(value: SysctlLine, of: Substitutes) -> SysctlLine:
    return replace(value, file=of.text(value.file), name=_setting(value.name, of))


def _routing(value: Routing, of: Substitutes) -> Routing:
    found: Routing = _plain(value, of)
    return replace(found, rp_filter={of.called(name): its for name, its in value.rp_filter.items()})


def _input(value: Input, of: Substitutes) -> Input:
    """Lines that could not be read may say anything: where they stood is kept, and why."""
    found: Input = _plain(value, of)
    told = tuple(":".join(line.split(":", 3)[:3]) for line in value.first_unreadable)
    return replace(found, first_unreadable=tuple(map(of.text, told)))


_SPECIAL: Final[Mapping[type, Any]] = {
    Evidence: _evidence,
    Namespace: _namespace,
    Gap: _gap,
    FlowTable: _flows,
    Sockets: _sockets,
    TcpSockets: _sockets,
    LocalAddress: _local,
    Condition: _condition,
    RuleTable: _rule_table,
    VirtualService: _service,
    Table: _table,
    SysctlLine: _sysctl_line,
    Routing: _routing,
    Input: _input,
}


def distinct(frame: pl.DataFrame, stems: Sequence[str]) -> set[int]:
    """Addresses in columns, but those that are masked already."""
    pairs = pl.concat(
        [
            frame.lazy().select(pl.col(f"{stem}_hi").alias("hi"), pl.col(f"{stem}_lo").alias("lo")).unique()
            for stem in stems
        ]
    ).unique().drop_nulls().collect()  # fmt: skip
    return {hi << 64 | lo for hi, lo in pairs.iter_rows() if hi != OPAQUE_HI}
