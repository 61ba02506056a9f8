"""Cases with what lies around the table: sockets, queues, counters and routes; and what any case is weighed at."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl

from halftrack.diagnosis.causes import weigh_all
from halftrack.evidence.shaping import Interface, Queue, Shaping
from halftrack.evidence.stack import StackCounters
from halftrack.evidence.tcp_sockets import SCHEMA, TcpSockets
from halftrack.evidence.values import LocalAddress, Namespace, Owner, Table
from unit.caserows import V4, case, one_sided, spread_evenly

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

SERVER = V4 + 0x0A58000E
DAY = 86_400
IDLE = spread_evenly(500, 4 * DAY)
SLOW = {"rtt_us": 800_000, "min_rtt_us": 700_000}
ETH = Interface(2, "eth0", "veth", link=9, link_elsewhere=True)
OWNER = Owner("web-1", "1", "podman", ("10.88.0.14",), 4711)


def sockets(count: int = 20, **columns: Any) -> TcpSockets:
    """Connections of the service on tcp/80; each column one value or a list of them."""
    given: dict[str, Any] = {
        "state": 1,
        "local_hi": 0,
        "local_lo": SERVER,
        "local_port": 80,
        "remote_hi": 0,
        "remote_lo": list(range(V4 + 1, V4 + 1 + count)),
        "remote_port": 50_000,
        "timer": 0,
        "retransmits": 0,
        "rqueue": 0,
        "wqueue": 0,
        "rtt_us": 20_000,
        "rttvar_us": 2_000,
        "min_rtt_us": 15_000,
        "last_ack_recv_ms": 10,
        "bytes_sent": 100_000,
        "bytes_retrans": 0,
        **columns,
    }
    spread = {n: given.get(n) if isinstance(given.get(n), list) else [given.get(n)] * count for n in SCHEMA}
    return TcpSockets(pl.DataFrame(spread, schema=dict(SCHEMA)))


def stack(*values: dict[str, int]) -> tuple[StackCounters, ...]:
    return tuple(StackCounters(float(at), each) for at, each in enumerate(values))


def shaped(*queues: Queue, before: tuple[Queue, ...] | None = None) -> tuple[Shaping, ...]:
    first = queues if before is None else before
    return Shaping(0.0, (ETH,), first), Shaping(1.0, (ETH,), queues)


def tbf(**counted: int) -> Queue:
    return Queue(2, "tbf", "1:", "root", rate=50_000, sent_packets=1_000, **counted)


def weighed(one: Case, cause: str) -> Cause:
    (found,) = [each for each in weigh_all(one) if each.cause == cause]
    return found


def ranked(one: Case) -> dict[str, Cause]:
    return {cause.cause: cause for cause in weigh_all(one)}


def first(one: Case) -> str:
    return weigh_all(one)[0].cause


def told(cause: Cause) -> str:
    return " | ".join(reason.what for reason in cause.for_)


def against(cause: Cause) -> str:
    return " | ".join(reason.what for reason in cause.against)


def trouble(**table: Any) -> Case:
    return case("one-sided", one_sided(500, idle_s=IDLE), **table)


def contained(*queues: Queue, inside: tuple[Queue, ...] = ()) -> Case:
    """A container's entries in the table of its node, which sees the queues at both ends of its link."""
    frame = one_sided(500, idle_s=IDLE, owner=0, here=False)
    ends = (
        Interface(4, "uplink"),
        Interface(9, "veth1", "veth", link=2, link_elsewhere=True),
        Interface(11, "veth2", "veth", link=3, link_elsewhere=True),
    )
    node = (Shaping(0.0, ends, queues), Shaping(1.0, ends, queues))
    one = case("one-sided", frame, shaping=node)
    container = Table(
        Namespace("web-1", 4711, owner=OWNER),
        skipped=True,
        shaping=shaped(*inside),
        tcp=sockets(**SLOW),
        addresses=(LocalAddress("10.88.0.14", 16, "eth0"),),
    )
    evidence = dataclasses.replace(one.view.evidence, tables=(one.view.table, container), owners=(OWNER,))
    return dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))
