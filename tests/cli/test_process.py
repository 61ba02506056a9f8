"""The program as a process: pipes, full disks, locales, interruption, start-up."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from cli.conftest import FOUNDING, plain_environment, process
from halftrack import __version__
from halftrack.commands import doctor, output

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

PROGRAM = [sys.executable, "-m", "halftrack"]


@pytest.mark.parametrize("words", [["--help"], ["doctor", str(FOUNDING)], ["explain"], ["--version"]])
def test_a_full_disk_is_74(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123  # a device
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, check=False, env=plain_environment()
        )

    assert done.returncode == 74
    assert done.stderr.count(b"\n") == 1
    assert b"could not be written" in done.stderr


@pytest.mark.parametrize("words", [["doctor", "-v", str(FOUNDING)], ["explain"], ["--help"]])
def test_a_closed_pipe_ends_quietly(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, check=False, env=plain_environment()
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interruption_ends_in_130(tmp_path: Path) -> None:
    """A table that comes slowly through a pipe, and Ctrl-C."""
    pipe = tmp_path / "table"
    os.mkfifo(pipe)
    writing = os.open(pipe, os.O_RDWR)  # does not wait for a reader
    with subprocess.Popen(
        [*PROGRAM, "doctor", str(pipe)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=plain_environment(),
    ) as child:
        try:
            os.write(writing, FOUNDING.read_bytes())
            time.sleep(1.5)  # it has read that, and waits for more
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
            os.close(writing)

    assert (child.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.UTF-8"])
def test_output_that_is_no_terminal_is_ascii(locale: str) -> None:
    done = process("doctor", str(FOUNDING), LANG=locale, COLUMNS="80")

    assert done.returncode == 1
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


def on_a_terminal(*words: str, **environment: str) -> tuple[int, str]:
    """What a user sees on a terminal of these settings, and the exit code."""
    code, shown = -1, b""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [*PROGRAM, *words], plain_environment(**environment))  # noqa: S606  # words of our own, no shell
    try:
        while block := os.read(terminal, 65536):
            shown += block
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, shown.decode()


def test_a_terminal_gets_colours_and_blocks_where_it_can_show_them() -> None:
    words = ("doctor", "--assume", "limit=4", str(FOUNDING))
    code, full = on_a_terminal(*words, LANG="en_US.UTF-8", TERM="xterm", COLUMNS="80")
    _, plain = on_a_terminal(*words, LANG="C", TERM="xterm", COLUMNS="80", NO_COLOR="1")
    _, option = on_a_terminal("--no-color", *words, LANG="C.UTF-8", TERM="xterm", COLUMNS="80")
    _, dumb = on_a_terminal(*words, LANG="en_US.UTF-8", TERM="dumb", COLUMNS="80")

    assert code in (1, 2)
    assert "\x1b[" in full
    assert "\u2588" in full
    assert plain.isascii()
    assert "\x1b" not in plain + option + dumb
    assert max(len(line) for line in plain.splitlines()) <= 80


def test_a_narrow_terminal_gets_narrow_lines() -> None:
    _, text = on_a_terminal("doctor", str(FOUNDING), LANG="C", TERM="dumb", COLUMNS="50")

    assert max(len(line) for line in text.splitlines()) <= 50


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from halftrack.commands.main import run; run(['--help']);"
        "sys.exit(bool({'numpy', 'polars', 'rich', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=plain_environment()
    )

    assert done.returncode == 0
    for word in (b"doctor", b"list", b"explain", b"--json", b"--netns", b"--budget"):
        assert word in done.stdout


def test_a_bug_of_ours_is_one_line_and_a_traceback_only_on_request(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(doctor, "evidence", broken)
    short, long = run("doctor"), run("doctor", "-v")

    assert (short.code, long.code) == (70, 70)
    assert short.err.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in short.err
    assert "Traceback" in long.err


@pytest.mark.parametrize("verb", ["doctor", "list", "explain"])
def test_every_verb_has_help(run: Run, verb: str) -> None:
    ran = run(verb, "--help")

    assert ran.code == 0
    assert "--json" in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80


def test_explain_shows_pages_and_lists_them(run: Run) -> None:
    assert "one-sided" in run("explain").out
    assert "Meaning" in run("explain", "one-sided").out
    assert "five" in run("explain", "five-days").out.lower()
    assert run("explain", "one-sidded").code == 64
    assert "one-sided" in run("explain", "one-sidded").err
    document = json.loads(run("explain", "drain", "--json").out)
    assert [page["slug"] for page in document["runbooks"]] == ["drain"]


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"halftrack {__version__}\n"


@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [
        (["doctor", str(FOUNDING)], ">&-", 74),
        (["--help"], ">&-", 74),
        (["--version"], ">&-", 74),
        (["list", "--from", str(FOUNDING)], ">&-", 74),
        (["doctor", "nofile"], "2>&-", 65),
        (["--bogus"], "2>&-", 64),
        (["doctor", str(FOUNDING)], "<&-", 1),
        (["doctor", "-"], "<&-", 65),
    ],
)
def test_streams_that_are_closed_from_the_start(words: list[str], closed: str, code: int) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *PROGRAM, *words],
        capture_output=True, check=False, env=plain_environment(),
    )  # fmt: skip

    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") <= 1


def test_an_unbuffered_answer_that_does_not_fit_is_74(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(FOUNDING.read_bytes() * 100)
    done = subprocess.run(
        ["sh", "-c", f'ulimit -f 1; exec "$@" >{tmp_path}/out', "sh", *PROGRAM, "list", "--from", str(large)],
        capture_output=True, check=False, env=plain_environment(PYTHONUNBUFFERED="1"),
    )  # fmt: skip

    assert done.returncode == 74


def test_too_little_address_space_is_said_before_anything_aborts() -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -v 500000; exec "$@"', "sh", *PROGRAM, "doctor", str(FOUNDING)],
        capture_output=True, check=False, env=plain_environment(),
    )  # fmt: skip

    assert done.returncode == 75
    assert b"ulimit -v" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_file_to_examine_is_named_as_a_shell_takes_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x;reboot").touch()

    assert "halftrack doctor 'x;reboot'" in run("x;reboot").err


def test_printed_commands_begin_with_the_program_as_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin dir" / "halftrack"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", "/nonexistent")
    elsewhere = output.program()
    monkeypatch.setenv("PATH", str(program.parent))

    assert elsewhere == f"'{program}'"
    assert output.program() == "halftrack"


def test_a_file_redirected_without_a_source_is_pointed_out(tmp_path: Path) -> None:
    with FOUNDING.open("rb") as file:
        done = subprocess.run(
            [*PROGRAM, "--root", str(tmp_path), "doctor"],
            stdin=file, capture_output=True, check=False, env=plain_environment(),
        )  # fmt: skip

    assert b"standard input was not read" in done.stderr
