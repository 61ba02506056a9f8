"""One file on a node that is against it: full disks, kills, rivals, and users who would have their own code run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.bare import ROOT, refusal
from halftrack import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.bare import Bare

VERSION = f"halftrack {__version__}\n"


def tree_name(onefile: Path) -> str:
    """What it unpacks itself to."""
    with onefile.open("rb") as file:
        [name] = re.findall(rb"^NAME=(\S+)$", file.read(8_000), re.MULTILINE)
    return str(name.decode())


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    made = memory / "hostile"
    made.mkdir()
    yield made
    subprocess.run(["rm", "-rf", str(made)], check=True)


def start(onefile: Path, place: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it on this machine, with GNU's tools."""
    return subprocess.run(
        ["dash", str(onefile), *(words or ("--version",))],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "HALFTRACK_CACHE_DIR": str(place / "cache"), **environment},
    )


def tool(place: Path, name: str, script: str) -> dict[str, str]:
    """Another tool of that name before the node's: the environment that finds it."""
    (place / "bin").mkdir()
    (place / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (place / "bin" / name).chmod(0o755)
    return {"PATH": f"{place}/bin:{os.environ['PATH']}"}


@pytest.mark.parametrize("size", ["1m", "100m", "300m"])
def test_of_a_tree_that_the_disk_did_not_take_nothing_stays(onefile: Path, place: Path, size: str) -> None:
    """GNU's tar goes on after what it could not write, to the last file; an empty script ends well."""
    script = (
        f'mount -t tmpfs -o size={size} none "$1"; dash "$2" doctor --example; code=$?; find "$1"; exit $code'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(place), str(onefile)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "HALFTRACK_CACHE_DIR": str(place / "cache")},
    )
    assert refusal(done)[0] == 74
    assert "MiB are needed there" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout.split() == [str(place), str(place / "cache")]


def test_who_was_faster_is_left_alone(onefile: Path, place: Path) -> None:
    """Another start of the same file gives the tree its name just before this one does."""
    rival = tool(place, "mv", 'cp -al "$1" "$2"; touch "$2/rival"; exec /bin/mv "$@"')
    done = start(onefile, place, **rival)
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")
    [tree] = (place / "cache").iterdir()
    assert (tree / "rival").exists()
    assert not list(tree.glob(f"{tree.name}*"))


def test_all_of_several_starts_at_once_run(onefile: Path, place: Path) -> None:
    environment = {**os.environ, "HALFTRACK_CACHE_DIR": str(place / "cache")}
    words = ["dash", str(onefile), "--version"]
    started = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(3)
    ]
    for one in started:
        assert (*one.communicate(timeout=120), one.returncode) == (VERSION, "", 0)
    assert [one.name for one in (place / "cache").iterdir()] == [tree_name(onefile)]


def test_what_a_kill_left_is_gone_with_a_later_start(onefile: Path, place: Path) -> None:
    cache = place / "cache"
    process = subprocess.Popen(
        ["dash", str(onefile), "--version"],
        env={**os.environ, "HALFTRACK_CACHE_DIR": str(cache)},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    while not list(cache.glob("*/lib")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    [left] = cache.iterdir()
    long_ago = time.time() - 7_200
    os.utime(left, (long_ago, long_ago))
    just_begun = cache / f"{tree_name(onefile)}.1"
    just_begun.mkdir()
    # One that was torn later, by whom ever.
    torn = cache / tree_name(onefile)
    (torn / "bin").mkdir(parents=True)
    done = start(onefile, place)
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")
    assert sorted(cache.iterdir()) == [torn, just_begun]


def test_it_is_on_the_disk_before_it_has_its_name(onefile: Path, place: Path) -> None:
    trace = place / "trace"
    words = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        str(trace),
        "-e",
        "trace=syncfs,/^rename",
        "-e",
        "signal=none",
    ]
    done = subprocess.run(
        [*words, "dash", str(onefile), "--unpack", str(place / "tree")],
        capture_output=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    calls = [re.findall(r"\b(syncfs|rename)", line)[0] for line in trace.read_text().splitlines()]
    assert calls == ["syncfs", "rename"]


def test_one_that_cannot_be_replaced_stays(onefile: Path, place: Path) -> None:
    assert start(onefile, place, "--unpack", f"{place}/tree").returncode == 0
    (place / "tree" / "first").touch()
    unwilling = tool(place, "mv", 'case $1 in *.old) ;; *.[0-9]*) exit 1 ;; esac; exec /bin/mv "$@"')
    assert refusal(start(onefile, place, "--unpack", f"{place}/tree", **unwilling))[0] == 74
    assert (place / "tree" / "first").exists()
    assert sorted(one.name for one in place.iterdir()) == ["bin", "tree"]


@pytest.fixture
def theirs(onefile: Path, bare: Bare) -> str:
    """What somebody else would have root run: a program of that place in the tree."""
    bare.bring(onefile)
    (bare.root / "theirs").write_text("#!/bin/sh\necho theirs was run by $(id -u)\n")
    (bare.root / "theirs").chmod(0o755)
    tree = f"$1/{tree_name(onefile)}"
    return (
        f"mkdir -p {tree}/bin; cp /theirs {tree}/bin/halftrack; touch {tree}/complete; chown -R ${{2:-0}} $1"
    )


@pytest.mark.parametrize(
    ("made", "cache"),
    [
        # Their directory; a link to it; a link in it; what is in theirs is root's; which a link of theirs leads to.
        ("lay /tmp/ht 1000", "/tmp/ht"),  # noqa: S108  # of that machine
        ("lay /tmp/x 1000; ln -s x /tmp/ht", "/tmp/ht"),  # noqa: S108  # likewise
        ("mkdir /tmp/x; lay /tmp/x/ht; chown 1000 /tmp/x", "/tmp/x/ht"),  # noqa: S108  # likewise
        ("mkdir /tmp/x; lay /tmp/x/ht; chown 1000 /tmp/x; ln -s x/ht /tmp/ht", "/tmp/ht"),  # noqa: S108  # likewise
        # Anybody, or a group of root's, can put another directory in its place.
        ("mkdir /open; lay /open/ht; chmod 777 /open", "/open/ht"),
        ("mkdir /open; lay /open/ht; chmod 775 /open", "/open/ht"),
        ("mkdir -p /open/x; lay /open/x/ht; chmod 777 /open", "/open/x/ht"),
        ("lay /tmp/ht; chmod 775 /tmp/ht", "/tmp/ht"),  # noqa: S108  # likewise
        ("lay /var/cache/halftrack 1000", ""),
        ("lay /tmp/x 1000; mkdir /var/cache; ln -s /tmp/x /var/cache/halftrack", ""),
    ],
)
def test_root_runs_nothing_that_others_could_have_put_there(
    bare: Bare, theirs: str, made: str, cache: str
) -> None:
    script = f"lay() {{ {theirs}; }}; {made}; export HALFTRACK_CACHE_DIR={cache}; exec /halftrack --version"
    done = bare.run("sh", "-c", script)
    assert done.stdout == ""
    assert refusal(done)[0] == 77


def test_a_place_of_ones_own_where_everybody_has_one_will_do(bare: Bare, theirs: str) -> None:
    """It tells that the directories above are made so that what is in this one would be run."""
    script = (
        f"lay() {{ {theirs}; }}; lay /tmp/ht; export HALFTRACK_CACHE_DIR=/tmp/ht; exec /halftrack --version"
    )
    assert bare.run("sh", "-c", script).stdout == "theirs was run by 0\n"


def test_without_sha256sum_a_changed_file_is_refused_too(onefile: Path, bare: Bare) -> None:
    bare.bring(onefile)
    (bare.root / "bin" / "sha256sum").unlink()
    with (bare.root / "halftrack").open("r+b") as opened:
        opened.seek(-4_000, os.SEEK_END)
        byte = opened.read(1)[0]
        opened.seek(-4_000, os.SEEK_END)
        opened.write(bytes([byte ^ 1]))
    code, said = refusal(bare.run("/halftrack", "--version"))
    assert (code, "changed on its way" in said) == (65, True)


def test_what_the_node_puts_into_every_process_is_not_put_into_it(onefile: Path, bare: Bare) -> None:
    """Such a library is made for the node's own libc."""
    bare.bring(onefile)
    (bare.root / "etc").mkdir()
    (bare.root / "etc" / "ld.so.preload").write_text("/lib/libsnoopy.so\n")
    done = bare.run("env", "LD_PRELOAD=/lib/libother.so", "/halftrack", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")


def test_built_twice_it_is_the_same_byte_for_byte(onefile: Path, memory: Path) -> None:
    elsewhere = memory / "another-place-to-build-in"
    elsewhere.mkdir()
    build = [sys.executable, str(ROOT / "deploy/onefile/build.py"), str(elsewhere)]
    done = subprocess.run(
        build,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "TMPDIR": str(elsewhere)},
    )
    assert done.returncode == 0, done.stderr
    again = Path(done.stdout.strip())
    assert subprocess.run(["cmp", str(onefile), str(again)], check=False).returncode == 0
    again.unlink()
