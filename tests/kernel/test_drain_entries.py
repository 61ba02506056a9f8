"""Removing entries one by one: the kernel compares status and id, and what was hit is put back as it was."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from halftrack.changes.drain import entries as module
from halftrack.changes.drain.entries import Entries
from halftrack.errors import Busy
from halftrack.evidence import addresses, uapi
from halftrack.kernel import ctnetlink
from halftrack.kernel.ctnetlink.compare_delete import Kernel
from kernel.draining import SERVER, entries, stuck
from kernel.inject import End, inject
from kernel.inject import Entries as Made

if TYPE_CHECKING:
    from kernel.scratch import Netns

_MANY = 2_500
"""More than go into one datagram."""


def _table(netns: Netns) -> pl.DataFrame:
    return ctnetlink.dump(netns_path=netns.path).flows.frame.sort("orig_dst_lo", "zone", "id")


def _lines(netns: Netns) -> list[str]:
    return sorted(re.sub(r" 36\d+ | id=\d+", " ", line) for line in netns.run("conntrack", "-L").splitlines())


@pytest.mark.usefixtures("_with_others")
def test_they_are_removed_and_nothing_else(netns: Netns) -> None:
    stuck(netns, _MANY)
    before = _table(netns)
    ours = (before["orig_sport"] == 80).fill_null(value=False)
    with Entries(netns.path) as bulk:
        codes = bulk.remove(before.filter(ours))
    assert (len(codes), codes.any()) == (_MANY, False)
    same = ["orig_dst_lo", "orig_sport", "id", "zone"]
    assert _table(netns)[same].equals(before.filter(~ours)[same])


@pytest.fixture
def _with_others(netns: Netns) -> None:
    stuck(netns, 50, port=443)
    client, server = bytes([10, 0, 0, 1]), bytes([203, 0, 113, 73])
    inject(
        netns.path,
        Made(
            End(server, client, 81, np.arange(20) + 40_000),
            End(client, server, np.arange(20) + 40_000, 81),
            count=20,
            zone=7,
            timeout=300_000,
            state=uapi.TCP_CONNTRACK_ESTABLISHED,
        ),
    )


def test_of_several_kinds_each_has_its_own_answer(netns: Netns) -> None:
    stuck(netns, _MANY)
    seen = _table(netns)
    answered = (3, 1_100, 2_400)
    for place in answered:  # a reply came after they were read
        client = f"10.0.{(place + 1) // 256}.{(place + 1) % 256}"
        netns.run("conntrack", "-U", "-p", "tcp", "-s", SERVER, "-d", client, "-u", "SEEN_REPLY")
    other = 1_500  # and here another entry took the place
    seen = seen.with_columns(
        pl.when(pl.int_range(pl.len()) == other).then(pl.col("id") ^ 1).otherwise("id").alias("id")
    )
    netns.run("conntrack", "-D", "-p", "tcp", "-s", SERVER, "-d", "10.0.0.11")
    with Entries(netns.path) as bulk:
        codes = bulk.remove(seen)
    wanted = dict.fromkeys(answered, errno.EBUSY) | {other: errno.ENOENT, 10: errno.ENOENT}
    assert {int(place): int(codes[place]) for place in np.flatnonzero(codes)} == wanted
    assert entries(netns) == len(answered) + 1


def test_where_the_machine_is_too_slow_to_compare_nothing_is_removed(
    netns: Netns, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck(netns, 30)
    monkeypatch.setattr(module, "_AT_ONCE_S", 0.0)
    with Entries(netns.path) as bulk, pytest.raises(Busy, match="too slow"):
        bulk.remove(_table(netns))
    assert entries(netns) == 30


def test_what_is_put_back_is_as_it_was_and_takes_nobodys_place(netns: Netns) -> None:
    stuck(netns, 30)
    netns.run("conntrack", "-I", "-p", "tcp", "-s", SERVER, "-d", "10.0.0.2", "--sport", "81", "--dport", "9",
              "--state", "CLOSE_WAIT", "-t", "363000", "-u", "SEEN_REPLY,ASSURED", "-m", "5", "-w", "3")  # fmt: skip
    netns.run("conntrack", "-I", "-p", "tcp", "-s", "2001:db8::1", "-d", "2001:db8::2", "--sport", "80",
              "--dport", "9", "--state", "ESTABLISHED", "-t", "363000", "-u", "SEEN_REPLY")  # fmt: skip
    before, six = _lines(netns), netns.run("conntrack", "-L", "-f", "ipv6").splitlines()
    seen = _table(netns)
    with Entries(netns.path) as bulk:
        assert not bulk.remove(seen).any()
        assert entries(netns) == 0
        stuck(netns, 1)
        netns.run("conntrack", "-U", "-p", "tcp", "-s", SERVER, "-d", "10.0.0.1", "-m", "9")
        bulk.put_back(seen, 7_440)
    after = _lines(netns)
    assert [line for line in after if "mark=9" not in line] == [
        line for line in before if "dst=10.0.0.1 " not in line.split("[")[0]
    ]
    assert len(after) == len(before)
    assert len(netns.run("conntrack", "-L", "-f", "ipv6").splitlines()) == len(six) == 1


@pytest.mark.usefixtures("_with_others")
def test_what_the_kernel_removes_by_itself_is_of_the_default_zone(netns: Netns) -> None:
    stuck(netns, 40)
    kernel = Kernel(netns.path)
    if not kernel.can:
        pytest.skip("this kernel does not compare before it deletes")
    for port in (80, 81):
        kernel.remove(addresses.parse(SERVER), port)
    left = _table(netns).group_by("orig_sport", "zone").len().sort("orig_sport").rows()
    assert left == [(81, 7, 20), (443, 0, 50)]
