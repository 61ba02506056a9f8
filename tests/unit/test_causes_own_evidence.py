"""No cause is likely without evidence that no other cause of the same entries shows.

Held over cases that make each cause likely, and over cases put together at random.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from halftrack.diagnosis import cases, causes, sources
from halftrack.diagnosis.causes import CAUSES, facts, weigh_all, weighing
from halftrack.diagnosis.document import LIKELY, ReadAt
from halftrack.diagnosis.standing import Standing
from halftrack.diagnosis.symptoms import ENTRY_SYMPTOMS
from halftrack.evidence import uapi
from halftrack.evidence.provenance import COUNTERS as COUNTERS_READ
from halftrack.evidence.provenance import ENTRIES, ROUTING, RULES, SHAPING, SOCKETS, STACK, TCP, Origin
from halftrack.evidence.routing import Routing, WayBack
from halftrack.evidence.shaping import Queue
from halftrack.evidence.tracking import Tracking
from halftrack.evidence.values import Counters, LocalAddress
from unit import flowrows
from unit.anything import node
from unit.caserows import FIVE_DAYS, V4, case, on_kernel, one_sided, rows, spread_evenly
from unit.causecases import DAY, SLOW, shaped, sockets, stack, tbf, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.weighing import Clue
    from halftrack.diagnosis.document import Cause

COUNTERS = ("TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed")


class Told:
    """What each cause was concluded from: a round for each case, and for each large part of one."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, tuple[Cause, list[Clue]]]] = []

    def conclude(
        self, cause: str, start: float, clues: Iterable[Clue | None], missing: Iterable[str | None] = ()
    ) -> Cause | None:
        told = [clue for clue in clues if clue is not None]
        found = weighing.conclude(cause, start, told, missing)
        if found is not None:
            self.rounds[-1][cause] = found, [clue for clue in told if clue.weight > 0]
        return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    listener = Told()
    weighed = causes.each

    def of_another(case: Case) -> dict[str, Cause]:
        listener.rounds.append({})
        return weighed(case)

    monkeypatch.setattr(causes, "each", of_another)
    for weigh in CAUSES:
        monkeypatch.setattr(sys.modules[weigh.__module__], "conclude", listener.conclude)
    return listener


def likely_by_their_own(listener: Told) -> set[str]:
    """The causes that were likely; each of them by a clue that no other one has for it."""
    likely = set()
    for round_ in listener.rounds:
        for name, (cause, clues) in round_.items():
            others = {clue.what for other, (_, them) in round_.items() if other != name for clue in them}
            own = [clue.what for clue in clues if clue.own]
            assert others.isdisjoint(own), f"{name} calls its own what another shows as well: {own}"
            if cause.confidence > LIKELY:
                likely.add(name)
                assert own, f"{name} is likely by what others show, too"
    return likely


def half_open(count: int, **columns: Any) -> Case:
    state = {"state": uapi.TCP_CONNTRACK_SYN_RECV, "status": uapi.IPS_SEEN_REPLY, **columns}
    return case("half-open", rows(count, idle_s=spread_evenly(count, 60), **state))


def injected() -> Case:
    short = ("unacknowledged", "max_retrans")
    settings = {f"net.netfilter.nf_conntrack_tcp_timeout_{name}": "300" for name in short}
    frame = one_sided(40, timeout=400_000, origin="injected")
    return on_kernel(case("one-sided", frame, settings=settings), "6.12.48", settings)


def close_wait() -> Case:
    frame = rows(200, state=uapi.TCP_CONNTRACK_CLOSE_WAIT, idle_s=[600] * 200, timeout=3_000)
    return case("half-closed", frame, settings={"net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600"})


def astray(**columns: Any) -> Case:
    way = WayBack("10.88.0.14", "198.51.100.7", "eth1", "eth0")
    frame = one_sided(500, idle_s=[5] * 500, **columns)
    return case("one-sided", frame, routing=Routing(ways=(way,)), addresses=())


def pool() -> Case:
    """A database's own sockets, three clients."""
    peers = [(f"10.0.0.{n % 3 + 2}", 40_000 + n) for n in range(60)]
    table = flowrows.table(
        *(
            flowrows.row(peer, "10.0.0.1", port, 5432, left=FIVE_DAYS - 10_000 - 900 * n)
            for n, (peer, port) in enumerate(peers)
        ),
        sockets=flowrows.sockets(*(("10.0.0.1", 5432, *peer) for peer in peers)),
        addresses=(LocalAddress("10.0.0.1", 24, "eth0"),),
    )
    (one,) = cases(flowrows.evidence(table))
    return one


def frozen() -> Case:
    frame = rows(60, idle_s=spread_evenly(60, 10_860, 10_800), origin="handshake")
    return on_kernel(case("orphaned", frame, tracking=Tracking()), "6.12.48", {})


def reset() -> Case:
    """What is reset now, and found invalid."""
    frame = rows(60, idle_s=spread_evenly(60, DAY), reply_sport=443, origin="handshake")
    counted = tuple(Counters(float(at), {"invalid": 500 + 40 * at}) for at in (0, 1))
    resets = stack({"Tcp.EstabResets": 400}, {"Tcp.EstabResets": 420})
    return case("orphaned", frame, counters=counted, stack=resets)


LIKELY_CASES: dict[str, Callable[[], Case]] = {
    "asymmetric-path": astray,
    "hooks-off": frozen,
    "idle-pool": pool,
    "direct-return": lambda: astray(local_src=False, service="tcp/80", orig_sport=50_000, orig_dport=80),
    "injected": injected,
    "long-close-wait": close_wait,
    "owner-removed": lambda: case(
        "orphaned", rows(600, idle_s=[3_600 + 43_200 * (n % 6) + n // 6 % 30 for n in range(600)])
    ),
    "rst-ignored": reset,
    "scan": lambda: half_open(
        500, state=uapi.TCP_CONNTRACK_SYN_SENT, status=0, peer_lo=V4 + 7, orig_dport=range(1, 501)
    ),
    "shaping": lambda: trouble(shaping=shaped(tbf(backlog=60_000, drops=9))),
    "slow-path": lambda: trouble(tcp=sockets(**SLOW)),
    "syn-flood": lambda: half_open(2_000),
    "table-flush": lambda: case(
        "one-sided", one_sided(2_000, idle_s=[72_000 + n % 50 for n in range(2_000)], origin="pick-up")
    ),
    "vanished-peer": lambda: case("orphaned", rows(5_000, idle_s=spread_evenly(5_000, 4 * DAY))),
}
"""A case that makes each cause likely."""


@pytest.mark.parametrize("cause", LIKELY_CASES)
def test_what_makes_a_cause_likely_is_its_own(cause: str, told: Told) -> None:
    weigh_all(LIKELY_CASES[cause]())
    assert cause in likely_by_their_own(told)


def surroundings(dice: np.random.Generator) -> dict[str, Any]:
    """What may have been read around a table, each with even chances."""
    slow = {"rtt_us": int(dice.choice([2_000, 800_000])), "min_rtt_us": 1_000}
    sent = {"wqueue": int(dice.choice([0, 4_000])), "retransmits": int(dice.choice([0, 3]))}
    queue = tbf(backlog=int(dice.choice([0, 60_000])), drops=int(dice.choice([0, 40])))
    counted = [{name: int(dice.integers(0, 300)) for name in COUNTERS} for _ in range(2)]
    way = WayBack("10.88.0.14", "198.51.100.7", str(dice.choice(["eth0", "eth1"])), "eth0")
    everything: dict[str, Any] = {
        "tcp": sockets(20, **slow, **sent, bytes_retrans=int(dice.choice([0, 9_000]))),
        "shaping": shaped(queue, Queue(2, "netem", "2:", "1:", delay_s=float(dice.choice([0, 0.4])))),
        "stack": stack(counted[0], {name: counted[0][name] + counted[1][name] for name in COUNTERS}),
        "routing": Routing(ways=(way,)),
        "addresses": (),
    }
    return {name: value for name, value in everything.items() if dice.random() < 0.5}


def anyhow(dice: np.random.Generator) -> Iterator[Case]:
    """Cases of every symptom, with whatever else."""
    count = int(dice.integers(1, 400))
    idle = sorted(int(each) for each in dice.integers(0, int(dice.choice([60, 9_000, FIVE_DAYS])), count))
    about = {
        "idle_s": idle,
        "origin": str(dice.choice(["pick-up", "handshake", "injected"])),
        "orig_packets": int(dice.choice([0, 1, 12, 400])),
        "age_s": [each + int(dice.choice([0, 5_000])) for each in idle],
        "side": str(dice.choice(["server", "client", "forwarded"])),
    }
    for symptom in ("one-sided", "orphaned"):
        frame = one_sided(count, local_src=bool(dice.random() < 0.5), **about)
        yield case(symptom, frame, **surroundings(dice))
    for symptom in ("orphaned", "idle-established", "half-closed", "half-open", "stale-nat", "unreplied-udp"):
        yield case(symptom, rows(count, **about), **surroundings(dice))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_there_a_likely_cause_has_evidence_of_its_own(seed: int, told: Told) -> None:
    for one in anyhow(np.random.default_rng(seed)):
        weigh_all(one)
    likely_by_their_own(told)


@pytest.mark.parametrize("seed", range(6))
def test_nor_in_a_damaged_table(seed: int, told: Told) -> None:
    for one in cases(node(seed, 80)):
        weigh_all(one)
    likely_by_their_own(told)


SETTING_IS_THE_CAUSE = {"long-close-wait"}


@pytest.mark.parametrize("cause", LIKELY_CASES)
def test_what_let_it_happen_is_told_apart_from_what_set_it_off(cause: str) -> None:
    """Settings that allow a symptom stand beside its causes, never among the evidence for them."""
    one = LIKELY_CASES[cause]()
    off = {"net.ipv4.tcp_syncookies": "0", "net.netfilter.nf_conntrack_tcp_loose": "1"}
    table = dataclasses.replace(one.view.table, settings={**one.view.table.settings, **off})
    one = dataclasses.replace(one, view=dataclasses.replace(one.view, table=table))
    symptom = next(each for each in ENTRY_SYMPTOMS if each.slug == one.symptom)
    account = symptom.describe(one, Standing(one.rows.height, one.rows.height, 262_144), None)
    enablers = {by.setting for by in account.enabled_by}
    assert enablers
    for found in weigh_all(one):
        if found.cause not in SETTING_IS_THE_CAUSE:
            assert not [reason for reason in found.for_ if any(name in reason.source for name in enablers)]


def test_every_cause_is_tried() -> None:
    modules = {weigh.__module__.removeprefix(f"{causes.__name__}.").replace("_", "-") for weigh in CAUSES}
    assert modules == set(LIKELY_CASES)


@pytest.mark.parametrize("cause", LIKELY_CASES)
def test_every_reason_says_where_it_was_read(cause: str) -> None:
    """By the words with which it names its source, whatever was read there."""
    one = LIKELY_CASES[cause]()
    keys = (ENTRIES, COUNTERS_READ, SOCKETS, TCP, STACK, SHAPING, ROUTING, RULES)
    read_from = {
        **{name: (Origin("sysctl", 3, 3),) for name in one.view.table.settings},
        **{key: (Origin(key, 7, 9),) for key in keys},
    }
    tables = tuple(dataclasses.replace(each, read_from=read_from) for each in one.view.evidence.tables)
    seen = dataclasses.replace(
        one.view,
        table=dataclasses.replace(one.view.table, read_from=read_from),
        evidence=dataclasses.replace(one.view.evidence, tables=tables),
    )
    placed = sources.of_causes(weigh_all(one), dataclasses.replace(one, view=seen), (ReadAt(file="entries"),))
    reasons = [each for found in placed for each in (*found.for_, *found.against)]
    assert reasons
    assert {each.source for each in reasons if not each.at} <= {
        facts.EVENTS,
        "processes and rules",
        "processes of the node",
    }
