"""Hearing what begins: pick-ups made for real, counted, named, and bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack import live
from halftrack.diagnosis import COLUMNS, examine, origins
from halftrack.diagnosis.gaps import CAUSES
from halftrack.evidence import uapi
from halftrack.kernel import namespaces
from halftrack.kernel.ctnetlink import events
from halftrack.live import hearing, looking
from halftrack.live.place import Place
from kernel.arrivals import HALF_CLOSED, ONE_SIDED, PORT, arrive, tracked_netns
from kernel.examining import table
from kernel.filling import fill
from kernel.scratch import Netns, sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from halftrack.evidence.events import Events
    from halftrack.evidence.values import Evidence

_NETLINK_NETFILTER = 12


@pytest.fixture
def tracked() -> Iterator[Netns]:
    with tracked_netns("heard") as netns:
        yield netns


def meanwhile(netns: Netns, work: Callable[[], object], seconds: float) -> list[events.Batch]:
    """What is heard of the namespace while ``work`` is done in it."""
    sock = events.subscribe(netns.path)
    busy = threading.Thread(target=netns.call, args=(work,))
    busy.start()
    with sock:
        found = list(events.batches(sock, time.monotonic() + seconds, COLUMNS))
    busy.join()
    return found


def pick_ups(batches: Sequence[events.Batch]) -> int:
    picked = origins.picked_up().fill_null(value=False)
    return sum(batch.new.filter(picked).height for batch in batches)


def test_each_pick_up_is_heard_and_proven(tracked: Netns) -> None:
    """Packets of a server that nobody asked: each opens an entry in mid-stream, and its event says so."""
    heard = meanwhile(tracked, lambda: arrive(50, 1.0, ONE_SIDED), 3.0)
    count = int(tracked.run("conntrack", "-C"))
    assert pick_ups(heard) == sum(batch.new.height for batch in heard) == count
    assert count >= 40
    assert sum(batch.overruns + batch.unreadable for batch in heard) == 0
    first = next(batch.new for batch in heard if batch.new.height)
    assert set(first["orig_sport"]) == {PORT}
    assert set(first["state"]) == {uapi.TCP_CONNTRACK_ESTABLISHED}


def test_a_handshake_is_none(tracked: Netns) -> None:
    heard = meanwhile(tracked, lambda: arrive(20, 0.5, HALF_CLOSED), 2.5)
    assert sum(batch.new.height for batch in heard) >= 5
    assert pick_ups(heard) == 0


def test_ends_are_heard(tracked: Netns) -> None:
    def come_and_go() -> None:
        arrive(50, 0.5, ONE_SIDED)
        sh("conntrack", "-F")

    heard = meanwhile(tracked, come_and_go, 3.0)
    assert sum(batch.destroyed for batch in heard) == sum(batch.new.height for batch in heard) > 0


def test_more_than_can_be_fetched(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer of a few events and nobody who reads: what was lost is counted, and the rest comes."""
    monkeypatch.setattr(events, "ROOM", 8_192)
    sock = events.subscribe(netns.path)
    fill(netns, 2_000)
    with sock:
        heard = list(events.batches(sock, time.monotonic() + 0.5, COLUMNS))
    assert sum(batch.overruns for batch in heard) >= 1
    assert 0 < sum(batch.new.height for batch in heard) < 2_000


def test_a_hundred_thousand(netns: Netns) -> None:
    """As fast as entries can be made: each is heard."""
    heard = meanwhile(netns, lambda: fill(netns, 100_000), 8.0)
    if not any(batch.overruns for batch in heard):
        assert sum(batch.new.height for batch in heard) == 100_000
    assert all(batch.new.height <= 2 * 16_384 for batch in heard)


def listened(netns: Netns, work: Callable[[], object], seconds: float = 2.0) -> Evidence:
    over = threading.Event()
    busy = threading.Thread(target=lambda: (netns.call(lambda: _heard(over)), netns.call(work)))
    busy.start()
    found = live.examine(netns.path, in_depth=True, listen_s=seconds, counters_interval_s=0.0)
    over.set()
    busy.join()
    return found


def _heard(over: threading.Event) -> None:
    """Wait until somebody listens in this thread's namespace, or nobody will any more."""
    while not over.wait(0.01):
        lines = Path("/proc/thread-self/net/netlink").read_text("ascii").splitlines()[1:]
        if any(int(words[1]) == _NETLINK_NETFILTER and int(words[3], 16) for words in map(str.split, lines)):
            return


def heard_in(found: Evidence, netns: Netns) -> Events:
    heard = table(found, netns.name).events
    assert heard is not None
    return heard


def test_an_examination_listens(tracked: Netns) -> None:
    """By service, direction and peer, in the document."""
    found = listened(tracked, lambda: arrive(60, 1.0, ONE_SIDED), 4.0)
    heard = heard_in(found, tracked)
    assert heard.picked_up == heard.new >= 40
    assert len(heard.pick_ups) == heard.picked_up
    assert heard.kept_all
    assert heard.peak_per_s > 10
    assert heard.seconds >= 4.0

    (summary,) = [each for each in examine(found).diagnosis.tables if each.netns == tracked.name]
    assert summary.heard is not None
    assert summary.heard.picked_up == heard.picked_up
    assert sum(group.entries for group in summary.heard.groups) == heard.picked_up
    assert {group.service for group in summary.heard.groups} == {f"tcp/{PORT}"}
    assert summary.heard.groups[0].rate_per_minute


def test_only_so_many_entries_are_kept(tracked: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "MOST_KEPT", 10)
    heard = heard_in(listened(tracked, lambda: arrive(60, 1.0, ONE_SIDED), 4.0), tracked)
    assert (len(heard.pick_ups), heard.kept_all) == (10, False)
    assert heard.picked_up > 10


def test_only_so_many_namespaces_are_heard(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fullest; that others were not is said once."""
    monkeypatch.setattr(hearing, "MOST_PLACES", 1)
    with tracked_netns("full") as full:
        fill(full, 30)
        places = [Place(namespaces.at(one.path), wanted=True) for one in (netns, full)]
        looking.around(places)
        (gap,) = hearing.hear(places, 0.3, None)
    assert [place.events is not None for place in places] == [False, True]
    assert (gap.what, gap.netns) == ("events of 1 more namespace", None)


def test_switched_off_stays_off(tracked: Netns) -> None:
    """Nothing is switched on to be heard; it is said that nothing can be."""
    tracked.sysctl("nf_conntrack_events", 0)
    found = listened(tracked, lambda: arrive(20, 0.5, ONE_SIDED))
    assert table(found, tracked.name).events is None
    (gap,) = [each for each in found.gaps if each.what == f"events of {tracked.name}"]
    assert "nf_conntrack_events is 0" in gap.why
    read = Path("/proc/sys/net/netfilter/nf_conntrack_events")
    assert tracked.call(lambda: read.read_text("ascii").strip()) == "0"
    assert CAUSES.issuperset(gap.would_tell)


def test_without_the_capability(tracked: Netns) -> None:
    words = (
        "setpriv",
        "--bounding-set=-net_admin",
        "--inh-caps=-net_admin",
        sys.executable,
        "-m",
        "halftrack",
    )
    ran = subprocess.run(
        ["ip", "netns", "exec", tracked.name, *words, "--netns", "self", "--json", "doctor", "--listen", "1s"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    gaps = {gap["what"]: gap["needs"] for gap in json.loads(ran.stdout)["gaps"]}
    assert [needs for what, needs in gaps.items() if what.startswith("events of")] == [["CAP_NET_ADMIN"]]


def test_on_the_screen(tracked: Netns) -> None:
    busy = threading.Thread(target=lambda: tracked.call(lambda: arrive(60, 3.0, ONE_SIDED)))
    busy.start()
    ran = subprocess.run(
        ["ip", "netns", "exec", tracked.name, sys.executable, "-m", "halftrack",
         "--netns", "self", "doctor", "--listen", "2s"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    busy.join()
    assert "Heard   in 2" in ran.stdout, ran.stdout + ran.stderr
    assert "in mid-stream" in ran.stdout
    assert f"tcp/{PORT}" in ran.stdout
