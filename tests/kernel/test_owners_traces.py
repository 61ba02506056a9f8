"""Owners by what the kernel shows: a control group of LXC's name, and a mount that nobody serves."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from halftrack import owners
from halftrack.evidence.values import HOST, Namespace
from halftrack.kernel import namespaces
from unit.trees import plant

_HIERARCHIES = ("", "unified", "systemd", "pids")


def _hierarchy() -> Path:
    for name in _HIERARCHIES:
        place = Path("/sys/fs/cgroup") / name
        if (place / "cgroup.procs").exists() and os.access(place, os.W_OK):
            return place
    pytest.skip("needs a hierarchy of control groups that may be written")


@pytest.fixture
def contained() -> Iterator[tuple[str, int]]:
    """A process with a network of its own in the control group that LXC would give it; its container's name."""
    name = f"ht-{secrets.token_hex(4)}"
    group = _hierarchy() / f"lxc.payload.{name}"
    group.mkdir()
    words = ("unshare", "--net", "sleep", "300")
    process = subprocess.Popen(words)
    try:
        (group / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        while _netns(process.pid) == _netns(os.getpid()):
            assert process.poll() is None
            time.sleep(0.01)
        yield name, process.pid
    finally:
        process.kill()
        process.wait()
        _remove(group)


def _netns(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115  # no path, a name with a number


def _remove(group: Path) -> None:
    """Its last process may take a moment to leave."""
    for _ in range(100):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return
    group.rmdir()


def test_a_control_group_names_a_container_of_lxc(contained: tuple[str, int]) -> None:
    name, pid = contained
    space = Namespace("sleep", int(_netns(pid).strip("net:[]")), f"/proc/{pid}/ns/net", pid)
    host = next(one for one in namespaces.find()[0] if one.name in (HOST, "self"))
    (found,), gaps = owners.find([host, space], timeout_s=20, runtimes=())
    assert (found.name, found.id, found.runtime) == (name, name, "lxc")
    assert (found.netns_inode, gaps) == (space.inode, ())


_DEAD_MOUNT = """
import dataclasses, json, os, subprocess, sys
from pathlib import Path
from halftrack import owners
root, served = Path(sys.argv[1]), os.open("/dev/fuse", os.O_RDWR)
options = f"fd={served},rootmode=40000,user_id=0,group_id=0"
target = str(root / "var/lib/docker")
subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "dead", target], check=True, pass_fds=[served])
known, gaps = owners.find([], root=root, timeout_s=1.0)
print(json.dumps([[one.name for one in known], [[gap.what, gap.why] for gap in gaps]]), flush=True)
"""


def test_a_mount_that_nobody_serves_costs_its_runtime_alone(tmp_path: Path) -> None:
    """In a mount namespace that ends with the test; the thread that waits there keeps no process alive."""
    if not Path("/dev/fuse").exists():
        pytest.skip("needs FUSE")
    plant(
        tmp_path,
        {
            "var/lib/docker/x": "",
            "var/lib/lxc/mail/config": "lxc.net.0.ipv4.address = 10.9.8.7/24\n",
        },
    )
    words = (
        "unshare",
        "--mount",
        "--propagation",
        "private",
        sys.executable,
        "-c",
        _DEAD_MOUNT,
        str(tmp_path),
    )
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    known, gaps = json.loads(done.stdout)
    assert known == ["mail"]
    assert gaps == [["owners that docker knows", "docker is still being read"]]
