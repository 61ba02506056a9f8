"""A drain killed anywhere: the journal tells the truth, and the file that is kept holds all that was touched."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.changes import journal, records, showing
from kernel.draining import SERVER, drain, entries, environment, stuck

if TYPE_CHECKING:
    from kernel.scratch import Netns

_DRIVER = Path(__file__).with_name("drain_killing.py")
_COUNT = 60
"""Two batches of the driver's."""
_CLIENT = re.compile(r"(?:dst=|-d )(10\.[0-9.]+)")


@pytest.fixture
def server(netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Netns:
    """A namespace with the server's address and no sockets."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    return netns


def _killed(netns: Netns, mode: str, at: int) -> bool:
    """Whether it came to that before it was done."""
    done = subprocess.run(
        [sys.executable, str(_DRIVER), netns.name, mode, str(at)],
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


def _untouched(netns: Netns) -> set[str]:
    """Clients whose entry has the time that it had."""
    lines = netns.run("conntrack", "-L").splitlines()
    return {client for line in lines if int(line.split()[2]) > 60 for client in _CLIENT.findall(line)[:1]}


def _kept(number: int) -> set[str]:
    file = journal.Journal(number).directory / "drained.conntrack"
    if not file.exists():
        return set()
    whole = file.read_text(encoding="ascii").rpartition("\n")[0].splitlines()
    return {client for line in whole for client in _CLIENT.findall(line)[:1]}


@pytest.mark.parametrize("mode", ["retime", "delete"])
def test_killed_anywhere_what_was_touched_is_in_the_file(server: Netns, tmp_path: Path, mode: str) -> None:
    killed, at, seen = True, 0, set[int]()
    while killed:
        at += 1
        server.run("conntrack", "-F")
        stuck(server, _COUNT)
        all_of_them = _untouched(server)
        killed = _killed(server, mode, at)
        touched = all_of_them - _untouched(server)
        seen.add(len(touched))
        number = max(journal.numbers())
        found = journal.Journal(number).records()
        if not found:  # it never began
            assert touched == set()
            continue
        change = showing.show(journal.find(number)[1])
        assert touched <= _kept(number), at
        assert change.state == (
            "begun" if not any(isinstance(one, records.Applied) for one in found) else "applied"
        )
        if any(isinstance(one, records.Draining) for one in found):
            assert change.drained_file == str(journal.Journal(number).directory / "drained.conntrack")
        else:
            assert touched == set()
        assert change.drained in (None, len(touched))
        assert (change.drained is not None) == any(isinstance(one, records.Drained) for one in found)
    assert at > 8
    assert seen == {0, _COUNT // 2, _COUNT}
    # Whoever comes next is held up by nothing, and goes on.
    stuck(server, 10, port=443)
    ran = drain(server, tmp_path, "one-sided", "sport=443", "--yes", "--expect", "10", "--json")
    assert (ran.code, ran.outcome["retimed"]) == (0, 10), ran.err


def test_of_a_drain_that_was_cut_short_the_file_is_told(server: Netns) -> None:
    stuck(server, _COUNT)
    assert _killed(server, "delete", 6)
    shown = subprocess.run(
        [sys.executable, "-m", "halftrack", "changes", "1"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    file = journal.Journal(1).directory / "drained.conntrack"
    told = "".join(shown.replace("\\\n", "").split())
    assert "adrainwascutshort:whatittouchedisinthisfile" in told
    assert f"conntrack-R{file}" in told
    server.run("conntrack", "-F")
    server.run("conntrack", "-R", str(file))
    assert entries(server) == len(_kept(1)) > 0
