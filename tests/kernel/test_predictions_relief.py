"""What a plan foretells of relief: more room is filled to the new limit, and SYN cookies free no entry."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from halftrack import planning
from halftrack.diagnosis import examine
from halftrack.evidence import uapi
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import HOST
from halftrack.plans import document
from halftrack.plans.actions import SetSysctl
from kernel.changing import Site
from kernel.inject import End, Entries, inject
from kernel.remedying import evidence_of, table_of
from kernel.troubles import DAYS, POINT_S, WITHIN, Trouble, history, set_all, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

MAX: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
TROUBLE: Final = Trouble(
    "", {**DAYS, "tcp_timeout_established": 48_000, "tcp_loose": 1}, 48_000, compressed=4_000, per_s=2_500
)
LIMIT: Final = 20_000
RAISED: Final = 25_000
_BATCH_S: Final = 0.6
"""Compressed seconds between two batches of new entries, all of which come in one moment here."""


@pytest.fixture
def limited() -> Iterator[None]:
    """The node's limit as the plan sets it; put back whatever happens."""
    before = MAX.read_text("ascii")
    try:
        MAX.write_text(f"{RAISED}\n", "ascii")
        yield
    finally:
        MAX.write_text(before, "ascii")


def fresh(first: int, count: int, lifetime_s: int) -> Entries:
    """New entries, none of which is among the others."""
    clients = (np.arange(first, first + count) + 0x0A000000).astype(np.uint32)
    server = np.full(count, 0xCB007149, dtype=np.uint32)
    ends = End(server, clients, 80, 50_001), End(clients, server, 50_001, 80)
    return Entries(
        *ends,
        count=count,
        timeout=lifetime_s,
        state=uapi.TCP_CONNTRACK_ESTABLISHED,
        status=uapi.IPS_CONFIRMED,
    )


def leak(netns: Netns, entries: Entries) -> None:
    """New entries as far as there is room: the kernel says ENOMEM when the table is full."""
    try:
        inject(netns.path, entries)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise


@pytest.mark.usefixtures("limited")
def test_a_leak_fills_the_new_room_too(netns: Netns) -> None:
    """A table half as old as an entry gets, at its limit: the leak goes on at its pace."""
    set_all(netns, TROUBLE.settings)
    left_s = TROUBLE.lifetime_s // 2 + (np.arange(LIMIT) + 1) * TROUBLE.lifetime_s // 2 // LIMIT
    inject(netns.path, history(TROUBLE, left_s.astype(np.uint32)))
    settings = {f"{PREFIX}{name}": str(value) for name, value in TROUBLE.settings.items()}
    table = table_of(
        netns, name=HOST, settings={**settings, PREFIX + "max": str(LIMIT)}, limit=LIMIT, buckets=65_536
    )
    seen = evidence_of(table, taken_at=datetime.now(UTC))
    [step] = planning.make(seen, examine(seen), planning.parse([f"raise-limit:limit={RAISED}"])).steps
    raised = [int(each.after) for each in step.actions if isinstance(each, SetSysctl)]
    assert raised == [RAISED]
    [point] = [each for each in step.effect.points if each.at_s == POINT_S]

    per_s = LIMIT / (TROUBLE.lifetime_s / 2) * TROUBLE.compressed
    at_s, number = 0.0, 0
    while at_s < POINT_S / TROUBLE.compressed:
        count = round(per_s * _BATCH_S)
        leak(netns, fresh(number, count, TROUBLE.lifetime_s))
        at_s, number = at_s + _BATCH_S, number + count
    assert number > RAISED - LIMIT
    assert step.effect.entries_freed == 0
    assert size(netns) == pytest.approx(point.entries, rel=WITHIN)


def test_syn_cookies_free_no_entry(netns: Netns, tmp_path: Path) -> None:
    site = Site(netns, tmp_path)
    site.etc.mkdir()
    netns.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=0")
    clients = np.arange(2_000, dtype=np.uint32) + 0x0A000001
    server = np.full(len(clients), 0xCB007149, dtype=np.uint32)
    ends = End(clients, server, 40_000, 80), End(server, clients, 80, 40_000)
    state = uapi.TCP_CONNTRACK_SYN_RECV
    status = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY
    inject(netns.path, Entries(*ends, count=len(clients), timeout=600, state=state, status=status))
    path = tmp_path / "plan.json"
    done = site.halftrack("plan", "syncookies", "--netns", netns.path, "-o", str(path))
    assert done.returncode == 0, done.stderr
    [step] = document.decode(path.read_bytes()).steps
    done = site.halftrack("fix", str(path), "--yes", "--no-try")
    assert done.returncode == 0, done.stderr
    assert netns.run("sysctl", "-n", "net.ipv4.tcp_syncookies").strip() == "1"
    assert size(netns) == len(clients) - step.effect.entries_freed
