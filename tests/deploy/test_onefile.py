"""One file, dropped on a machine that has nothing: it unpacks itself, and every refusal is one clear line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from deploy.bare import refusal
from halftrack import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.bare import Bare

CACHE = "var/cache/halftrack"


def trees(bare: Bare, cache: str = CACHE) -> list[Path]:
    return sorted((bare.root / cache).iterdir())


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def test_it_examines_a_machine_that_has_no_python_no_libc_and_no_network(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    done = bare.run("/halftrack", "doctor", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["source"], told["severity"]) == (0, "live", "ok"), done.stderr
    assert told["tables"][0]["entries"] == 0
    [tree] = trees(bare)
    assert tree.name.startswith(f"halftrack-{__version__}-")
    unpacked = (tree / "complete").stat().st_ino
    # Commands that it prints begin as it was started.
    done = bare.run("/halftrack", "doctor", "--example")
    assert (done.returncode, "3 entries, all 3 stuck" in done.stdout) == (1, True), done.stderr
    assert "\n        /halftrack doctor --example -v" in done.stdout
    (bare.root / "halftrack").chmod(0o644)
    said = bare.run("sh", "-c", "cd / && sh halftrack doctor --example").stdout
    assert "\n        sh ./halftrack doctor --example -v" in said
    assert [(one, (one / "complete").stat().st_ino) for one in trees(bare)] == [(tree, unpacked)]


def test_an_ordinary_user_unpacks_into_a_place_of_his_own(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    (bare.root / "home").mkdir()
    os.chown(bare.root / "home", 1000, 1000)
    done = bare.run("env", "HOME=/home", "/halftrack", "doctor", "--example", user=1000)
    assert (done.returncode, "all 3 stuck" in done.stdout) == (1, True), done.stderr
    [made] = trees(bare, "home/.cache/halftrack")
    assert (made.stat().st_uid, made.parent.stat().st_mode & 0o777) == (1000, 0o700)
    # Without such a place it asks for one.
    code, said = refusal(bare.run("env", "HOME=/", "/halftrack", "doctor", user=1000))
    assert (code, "HALFTRACK_CACHE_DIR" in said) == (74, True)


def test_what_others_can_write_to_is_not_run(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    cache = bare.root / CACHE
    cache.mkdir(parents=True)
    os.chown(cache, 1000, 1000)
    code, said = refusal(bare.run("/halftrack", "--version"))
    assert (code, "belongs to somebody else" in said) == (77, True)
    os.chown(cache, 0, 0)
    cache.chmod(0o777)
    code, said = refusal(bare.run("/halftrack", "--version"))
    assert (code, "HALFTRACK_CACHE_DIR" in said) == (77, True)
    assert trees(bare) == []


def test_a_file_cut_short_or_changed_on_its_way_is_not_run(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    file = bare.root / "halftrack"
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 1)
    code, said = refusal(bare.run("/halftrack", "--version"))
    assert (code, "cut short" in said) == (65, True)
    bare.bring(onefile)
    with file.open("r+b") as opened:
        opened.seek(-4_000, os.SEEK_END)
        byte = opened.read(1)[0]
        opened.seek(-4_000, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))
    code, said = refusal(bare.run("/halftrack", "--version"))
    assert (code, "changed on its way" in said) == (65, True)
    assert trees(bare) == []


@pytest.mark.parametrize(
    ("mounted", "code", "why"),
    [("size=20m", 74, "MiB are needed"), ("noexec", 69, "mounted noexec"), ("ro", 74, "cannot make")],
)
def test_a_place_that_will_not_do_is_told_of_and_left_clean(
    onefile: Path, bare: Bare, mounted: str, code: int, why: str
) -> None:
    bare.bring(onefile)
    mounting = f'mount -t tmpfs -o {mounted} none "$1/var"'
    done = bare.run("sh", "-c", "/halftrack --version; code=$?; find /var; exit $code", mounting=mounting)
    told, said = refusal(done)
    assert (told, why in said) == (code, True), said
    left = {line for line in done.stdout.splitlines() if not line.startswith("halftrack")}
    assert left <= {"/var", "/var/cache", "/var/cache/halftrack"}


@pytest.mark.parametrize("shell", ["dash", "busybox sh", "mksh", "yash"])
def test_ended_while_it_unpacks_it_leaves_nothing(onefile: Path, memory: Path, shell: str) -> None:
    cache = memory / "ended"
    words = [*shell.split(), str(onefile), "--version"]
    environment = {**os.environ, "HALFTRACK_CACHE_DIR": str(cache)}
    process = subprocess.Popen(words, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    while not cache.exists() or not list(cache.iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert list(cache.iterdir()) == []
    cache.rmdir()


def test_unpacked_to_stay_it_is_replaced_as_a_whole_and_nothing_else_is(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    for _ in range(2):
        done = bare.run("/halftrack", "--unpack", "/opt")
        assert (done.returncode, done.stdout) == (0, "/opt/bin/halftrack\n"), done.stderr
    assert sorted(one.name for one in bare.root.iterdir() if "opt" in one.name) == ["opt"]
    assert not (bare.root / "opt" / "before").exists()
    (bare.root / "bin" / "ht").symlink_to("../opt/bin/halftrack")
    assert bare.run("ht", "--version").stdout == f"halftrack {__version__}\n"
    for words, code in ((("/tmp",), 64), ((), 64), (("",), 64)):  # noqa: S108  # of that machine
        assert refusal(bare.run("/halftrack", "--unpack", *words))[0] == code
    assert not (bare.root / CACHE).exists()


def test_what_starts_python_once_more_starts_its_own(tree: Path) -> None:
    words = [f"{tree}/bin/python", "-P", "-c", "import subprocess, sys; print(sys.executable)"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said == f"{tree}/bin/python\n"
    words = [f"{tree}/bin/halftrack", "lab", "syn-flood", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, json.loads(done.stdout)["scenario"]) == (0, "syn-flood"), done.stderr


def test_its_wheels_need_no_libc_newer_than_2_17(tree: Path) -> None:
    packages = tree / "python" / f"lib/python3.{sys.version_info.minor}" / "site-packages"
    shared = [one for one in packages.rglob("*.so*") if one.is_file()]
    assert len(shared) > 10
    for one in shared:
        said = subprocess.run(["readelf", "-VW", str(one)], capture_output=True, text=True, check=True)
        versions = {tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_(\d[\d.]+)", said.stdout)}
        assert max(versions, default=(0,)) <= (2, 17), one
        assert "GLIBC_ABI" not in said.stdout, one  # marks of what only later ones understand


def test_nothing_in_it_is_looked_up_on_the_node(tree: Path) -> None:
    """Each library that any file of it names lies in it, too."""
    own = {one.name for one in (tree / "lib").iterdir()}
    inside = own | {one.name for one in tree.rglob("*.so*")}
    for one in tree.rglob("*"):
        if not is_elf(one):
            continue
        said = subprocess.run(["readelf", "-dW", str(one)], capture_output=True, text=True, check=True)
        needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", said.stdout))
        assert {name for name in needed if not name.startswith("ld-linux")} <= inside, one


QEMU = "qemu-x86_64-static"
WITHOUT_AVX = ("-cpu", "Nehalem")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="is about x86")
def test_it_needs_no_avx(tree: Path) -> None:
    """A processor of 2008, emulated; what the ordinary wheels need it refuses."""
    if shutil.which(QEMU) is None:
        pytest.fail(f"needs {QEMU} (scripts/debian-packages)")
    emulated = (QEMU, *WITHOUT_AVX)
    ordinary = (*emulated, sys.executable, "-I", "-W", "ignore", "-c", "import polars")
    assert subprocess.run(ordinary, capture_output=True, check=False, timeout=120).returncode != 0
    ours = (
        f"{tree}/lib/loader",
        "--inhibit-cache",
        "--library-path",
        f"{tree}/lib",
        f"{tree}/python/bin/python",
    )
    words = (*emulated, *ours, "-I", "-m", "halftrack", "doctor", "--example")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (1, "")
    assert "all 3 stuck" in done.stdout
