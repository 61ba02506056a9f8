"""A change or an undo killed before and after every record: the journal tells the truth, undo restores."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.changes import journal, showing
from kernel import changing
from kernel.changing import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.plans.actions import Action
    from halftrack.plans.change import Change
    from kernel.scratch import Netns

DRIVER = Path(__file__).with_name("killing.py")
KINDS = (changing.settings, changing.lasting, changing.nft_rules, changing.iptables_rules)
"""What makes the actions of each kind of write."""


@pytest.fixture
def site(netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(netns, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    (made.etc / "sysctl.d").mkdir(parents=True)
    kept = made.etc / "sysctl.d/90-halftrack.conf"
    kept.write_bytes(
        b"# by hand\nnet.ipv4.tcp_syncookies = 1\nnet/netfilter/nf_conntrack_tcp_loose=1\n\xff\n"
    )
    kept.chmod(0o640)
    return made


def drive(site: Site, *words: str) -> int:
    done = subprocess.run(
        [sys.executable, str(DRIVER), *words],
        check=False,
        capture_output=True,
        env=site.environment,
        timeout=60,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


def shown(number: int) -> Change:
    return showing.show(journal.find(number)[1])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_change_killed_anywhere_is_undone_to_what_was(
    site: Site, kind: Callable[[Site], tuple[Action, ...]]
) -> None:
    plan = site.plan(kind(site))
    before = site.state()
    finished = False
    at = 0
    while not finished:
        at += 1
        for when in ("before", "after"):
            finished = drive(site, "apply", str(plan), str(at), when) == 0
            number = max(int(one.name) for one in (site.base / "state/changes").iterdir())
            if at == 1 and when == "before":
                assert site.state() == before
                assert site.halftrack("changes", str(number)).returncode == 64
                continue
            change = shown(number)
            if finished or change.state != "begun":
                assert change.state == "applied"
                assert {part.state for part in change.parts} == {"verified"}
            assert change.parts or site.state() == before
            seen = {part.state: part.holds for part in change.parts if part.holds != "unknown"}
            assert seen.get("wrote", "yes") == seen.get("verified", "yes") == "yes"
            assert change.holds != "drift"
            done = site.halftrack("undo", str(number), "--yes")
            assert done.returncode == 0, done.stderr
            assert site.state() == before, (at, when)
            assert shown(number).state == "undone"
    assert at > 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_undo_killed_anywhere_is_finished_by_the_next(
    site: Site, kind: Callable[[Site], tuple[Action, ...]]
) -> None:
    plan = site.plan(kind(site))
    before = site.state()
    killed, at = True, 0
    while killed:
        at += 1
        for when in ("before", "after"):
            drive(site, "apply", str(plan), "0", "never")
            number = max(int(one.name) for one in (site.base / "state/changes").iterdir())
            assert site.state() != before
            killed = drive(site, "undo", str(number), str(at), when) != 0
            done = site.halftrack("undo", str(number), "--yes")
            assert done.returncode == 0, done.stderr
            assert site.state() == before, (at, when)
    assert at > 4
