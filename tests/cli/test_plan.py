"""``halftrack plan``: its screen, its file, its JSON, what is refused, numbers of the last screen."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cli.conftest import FOUNDING, process
from halftrack.commands import output
from halftrack.evidence.values import Gap
from halftrack.plans.document import decode
from halftrack.reporters import schema
from unit.flowrows import evidence, row, table
from unit.planned import OLD_KERNEL, SETTINGS, leak, silent

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

SICK = evidence(
    table(*leak(1_000), *silent(3), settings=SETTINGS, limit=1_000, buckets=256), kernel=OLD_KERNEL
)
WELL = evidence(table(row(), settings=SETTINGS, limit=262_144, buckets=65_536))
VALIDATOR = jsonschema.Draft202012Validator(schema.plan(), format_checker=jsonschema.FormatChecker())


def test_the_screen_shows_relief_cure_and_clear_in_ascii_of_80_columns(run: Run) -> None:
    ran = run("plan", seen=SICK)
    assert ran.code == 0
    starts = [line.split(" ")[0] for line in ran.out.splitlines()]
    assert [word for word in starts if word in ("RELIEF", "CURE", "CLEAR")] == ["RELIEF", "CURE", "CLEAR"]
    assert ran.out.isascii()
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "Not chosen:" in ran.out
    assert "Undo:" in ran.out
    assert "Kept over reboot: /etc/sysctl.d/90-halftrack.conf" in ran.out
    assert "halftrack fix plan.json" in ran.out


def test_what_to_type_next_is_about_the_same_place(run: Run) -> None:
    ran = run("plan", "drain", "--netns", "host", "--budget", "20s", seen=SICK)
    told = " ".join(ran.out.replace("\\\n", " ").split())
    assert "plan drain -o plan.json --netns host --budget 20s && " in told


def test_nothing_to_do_is_said_and_is_no_error(run: Run) -> None:
    ran = run("plan", seen=WELL)
    assert ran.code == 0
    assert "nothing to do" in ran.out
    assert "fix" not in ran.out


def test_nothing_to_do_is_not_said_of_what_nobody_saw(run: Run) -> None:
    gap = Gap("entries of shop", "no permission", ("CAP_SYS_ADMIN",), ("one-sided",), "shop")
    ran = run("plan", seen=replace(WELL, gaps=(gap,)))
    assert "nothing to do, as far as could be seen" in ran.out
    assert (ran.code, "entries of shop" in ran.err) == (76, True)


@pytest.mark.parametrize("words", [(), ("strict-pickup",), ("shorten-established:established=2h", "drain")])
def test_json_validates(run: Run, words: tuple[str, ...]) -> None:
    document = json.loads(run("plan", "--json", *words, seen=SICK).out)
    VALIDATOR.validate(document)
    assert document["steps"]


def test_a_saved_plan_is_for_its_owners_eyes_and_reads_back(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "fix.json"
    target.write_text("an older one", encoding="ascii")
    ran = run("plan", "-o", "fix.json", seen=SICK)
    assert ran.code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    made = decode(target.read_bytes())
    assert f"Plan {made.id} for node17" in ran.out
    assert "fix fix.json" in " ".join(ran.out.replace("\\\n", " ").split())
    assert [each.name for each in tmp_path.iterdir()] == ["fix.json"]


def test_a_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="ascii")
    link = tmp_path / "link"
    link.symlink_to(precious)
    ran = run("plan", "-o", str(link), seen=SICK)
    assert (ran.code, ran.out) == (64, "")
    assert "is no plain file" in ran.err
    assert precious.read_text(encoding="ascii") == "mine"


def test_a_place_that_cannot_be_written_to_is_said(run: Run, tmp_path: Path) -> None:
    ran = run("plan", "-o", str(tmp_path / "absent" / "fix.json"), seen=SICK)
    assert ran.code == 74
    assert "could not be written" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("strict-pikcup",), "did you mean strict-pickup"),
        (("strict-pickup", "drain"), "do not go into one plan"),
        (("one-sided/no-such/tcp/80",), "no finding 'one-sided/no-such/tcp/80' now"),
    ],
)
def test_what_does_not_go_is_one_line_and_64(run: Run, words: tuple[str, ...], told: str) -> None:
    ran = run("plan", *words, seen=SICK)
    assert (ran.code, ran.out) == (64, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_is_planned_for_with_its_masked_addresses_to_be_filled_in() -> None:
    ran = process("plan", "--from", str(FOUNDING), "--assume", "kernel=2.6.32-042stab092.1")
    assert ran.returncode == 0, ran.stderr
    text = ran.stdout.decode()
    assert "ADDR_1= # the address shown as xx.xx.xx.73" in text
    assert "src=$ADDR_1" in text


def test_a_number_is_one_of_the_last_screen_of_this_session(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))
    ran = run("plan", "1", seen=SICK)
    assert ran.code == 64
    assert "no screen of this session" in ran.err

    monkeypatch.setattr(output, "is_looked_at", lambda: True)
    run("doctor", "--format", "json", seen=SICK)
    run("doctor", "--jsonl", seen=SICK)
    assert run("plan", "1", seen=SICK).code == 64

    monkeypatch.setattr(output, "is_terminal", lambda: True)
    screen = run("doctor", seen=SICK).out
    assert re.search(r"fix 1\b", " ".join(screen.split()))
    [kept] = (tmp_path / "screens").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    first = json.loads(kept.read_bytes())["findings"][0]
    document = json.loads(run("plan", "--json", "1", seen=SICK).out)
    assert first in {step["finding"] for step in document["steps"]}
    assert run("plan", "99", seen=SICK).code == 64


def test_a_screen_that_went_through_a_pipe_has_numbers_too(tmp_path: Path) -> None:
    kept_in = str(tmp_path)
    assert process("doctor", str(FOUNDING), HALFTRACK_RUN_DIR=kept_in).returncode == 1
    ran = process("plan", "1", HALFTRACK_RUN_DIR=kept_in)
    assert ran.returncode == 64
    assert "the last screen was of" in ran.stderr.decode()


def test_a_job_in_the_background_of_a_terminal_leaves_the_last_screen_as_it_is() -> None:
    script = (
        "import os, pty, sys\n"
        "from halftrack.commands import output\n"
        "ours, theirs = os.pipe()\n"
        "pid, _ = pty.fork()\n"
        "if not pid:\n"
        "    os.dup2(theirs, 1)\n"
        "    os.write(theirs, f'{output.is_looked_at()} '.encode())\n"
        "    if not os.fork():\n"
        "        os.setpgid(0, 0)\n"
        "        os.write(theirs, f'{output.is_looked_at()}'.encode())\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "sys.stdout.write(os.read(ours, 100).decode())"
    )
    paths = os.pathsep.join(sys.path)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert (ran.stdout, ran.stderr) == ("True False", "")


def test_a_number_of_a_finding_that_is_gone_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))
    monkeypatch.setattr(output, "is_looked_at", lambda: True)
    run("doctor", seen=SICK)
    ran = run("plan", "1", seen=WELL)
    assert ran.code == 64
    assert "now" in ran.err


def test_a_screen_of_a_file_gives_no_numbers_of_this_node(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    screen = run("doctor", str(FOUNDING), seen=SICK).out
    assert "plan" in screen
    assert not re.search(r"fix \d", screen)
    ran = run("plan", "1", seen=SICK)
    assert ran.code == 64
    assert "not of this node" in ran.err
