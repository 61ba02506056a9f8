"""Examining this node, with namespaces of the test's own on it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cli.conftest import process
from halftrack import live
from halftrack.diagnosis.gaps import complete
from halftrack.diagnosis.gaps import of as gaps_of
from halftrack.errors import FeatureMissing, UsageError
from halftrack.evidence.selection import Selection
from halftrack.kernel import ctnetlink, memory, sysctl
from halftrack.live import entries
from kernel.examining import ALONE, table
from kernel.filling import fill
from kernel.inject import End, Entries, inject
from kernel.scratch import Netns, scratch_netns, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Evidence, Gap, Namespace, Table


def examine(netns: str | None = None, **options: object) -> Evidence:
    return live.examine(netns, counters_interval_s=0.0, **options)


def gaps(found: Evidence, word: str) -> list[Gap]:
    return [gap for gap in found.gaps if word in gap.what]


def rows(one: Table) -> int:
    assert one.flows is not None
    return len(one.flows)


def test_what_is_worth_reading_is_read(full: Netns) -> None:
    """Our own, and those with a thousand entries; of a small one the count and the addresses."""
    with scratch_netns("small") as small:
        fill(small, 3)
        found = examine()

    host, big, little = (table(found, name) for name in ("host", full.name, small.name))
    assert found.tables[0] is host
    assert host.flows is not None
    assert rows(big) == big.count == 1_500
    assert not big.skipped
    assert big.settings["net.netfilter.nf_conntrack_tcp_timeout_established"] == "432000"
    assert (little.flows, little.skipped, little.count) == (None, True, 3)
    assert little.addresses is not None
    assert ("127.0.0.1", "lo") in [(one.address, one.interface) for one in little.addresses]
    assert little.sockets is not None


def test_the_node_itself() -> None:
    found = examine()
    assert found.node == os.uname().nodename
    assert found.kernel == os.uname().release
    assert found.taken_at is not None
    assert timedelta(0) <= datetime.now(UTC) - found.taken_at < timedelta(minutes=1)
    assert found.user is None
    assert not found.in_container
    assert found.entry_bytes
    host = table(found, "host")
    assert host.limit == int(sh("sysctl", "-n", "net.netfilter.nf_conntrack_max"))
    assert host.settings["net.nf_conntrack_max"] == str(host.limit)
    assert found.sysctl_lines is not None


def test_all_reads_the_small_ones_too(netns: Netns) -> None:
    fill(netns, 3)
    assert rows(table(examine("all"), netns.name)) == 3


@pytest.mark.parametrize("word", ["name", "path"])
def test_one_is_read_alone(full: Netns, word: str) -> None:
    """The others only lend their addresses and sockets: they are not judged."""
    found = examine(full.name if word == "name" else full.path)

    read = [one.netns for one in found.tables if one.flows is not None]
    assert read == [full.name]
    host = table(found, "host")
    assert (host.skipped, host.limit, host.counters) == (True, None, ())
    assert host.addresses


def test_a_path_outside_the_usual_places(full: Netns) -> None:
    """Whatever leads to the namespace is taken."""
    assert rows(table(examine(f"/proc/self/root{full.path}"), full.name)) == 1_500


def test_self_is_where_we_are(full: Netns) -> None:
    """From within another namespace ``self`` is that one, ``host`` is not."""
    path = os.pathsep.join(sys.path)
    words = ("env", f"PYTHONPATH={path}", sys.executable, "-c", ALONE, "0")
    of_self = json.loads(full.run(*words, "self"))["tables"]
    of_host = json.loads(full.run(*words, "host"))["tables"]
    assert of_self["self"][4] == 1_500
    assert of_self["host"][4] is None
    assert of_host["self"][4] is None
    assert of_host["host"][4] is not None


@pytest.mark.parametrize(
    ("netns", "message"),
    [
        ("ht-never-was", "no network namespace is called 'ht-never-was'; there are host"),
        ("/run/ht-never-was", "does not exist"),
        ("/proc/self/ns/uts", "is not a network namespace"),
        ("/proc", "is not a network namespace"),
    ],
)
def test_what_is_not_there_is_said(netns: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        examine(netns)


def test_a_selection_reaches_the_kernel(netns: Netns) -> None:
    """What is asked for comes; what is expired cannot be told from a part."""
    fill(netns, 2_000)
    found = table(examine(netns.name, selection=Selection(mark=1, mark_mask=1)), netns.name)
    assert (rows(found), found.expired) == (0, None)


def test_expired_entries_still_count(netns: Netns) -> None:
    """The count holds what is dead until somebody looks; the dump looks."""
    fill(netns, 1_200)
    clients = np.arange(300, dtype=np.uint32) + 0x0B000001
    server = np.full(300, 0xC6336408, dtype=np.uint32)
    short = Entries(End(clients, server, 1, 2), End(server, clients, 2, 1), l4proto=17, count=300, timeout=1)
    inject(netns.path, short)
    time.sleep(2.1)  # all have expired, whatever the kernel still counts
    before = netns.call(sysctl.count)

    found = table(examine(netns.name), netns.name)

    assert rows(found) == 1_200
    # The kernel's own collector may have been there first.
    assert before is not None
    assert found.expired == before - 1_200 == 300 or before < 1_500


def test_counters_are_read_twice(full: Netns) -> None:
    """A moment apart, which the caller names and nothing else adds to."""
    began = time.monotonic()
    found = table(live.examine(full.name, counters_interval_s=0.3), full.name)
    first, second = found.counters
    assert second.at_s - first.at_s >= 0.3
    assert first.at_s >= began
    assert second.values["entries"] == 1_500
    assert second.values["insert"] - first.values["insert"] == 0


def test_no_time_at_all(full: Netns) -> None:
    """What was not read in time is a gap; counts are there all the same."""
    found = examine("all", budget_s=0.0)
    assert table(found, full.name).count == 1_500
    assert table(found, full.name).flows is None
    assert any(gap.why == "the time was up" for gap in gaps(found, "entries of"))
    assert any(gap.why == "the time was up" for gap in gaps(found, "sockets of"))


def test_one_that_vanishes_is_a_gap(full: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone between the first look and the dump: said, and everything else answered."""
    begin = entries.begin
    with contextlib.ExitStack() as stack:
        doomed = stack.enter_context(_vanishing())

        def late(namespace: Namespace, *rest: object) -> entries.Reading:
            if namespace.name == doomed.name:
                sh("ip", "netns", "delete", doomed.name)
            return begin(namespace, *rest)

        monkeypatch.setattr(entries, "begin", late)
        found = examine()

    (gap,) = gaps(found, doomed.name)
    assert (gap.why, gap.would_tell) == ("it ended during the examination", ())
    assert doomed.name not in [one.netns for one in found.tables]
    assert rows(table(found, full.name)) == 1_500


@pytest.mark.parametrize("choice", ["doomed", "another", None])
def test_only_who_asked_for_one_that_ended_misses_something(
    choice: str | None, full: Netns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone before the counters are read again: its troubles went with it."""
    with contextlib.ExitStack() as stack:
        doomed = stack.enter_context(_vanishing())
        read = entries.Reading.result
        last = full.name if choice == "another" else doomed.name

        def late(reading: entries.Reading) -> entries.Entries:
            found = read(reading)
            if reading.namespace.name == last:
                sh("ip", "netns", "delete", doomed.name)
            return found

        monkeypatch.setattr(entries.Reading, "result", late)
        found = examine({"doomed": doomed.name, "another": full.name}.get(choice or ""))

    (gap,) = gaps(found, doomed.name)
    assert gap.why == "it ended during the examination"
    assert ("table-pressure" in gap.would_tell) == bool(gap.would_tell) == (choice == "doomed")
    assert complete(found, [each for each in gaps_of(found) if each.netns == doomed.name]) == (
        choice != "doomed"
    )


def test_the_one_that_was_asked_for_and_vanished_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = entries.begin
    with contextlib.ExitStack() as stack:
        doomed = stack.enter_context(_vanishing())

        def late(namespace: Namespace, *rest: object) -> entries.Reading:
            sh("ip", "netns", "delete", doomed.name)
            return begin(namespace, *rest)

        monkeypatch.setattr(entries, "begin", late)
        found = examine(doomed.name)

    (gap,) = gaps(found, doomed.name)
    assert {"one-sided", "table-pressure"} <= set(gap.would_tell)
    assert not complete(found, gaps_of(found))


def test_a_namespace_named_as_a_file_is_told_how_it_is_named(netns: Netns, tmp_path: Path) -> None:
    ran = process("doctor", netns.name)
    assert (ran.returncode, ran.stdout) == (65, b"")
    assert ran.stderr.decode() == (
        f"halftrack: {netns.name} cannot be read: No such file or directory;"
        f" the namespace of that name is read with --netns {netns.name}\n"
    )
    for other in (str(tmp_path / netns.name), f"{netns.name}-not"):
        assert process("doctor", other).stderr.decode().endswith("No such file or directory\n")


@contextlib.contextmanager
def _vanishing() -> Iterator[Netns]:
    made = Netns(f"ht-doomed-{os.getpid()}")
    sh("ip", "netns", "add", made.name)
    try:
        fill(made, 1_500)
        yield made
    finally:
        if Path(made.path).exists():
            sh("ip", "netns", "delete", made.name)


@pytest.fixture
def without_ctnetlink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that has no ctnetlink."""

    def missing(*_: object, **__: object) -> None:
        raise FeatureMissing("this kernel has no ctnetlink")

    monkeypatch.setattr(ctnetlink, "begin", missing)


@pytest.mark.usefixtures("without_ctnetlink")
def test_without_ctnetlink_the_text_is_read(full: Netns) -> None:
    """The same entries, less what text cannot tell, which is said."""
    found = examine(full.name)
    one = table(found, full.name)
    assert (rows(one), one.unreadable) == (1_500, 0)
    assert one.flows is not None
    assert one.flows.frame["tcp_flags_orig"].null_count() == 1_500
    (gap,) = gaps(found, "TCP flags")
    assert gap.why == "the kernel has no ctnetlink, /proc does not show them"


def test_more_than_fits_into_memory_is_not_read(full: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A starving node is not pushed over the edge."""
    monkeypatch.setattr(memory, "available_bytes", lambda: 100_000)
    (gap,) = gaps(examine(full.name), "entries of")
    assert "takes more memory than is free (1,500 entries" in gap.why


def test_sixty_namespaces(full: Netns) -> None:
    """All are counted, one is read, each is there once."""
    names = [f"{full.name}-{number}" for number in range(60)]
    try:
        sh("ip", "-batch", "-", stdin="".join(f"netns add {name}\n" for name in names))
        found = examine()
    finally:
        sh("ip", "-force", "-batch", "-", stdin="".join(f"netns del {name}\n" for name in names))

    counted = {one.netns: one for one in found.tables if one.netns in names}
    assert len(counted) == 60
    assert all(one.count == 0 and one.skipped and one.addresses is not None for one in counted.values())
    assert rows(table(found, full.name)) == 1_500


def test_drop_counters_that_were_not_read_are_a_gap(netns: Netns) -> None:
    """In a PID namespace whose /proc is another's the thread's own directory is not there."""
    ran = subprocess.run(
        ["unshare", "--pid", "--fork", "ip", "netns", "exec", netns.name,
         sys.executable, "-m", "halftrack", "--netns", "self", "doctor", "--json"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    found = json.loads(ran.stdout)

    assert ran.returncode == 3, ran.stderr
    assert any(gap["what"].startswith("drop counters") for gap in found["gaps"])
