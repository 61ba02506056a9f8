"""A mount that nobody serves and commands that never answer: each costs its timeout, and is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = """
import ctypes, os, pathlib, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
kept = []
for path in sys.argv[2:]:
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    kept.append(os.open("/dev/fuse", os.O_RDWR))
    options = f"fd={kept[-1]},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"dead", path.encode(), b"fuse", 0, options):
        sys.exit(os.strerror(ctypes.get_errno()))
tools = pathlib.Path(sys.argv[1])
for name in ("podman", "crictl", "vzlist", "docker"):
    (tools / name).write_text("#!/bin/sh\\nexec sleep 1000\\n")
    (tools / name).chmod(0o755)
pathlib.Path("/run/libpod").mkdir()
pathlib.Path("/run/libpod/alive").touch()
os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
done = subprocess.run([sys.executable, "-m", "halftrack", "doctor", "--json"], capture_output=True, text=True)
print(done.stdout if done.returncode < 4 else done.stderr, flush=True)
"""
_DEAD = (
    "/run/containerd",
    "/run/crio",
    "/var/lib/docker",
    "/var/lib/lxc",
    "/var/lib/kube-proxy",
    "/etc/sysctl.d",
)
_HIDDEN = ("/run", "/var/lib")
"""Covered first, so that nothing of the node's own is touched."""


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("unshare") is None or not Path("/dev/fuse").exists():
        pytest.skip("needs unshare and FUSE")
    words = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    script = " && ".join(
        (*(f"mount -t tmpfs none {one}" for one in _HIDDEN), "ip link set lo up", 'exec "$@"')
    )
    tools = tmp_path_factory.mktemp("tools")
    done = subprocess.run(
        (*words, "sh", "-c", script, "sh", sys.executable, "-c", _PROGRAM, str(tools), *_DEAD),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_examination_ends_and_says_what_it_did_not_wait_for(diagnosis: dict[str, Any]) -> None:
    why = {gap["what"]: gap["why"] for gap in diagnosis["gaps"]}
    for runtime in ("cri-o", "containerd", "docker", "lxc"):
        assert why[f"owners that {runtime} knows"] == f"{runtime} is still being read"
    assert why["owners that podman knows"] == "podman did not answer in time"
    late = "they were not read in time: is a mount not served?"
    assert why["settings in the files of sysctl.d"] == late
    assert why["files that tell who writes rules and settings here"] == late


def test_what_does_not_hang_is_read_all_the_same(diagnosis: dict[str, Any]) -> None:
    assert [table["netns"] for table in diagnosis["tables"] if table["entries"] is not None]
    assert diagnosis["tables"][0]["limit"]
