"""``halftrack check`` as a monitoring system runs it: 3 for whatever goes wrong, one line in any case."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from halftrack.diagnosis.document import Forecast
from halftrack.reporters import json
from unit.documents import diagnosis, table
from unit.screens import SCREENS

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.diagnosis.document import Diagnosis


def check(folder: Path, *words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "HALFTRACK_RUN_DIR": str(folder)},
    )


def kept(folder: Path, found: Diagnosis) -> None:
    (folder / "last.json").write_bytes(json.pretty(found))


@pytest.mark.parametrize(
    "words",
    [
        ("check", "-w", "x"),
        ("check", "-c", "20:10"),
        ("check", "--of", "everything"),
        ("check", "--bogus"),
        ("check", "a-word"),
        ("check", "-t", "soon"),
        ("check", "--last", "later"),
        ("check", "--json"),
        ("check", "--root", "/proc"),
        ("check", "--netns", "nowhere-at-all"),
        ("--bogus", "check"),
        ("--netns", "host", "check", "--assume", "limit=3"),
        ("check", "--last"),
        ("check", "--last", "--netns", "self"),
        ("check", "--last", "--assume", "limit=3"),
    ],
)
def test_whatever_is_wrong_is_unknown(words: tuple[str, ...], tmp_path: Path) -> None:
    done = check(tmp_path, *words)
    assert done.returncode == 3
    assert done.stdout.startswith("HALFTRACK UNKNOWN - ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_other_verbs_keep_their_codes(tmp_path: Path) -> None:
    done = check(tmp_path, "--netns", "check", "export", "--textfile", "-")
    assert (done.returncode, done.stderr.startswith("halftrack: ")) == (64, True)


@pytest.mark.parametrize(
    ("name", "code"), [("healthy", 0), ("sick-old", 2), ("sick-new", 2), ("unprivileged", 1)]
)
def test_the_last_scan_is_judged(name: str, code: int, tmp_path: Path) -> None:
    kept(tmp_path, msgspec.structs.replace(SCREENS[name], taken_at=datetime.now(UTC)))
    assert check(tmp_path, "check", "--last").returncode == code


def test_the_last_scan_while_it_is_fresh(tmp_path: Path) -> None:
    kept(tmp_path, diagnosis(taken_at=datetime.now(UTC) - timedelta(seconds=90)))
    fresh, stale = check(tmp_path, "check", "--last"), check(tmp_path, "check", "--last", "80s")
    assert (fresh.returncode, fresh.stdout[:14]) == (0, "HALFTRACK OK -")
    assert (stale.returncode, "too old" in stale.stdout) == (3, True)


@pytest.mark.parametrize("field", ["taken_at", "full_at"])
def test_a_moment_without_a_zone_is_no_diagnosis(field: str, tmp_path: Path) -> None:
    """As it stands there nobody can tell how long ago that is."""
    now = datetime.now(UTC)
    ahead = Forecast(full_at=now + timedelta(hours=1), basis="")
    found = json.pretty(diagnosis(taken_at=now, tables=(table(forecast=ahead),)))
    lines = [
        line.replace(b"Z", b"") if f'"{field}"'.encode() in line else line for line in found.splitlines()
    ]
    (tmp_path / "last.json").write_bytes(b"\n".join(lines))
    done = check(tmp_path, "check", "--last")
    assert (done.returncode, "holds no diagnosis" in done.stdout) == (3, True)


def below(root: Path, found: Diagnosis) -> None:
    """What export left on a node whose root is seen there."""
    folder = root / "run/halftrack"
    folder.mkdir(parents=True)
    kept(folder, found)


def test_another_root_is_where_its_last_scan_is_read(tmp_path: Path) -> None:
    below(tmp_path, diagnosis(severity="critical", verdict="it is full.", taken_at=datetime.now(UTC)))
    words = [sys.executable, "-m", "halftrack", "--root", str(tmp_path), "check", "--last"]
    without = {name: value for name, value in os.environ.items() if name != "HALFTRACK_RUN_DIR"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=without)
    assert (done.returncode, "it is full" in done.stdout) == (2, True)
    (tmp_path / "run/halftrack/last.json").unlink()
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=without)
    assert (done.returncode, f"{tmp_path}/run/halftrack/last.json is not there" in done.stdout) == (3, True)


def test_a_place_that_the_environment_names_is_not_below_another_root(tmp_path: Path) -> None:
    below(tmp_path, diagnosis(severity="critical", taken_at=datetime.now(UTC)))
    kept(tmp_path, diagnosis(taken_at=datetime.now(UTC)))
    assert check(tmp_path, "check", "--last", "--root", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("words", [("check",), ("export", "--textfile", "-"), ("export", "--listen")])
def test_another_root_cannot_be_scanned(words: tuple[str, ...], tmp_path: Path) -> None:
    done = check(tmp_path, *words, "--root", str(tmp_path))
    assert done.returncode == (3 if words == ("check",) else 64)
    assert "only the running node is watched" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("measure", "told", "code"), [("full-in", False, 3), ("full-in", True, 0), ("used", False, 0)]
)
def test_a_threshold_that_cannot_be_judged_is_unknown(
    measure: str, told: bool, code: int, tmp_path: Path
) -> None:
    ahead = Forecast(told=told, basis="the stuck entries came too unevenly to tell a pace")
    kept(tmp_path, diagnosis(tables=(table(forecast=ahead),), taken_at=datetime.now(UTC)))
    ranges = ("-w", "86400:", "-c", "7200:") if measure == "full-in" else ("-w", "80")
    done = check(tmp_path, "check", "--last", "--of", measure, *ranges)
    assert done.returncode == code
    assert ("not in sight" in done.stdout) == (measure == "full-in" and told)


def test_a_scan_of_the_future_is_none(tmp_path: Path) -> None:
    kept(tmp_path, diagnosis(taken_at=datetime.now(UTC) + timedelta(hours=1)))
    done = check(tmp_path, "check", "--last")
    assert (done.returncode, "is of the future" in done.stdout) == (3, True)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema": "other"}', b"\xff\xfe", b'{"a":' * 100_000]
)
def test_what_is_no_document_is_unknown(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "last.json").write_bytes(content)
    done = check(tmp_path, "check", "--last")
    assert (done.returncode, "holds no diagnosis" in done.stdout) == (3, True)


def test_a_pipe_in_place_of_the_document_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "last.json")
    assert check(tmp_path, "check", "--last").returncode == 3


def test_an_answer_that_cannot_be_written_is_unknown(tmp_path: Path) -> None:
    kept(tmp_path, diagnosis(taken_at=datetime.now(UTC)))
    with open("/dev/full", "wb") as full:  # noqa: PTH123  # a descriptor is what is wanted
        assert check(tmp_path, "check", "--last", stdout=full.fileno()).returncode == 3


def test_it_answers_in_time_whatever_it_waits_for(tmp_path: Path) -> None:
    script = "import time; from halftrack.commands import last_document, main; last_document.read = lambda *_: time.sleep(600)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}\nsys.exit(main.run(['check', '--last', '-t', '1s']))"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "HALFTRACK_RUN_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (3, "HALFTRACK UNKNOWN - no answer within 1 s\n")
