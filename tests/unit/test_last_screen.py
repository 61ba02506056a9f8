"""Which session a screen belongs to, and when it is not believed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from halftrack.commands import last_screen
from halftrack.errors import UsageError
from halftrack.planning import Wanted, parse
from unit.sick import SICK_OLD

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))
    return tmp_path / "screens"


def test_a_number_is_the_finding_that_stood_there(folder: Path) -> None:
    last_screen.remember(SICK_OLD, ())
    assert last_screen.by_id(parse(["1", "drain"])) == (
        Wanted("1", finding=SICK_OLD.findings[0].id),
        Wanted("drain", remedy="drain"),
    )
    [file] = folder.iterdir()
    assert file.name == str(os.getsid(0)) or os.getsid(0) == 0
    assert folder.stat().st_mode & 0o077 == 0


def test_a_screen_of_another_session_of_this_number_is_not_believed(folder: Path) -> None:
    last_screen.remember(SICK_OLD, ())
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"started":', b'"started":9'))
    with pytest.raises(UsageError, match="no screen of this session"):
        last_screen.by_id(parse(["1"]))


def test_a_link_in_the_screens_place_is_not_followed(folder: Path, tmp_path: Path) -> None:
    last_screen.remember(SICK_OLD, ())
    [file] = folder.iterdir()
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    with pytest.raises(UsageError, match="no screen of this session"):
        last_screen.by_id(parse(["1"]))
    last_screen.remember(SICK_OLD, ())
    assert file.is_symlink()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\x00" * 100])
def test_a_damaged_screen_is_none(folder: Path, text: bytes) -> None:
    last_screen.remember(SICK_OLD, ())
    [file] = folder.iterdir()
    file.write_bytes(text)
    with pytest.raises(UsageError, match="no screen of this session"):
        last_screen.by_id(parse(["1"]))


@pytest.mark.usefixtures("folder")
def test_a_session_led_from_outside_this_pid_namespace_has_its_screen_too() -> None:
    """As of ``kubectl exec``, ``nsenter`` and CI runners, whose leader has no number in here."""
    script = (
        "import os\n"
        "from halftrack.commands import last_screen\n"
        "from halftrack.planning import parse\n"
        "from unit.sick import SICK_OLD\n"
        "assert os.getsid(0) == 0\n"
        "last_screen.remember(SICK_OLD, ())\n"
        "print(last_screen.by_id(parse(['1']))[0].finding)"
    )
    paths = os.pathsep.join(sys.path)
    inside = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script]
    ran = subprocess.run(
        inside, text=True, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": paths}
    )
    if ran.stderr.startswith("unshare:"):
        pytest.skip(f"no PID namespace of our own: {ran.stderr.strip()}")
    assert (ran.returncode, ran.stdout.strip()) == (0, SICK_OLD.findings[0].id), ran.stderr


def test_screens_of_sessions_that_are_over_are_forgotten(folder: Path) -> None:
    folder.mkdir(parents=True)
    over = folder / str(1 << 30)
    over.touch()
    last_screen.remember(SICK_OLD, ())
    assert not over.exists()


def test_a_place_that_cannot_be_written_to_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path / "file"))
    last_screen.remember(SICK_OLD, ())
    assert last_screen.by_id(parse(["drain"])) == parse(["drain"])


def test_a_user_without_a_place_for_screens_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HALFTRACK_RUN_DIR", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    last_screen.remember(SICK_OLD, ())
    with pytest.raises(UsageError, match="none is kept without XDG_RUNTIME_DIR, name an id"):
        last_screen.by_id(parse(["1"]))


@pytest.mark.usefixtures("folder")
def test_a_number_of_one_namespaces_screen_wants_that_namespace_again() -> None:
    last_screen.remember(SICK_OLD, (), "web-1")
    known = SICK_OLD.findings[0].id
    with pytest.raises(UsageError, match=f"1 on the last screen is {known} of --netns web-1"):
        last_screen.by_id(parse(["1"]))
    assert last_screen.by_id(parse(["1"]), "web-1") == (Wanted("1", finding=known),)
