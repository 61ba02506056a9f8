"""What node-problem-detector runs: a few lines of sh, by busybox as by dash."""

from __future__ import annotations

import json as plain
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from cli.pages import ROOT
from halftrack.diagnosis.document import Finding
from halftrack.reporters import json
from unit.documents import diagnosis

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.diagnosis.document import Diagnosis

FOLDER = ROOT / "deploy/node-problem-detector"
CONFIG = plain.loads((FOLDER / "halftrack.json").read_text(encoding="utf-8"))
FULL, LEAK = (rule["args"] for rule in CONFIG["rules"])


@pytest.fixture(params=["busybox sh", "dash"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Path, str]:
    """The words that begin the script, the directory of the last scan, and where its tools are.

    Under busybox all of them are its own.
    """
    tools = tmp_path / "bin"
    tools.mkdir()
    if request.param == "dash":
        return ["dash"], tmp_path, os.environ["PATH"]
    busybox = subprocess.run(["which", "busybox"], capture_output=True, text=True, check=True).stdout.strip()
    for name in ("sh", "find", "date", "sed", "tail", "head", "tr", "grep"):
        (tools / name).symlink_to(busybox)
    return [str(tools / "sh")], tmp_path, str(tools)


def answer(shell: tuple[list[str], Path, str], args: list[str]) -> tuple[int, str]:
    words, folder, path = shell
    done = subprocess.run(
        [*words, str(FOLDER / "halftrack.sh"), *args],
        capture_output=True,
        check=False,
        timeout=60,
        env={"PATH": path, "HALFTRACK_RUN_DIR": str(folder)},
    )
    assert done.stderr == b""
    assert len(done.stdout) <= CONFIG["pluginConfig"]["max_output_length"]
    return done.returncode, done.stdout.decode("ascii")


def kept(shell: tuple[list[str], Path, str], found: Diagnosis) -> Path:
    path = shell[1] / "last.json"
    path.write_bytes(json.pretty(found))
    return path


def finding(symptom: str, severity: str, title: str = "Something is the matter.") -> Finding:
    return Finding(id=symptom, symptom=symptom, severity=severity, title=title, entries=5)


@pytest.mark.parametrize(
    ("symptom", "severity", "full", "leak"),
    [
        ("table-pressure", "critical", 1, 0),
        ("table-pressure", "warning", 0, 0),
        ("one-sided", "critical", 0, 1),
        ("orphaned", "warning", 0, 1),
        ("one-sided", "info", 0, 0),
        ("idle-established", "warning", 0, 0),
    ],
)
def test_each_rule_by_its_findings(
    shell: tuple[list[str], Path, str], symptom: str, severity: str, full: int, leak: int
) -> None:
    others = (finding("settings", "warning"), finding(symptom, severity, "It is this."))
    kept(shell, diagnosis(findings=others))
    assert answer(shell, FULL) == ((1, "It is this.") if full else (0, "nothing found"))
    assert answer(shell, LEAK) == ((1, "It is this.") if leak else (0, "nothing found"))


def test_a_long_or_hostile_title_stays_within_its_bytes(shell: tuple[list[str], Path, str]) -> None:
    title = 'a\u202e"\x1b[31m%s%n$(id)`id`\\' + "é" * 200
    kept(shell, diagnosis(findings=(finding("one-sided", "critical", title),)))
    code, text = answer(shell, LEAK)
    assert code == 1
    assert text.isprintable()
    assert "$(id)" in text


def test_a_scan_that_could_not_see_all_is_unknown_unless_it_found_something(
    shell: tuple[list[str], Path, str],
) -> None:
    kept(shell, diagnosis(complete=False))
    assert answer(shell, LEAK)[0] == 2
    kept(shell, diagnosis(complete=False, findings=(finding("one-sided", "critical"),)))
    assert answer(shell, LEAK)[0] == 1


def test_a_stale_scan_is_unknown(shell: tuple[list[str], Path, str]) -> None:
    path = kept(shell, diagnosis())
    assert answer(shell, LEAK)[0] == 0
    old = time.time() - 7 * 60
    os.utime(path, (old, old))
    assert answer(shell, LEAK)[0] == 2


@pytest.mark.parametrize("ahead_s", [180, 3_600, 400 * 86_400])
def test_a_scan_of_the_future_is_unknown(shell: tuple[list[str], Path, str], ahead_s: int) -> None:
    """The clock was set back: nobody knows how old it is. It would be fresh for all that time."""
    path = kept(shell, diagnosis(findings=(finding("one-sided", "critical"),)))
    then = time.time() + ahead_s
    os.utime(path, (then, then))
    code, text = answer(shell, LEAK)
    assert (code, "of the future" in text) == (2, True)


def test_a_clock_that_was_corrected_a_little_is_no_trouble(shell: tuple[list[str], Path, str]) -> None:
    path = kept(shell, diagnosis())
    then = time.time() + 30
    os.utime(path, (then, then))
    assert answer(shell, LEAK) == (0, "nothing found")


def test_no_scan_is_unknown(shell: tuple[list[str], Path, str]) -> None:
    assert answer(shell, LEAK)[0] == 2


@pytest.mark.parametrize("keep", [0, 40, 400])
def test_a_document_that_is_cut_is_unknown(shell: tuple[list[str], Path, str], keep: int) -> None:
    path = kept(shell, diagnosis())
    path.write_bytes(path.read_bytes()[:keep])
    assert answer(shell, LEAK)[0] == 2


def test_a_directory_is_unknown(shell: tuple[list[str], Path, str]) -> None:
    (shell[1] / "last.json").mkdir()
    assert answer(shell, LEAK)[0] == 2


def test_a_pipe_and_a_link_to_what_never_ends_are_unknown(shell: tuple[list[str], Path, str]) -> None:
    path = shell[1] / "last.json"
    os.mkfifo(path)
    assert answer(shell, LEAK)[0] == 2
    path.unlink()
    path.symlink_to("/dev/zero")
    assert answer(shell, LEAK)[0] == 2


def test_the_configuration_names_the_script_and_its_conditions() -> None:
    conditions = {one["type"] for one in CONFIG["conditions"]}
    assert {rule["condition"] for rule in CONFIG["rules"] if rule["type"] == "permanent"} == conditions
    assert {rule["path"].rpartition("/")[2] for rule in CONFIG["rules"]} == {"halftrack.sh"}
    assert "ConntrackFull" in {rule["reason"] for rule in CONFIG["rules"]}


def test_it_is_ten_lines_that_shellcheck_passes() -> None:
    script = FOLDER / "halftrack.sh"
    code = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert len(code) <= 10
    assert os.access(script, os.X_OK)
    subprocess.run(["shellcheck", str(script)], check=True, timeout=60)
