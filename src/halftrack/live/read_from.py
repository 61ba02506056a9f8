"""Where what is known of a namespace was read: on a live node files of /proc, and requests to the kernel."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from halftrack.evidence.provenance import (
    ADDRESSES,
    BUCKETS,
    COUNT,
    COUNTERS,
    ENTRIES,
    KERNEL,
    LIMIT,
    NODE,
    ROUTING,
    RULES,
    SHAPING,
    SOCKETS,
    STACK,
    TAKEN_AT,
    TCP,
    Origin,
    Origins,
)
from halftrack.evidence.sysctls import HASHSIZE, OLD_PREFIXES, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halftrack.evidence.values import Table

_DUMP: Final = "ctnetlink: IPCTNL_MSG_CT_GET"
_SOCK_DIAG: Final = "sock_diag: SOCK_DIAG_BY_FAMILY"
_TEXT_OF_TABLE: Final = "net/nf_conntrack"
_NUMBERS: Final = {COUNT: "count", LIMIT: "max", BUCKETS: "buckets"}

OF_NODE: Final[Origins] = {
    KERNEL: (Origin("uname(2)"),),
    TAKEN_AT: (Origin("clock of this node"),),
    NODE: (Origin("uname(2)"),),
}


def of(table: Table, proc: str = "/proc") -> Origins:
    """``proc``: where the files were read; the namespace is the table's."""
    named = {name: _of_setting(proc, name) for name in table.settings}
    return {
        **named,
        **dict(_limits(table, named, proc)),
        **dict(_read(table, proc)),
    }


@functools.lru_cache(maxsize=256)
def _of_setting(proc: str, name: str) -> tuple[Origin, ...]:
    """The same for all namespaces of a node."""
    return (Origin(f"{proc}/sys/{name.replace('.', '/')}"),)


def _limits(
    table: Table, named: Mapping[str, tuple[Origin, ...]], proc: str
) -> Iterable[tuple[str, tuple[Origin, ...]]]:
    numbers = {COUNT: table.count, LIMIT: table.limit, BUCKETS: table.buckets}
    for what, last in _NUMBERS.items():
        if numbers[what] is None:
            continue
        known = [named[name] for prefix in (PREFIX, *OLD_PREFIXES) if (name := prefix + last) in named]
        if what == BUCKETS and table.settings and not known:
            known = [(Origin(HASHSIZE),)]
        yield what, known[0] if known else _of_setting(proc, PREFIX + last)


def _read(table: Table, proc: str) -> Iterable[tuple[str, tuple[Origin, ...]]]:
    if table.flows is not None:
        text = table.flows.lines is not None
        yield ENTRIES, (table.flows.stands_in(f"{proc}/{_TEXT_OF_TABLE}") if text else Origin(_DUMP),)
    asked = (
        (COUNTERS, table.counters, (f"{proc}/net/stat/nf_conntrack",)),
        (SOCKETS, table.sockets, (_SOCK_DIAG,)),
        (ADDRESSES, table.addresses, ("rtnetlink: RTM_GETADDR",)),
        (TCP, table.tcp, (f"{_SOCK_DIAG}, tcp_info",)),
        (STACK, table.stack, (f"{proc}/net/snmp", f"{proc}/net/netstat")),
        (SHAPING, table.shaping, ("rtnetlink: RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER",)),
        (ROUTING, table.routing, ("rtnetlink: RTM_GETROUTE",)),
        (RULES, table.rules, tuple(table.rules.raw) if table.rules else ()),
    )
    for what, value, files in asked:
        if value and files:
            yield what, tuple(Origin(file) for file in files)
