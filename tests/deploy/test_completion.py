"""What a press of Tab offers, in the shells themselves, with the files that are installed for them."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.bare import ROOT

FILES = ROOT / "deploy" / "completions"
CASES = {
    "halftrack what": "whatif",
    "halftrack doctor --exam": "--example",
    "halftrack explain shap": "shaping",
    "halftrack lab syn-f": "syn-flood",
    "halftrack list one-": "one-sided",
    "halftrack plan raise-": "raise-limit",
}
_BASH = """
source "$1"
COMP_WORDS=($2)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_halftrack_completion halftrack
printf '%s\\n' "${COMPREPLY[@]}"
"""
_FISH = 'source "$argv[1]"; complete --do-complete "$argv[2]"'


def shell(*words: str) -> str:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
    }
    if shutil.which(words[0]) is None:
        pytest.fail(f"needs {words[0]} (scripts/debian-packages)")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("typed", "offered"), CASES.items())
def test_bash(typed: str, offered: str) -> None:
    assert shell("bash", "--norc", "-c", _BASH, "bash", f"{FILES}/halftrack.bash", typed).split() == [offered]


@pytest.mark.parametrize(("typed", "offered"), CASES.items())
def test_fish(typed: str, offered: str) -> None:
    said = shell("fish", "--no-config", "-c", _FISH, f"{FILES}/halftrack.fish", typed)
    assert [line.split("\t")[0] for line in said.splitlines()] == [offered]


def test_zsh(tmp_path: Path) -> None:
    """At a terminal, since only there zsh completes."""
    if shutil.which("zsh") is None:
        pytest.fail("needs zsh (scripts/debian-packages)")
    (tmp_path / ".zshrc").write_text(
        f"PROMPT=; fpath=({FILES} $fpath); autoload -Uz compinit; compinit -u -D; unset zle_bracketed_paste\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
        os.execvpe("zsh", ["zsh", "-i"], environment)  # noqa: S606  # words of our own, no shell
    try:
        for typed, offered in CASES.items():
            os.write(terminal, f"{typed}\t".encode())
            _until(terminal, f"{offered} ")
            os.write(terminal, b"\x15")  # Ctrl-U: the line is gone
    finally:
        os.close(terminal)
        os.waitpid(child, 0)


def _until(terminal: int, wanted: str) -> None:
    seen = ""
    give_up = time.monotonic() + 120
    while wanted not in seen:
        assert time.monotonic() < give_up, seen
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 4_096).decode(errors="replace")


def test_what_cannot_be_understood_offers_nothing_and_complains_of_nothing() -> None:
    environment = {**os.environ, "_HALFTRACK_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for line in ("halftrack no-such-verb ", "halftrack lab 'no-such"):
        done = subprocess.run(
            [sys.executable, "-m", "halftrack"],
            env={**environment, "COMP_WORDS": line},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == "", line
        assert done.stdout.strip() == "", line
