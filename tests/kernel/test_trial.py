"""Changes on trial: undone by themselves whatever is killed, kept only by who can still get in."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import SetSysctl
from kernel import changing
from kernel.changing import ESTABLISHED, LOOSE, Site

if TYPE_CHECKING:
    from collections.abc import Callable


DRIVER = Path(__file__).with_name("killing.py")
SSH = "192.0.2.1 50000 192.0.2.2 22"


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within half a minute."""
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def records(site: Site, number: int = 1) -> list[dict[str, object]]:
    path = site.base / f"state/changes/{number}/journal.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def guardian(site: Site) -> int:
    (armed,) = (one for one in records(site) if one["record"] == "trial armed")
    assert isinstance(armed["guardian"], int)
    return armed["guardian"]


def last(site: Site) -> object:
    found = records(site)
    return found[-1]["record"] if found else None


@pytest.mark.parametrize("at", [3, 4, 6, 11])
def test_a_killed_maker_is_undone_by_the_guardian(site: Site, at: int) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    done = subprocess.run(
        [sys.executable, str(DRIVER), "try-1", str(plan), str(at), "after"],
        check=False,
        env=site.environment,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert until(lambda: last(site) == "undone")
    assert site.state() == before


def test_a_maker_that_hangs_with_the_lock_is_undone_all_the_same(site: Site) -> None:
    before = site.state()
    command = [sys.executable, str(DRIVER), "try-1", str(site.plan(changing.settings(site))), "5", "stop"]
    with subprocess.Popen(command, env=site.environment) as maker:
        assert until(lambda: last(site) == "undone")
        assert maker.wait(30) == -signal.SIGKILL
    assert site.state() == before


def test_a_lost_terminal_does_not_keep_the_guardian_from_its_work(site: Site) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    terminal, slave = pty.openpty()
    words = [sys.executable, "-m", "halftrack", "fix", str(plan), "--yes", "--try", "2s"]
    with subprocess.Popen(
        ["setsid", "--ctty", *words], stdin=slave, stdout=slave, stderr=slave, env=site.environment
    ) as maker:
        os.close(slave)
        with contextlib.suppress(OSError):
            while os.read(terminal, 4096):
                pass
        os.close(terminal)
        assert maker.wait(30) == 0
    assert site.state() != before
    assert until(lambda: last(site) == "undone")
    assert site.state() == before


@pytest.mark.parametrize("lost", ["journal", "line", "state"])
def test_a_lost_journal_does_not_keep_the_guardian_from_its_work(site: Site, lost: str) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    assert site.halftrack("fix", str(plan), "--yes", "--try", "3s").returncode == 0
    changed, path = site.state(), site.base / "state/changes/1/journal.jsonl"
    time.sleep(1)  # the guardian has read what was done
    if lost == "line":
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join((*lines[:2], b"{}", *lines[3:])))
    elif lost == "journal":
        path.unlink()
    else:
        shutil.rmtree(site.base / "state")
    assert changed != before
    assert until(lambda: site.state() == before)


def test_a_damaged_journal_keeps_nobody_from_other_changes(site: Site) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    assert site.halftrack("fix", str(plan), "--yes").returncode == 0
    assert site.halftrack("undo", "--yes").returncode == 0
    assert site.halftrack("fix", str(plan), "--yes", "--try", "1h").returncode == 0
    with (site.base / "state/changes/1/journal.jsonl").open("ab") as file:
        file.write(b"{}\n")
    listed = site.halftrack("changes")
    assert (listed.returncode, "change 1 cannot be read" in listed.stderr) == (76, True)
    assert listed.stdout.startswith("   2 ")
    kept = site.halftrack("keep")
    assert (kept.returncode, "change 1 cannot be read" in kept.stderr) == (0, True)
    assert site.halftrack("undo", "2", "--yes").returncode == 0
    assert site.state() == before
    refused = site.halftrack("fix", str(plan), "--yes")
    assert (refused.returncode, "moved away, it is forgotten" in refused.stderr) == (65, True)
    assert site.state() == before


def test_whatever_command_comes_finishes_what_is_overdue(site: Site) -> None:
    before = site.state()
    assert (
        site.halftrack("fix", str(site.plan(changing.settings(site))), "--yes", "--try", "1s").returncode == 0
    )
    os.kill(guardian(site), signal.SIGKILL)
    assert until(lambda: "not kept in time" in site.halftrack("changes").stderr)
    assert site.state() == before
    assert last(site) == "undone"


def test_a_reboot_is_an_undo(site: Site) -> None:
    plan = site.plan(changing.settings(site), changing.lasting(site))
    assert site.halftrack("fix", str(plan), "--yes", "--try", "1h").returncode == 0
    os.kill(guardian(site), signal.SIGKILL)
    assert site.files() == {}
    journal = site.base / "state/changes/1/journal.jsonl"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    journal.write_text(journal.read_text(encoding="utf-8").replace(boot, boot[::-1]), encoding="utf-8")
    done = site.halftrack("changes")
    assert "change 1 undone: the node was booted anew" in done.stderr
    assert done.stdout.rstrip().endswith("undone")


def test_keep_counts_over_a_new_connection_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = site.plan(changing.settings(site), changing.lasting(site))
    monkeypatch.setenv("SSH_CONNECTION", SSH)
    assert site.halftrack("fix", str(plan), "--yes", "--try", "1h").returncode == 0
    refused = site.halftrack("keep")
    assert (refused.returncode, "open a new one" in refused.stderr) == (76, True)
    assert site.files() == {}
    monkeypatch.setenv("SSH_CONNECTION", SSH.replace("50000", "50001"))
    kept = site.halftrack("keep", "1")
    assert (kept.returncode, kept.stdout) == (0, "Change 1 kept. It holds over a reboot.\n")
    assert f"{ESTABLISHED} = 7440" in (site.etc / "sysctl.d/90-halftrack.conf").read_text(encoding="utf-8")
    watcher = guardian(site)
    assert until(lambda: not Path(f"/proc/{watcher}").exists())
    assert site.value(ESTABLISHED) == "8000"


def test_what_is_kept_holds_also_where_it_cannot_be_made_to_last(site: Site) -> None:
    plan = site.plan(changing.settings(site), changing.lasting(site))
    assert site.halftrack("fix", str(plan), "--yes", "--try", "1h").returncode == 0
    (site.etc / "sysctl.d").write_text("in the way", "utf-8")
    before = site.files()
    kept = site.halftrack("keep")
    assert (kept.returncode, "is kept, but not over a reboot" in kept.stderr) == (76, True)
    assert site.halftrack("changes").stdout.rstrip().endswith(" holds")
    assert site.files() == before
    (site.etc / "sysctl.d").unlink()
    assert site.halftrack("keep", "1").stdout == "Change 1 kept. It holds over a reboot.\n"
    assert site.halftrack("undo", "1", "--yes").returncode == 0
    assert (site.files(), site.value(ESTABLISHED)) == ({}, "432000")


def test_nothing_is_kept_that_is_not_on_trial(site: Site) -> None:
    done = site.halftrack("keep")
    assert (done.returncode, "no change is on trial" in done.stderr) == (64, True)


def test_beside_a_trial_nothing_is_asked(site: Site) -> None:
    plan = site.plan(changing.settings(site))
    assert site.halftrack("fix", str(plan), "--yes", "--try", "1h").returncode == 0
    other = site.plan((SetSysctl(where=site.where, name=LOOSE, after="1"),))
    terminal, slave = pty.openpty()
    words = [sys.executable, "-m", "halftrack", "fix", str(other)]
    with subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True, env=site.environment
    ) as made:
        said = made.communicate(timeout=60)[1]
    os.close(slave)
    os.close(terminal)
    assert (made.returncode, "change 1 is on trial" in said, "Go?" in said) == (75, True, False), said
    assert "UTC unless you type: halftrack keep 1" in site.halftrack("changes", "1").stdout
    assert site.halftrack("undo", "--yes").returncode == 0  # and no guardian is left to wait


def test_two_changes_at_once_are_refused(site: Site) -> None:
    plan = site.plan(changing.settings(site))
    command = [sys.executable, str(DRIVER), "apply", str(plan), "2", "stop"]
    with subprocess.Popen(command, env=site.environment) as maker:
        assert until(lambda: (site.base / "state/changes/1/journal.jsonl").exists() and bool(records(site)))
        other = site.halftrack("fix", str(plan), "--yes")
        maker.send_signal(signal.SIGCONT)
        assert maker.wait(30) == 0
    assert (other.returncode, "another change is at work" in other.stderr) == (75, True)
