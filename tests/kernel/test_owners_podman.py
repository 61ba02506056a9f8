"""Real Podman containers, in network, mount and process namespaces of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs none /run
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
mkdir -p "$1/bin" /run/containers/storage
cat > "$1/bin/podman" <<END
#!/bin/sh
exec $(command -v podman) --root "$1/root" --runroot /run/containers/storage --tmpdir /run/libpod \
  --storage-driver vfs --cgroup-manager cgroupfs --network-config-dir "$1/networks" "\$@"
END
chmod +x "$1/bin/podman"
PATH="$1/bin:$PATH"
exec 3>&1 >&2
podman import "$1/image.tar" ht-image
start() {
  podman run --detach --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "$@" ht-image \
    /busybox sleep 300
}
start --name ht-web --publish 127.0.0.1:18080:80 --publish 5353:53/udp
start --name ht-beside --network container:ht-web
start --name ht-alone --network none
exec "$2" -c "$3" >&3
"""

_ASK = """
import dataclasses, json, sys
from halftrack import owners
from halftrack.kernel import namespaces
from halftrack.live import published
spaces, _ = namespaces.find()
known, gaps = owners.find(spaces, timeout_s=20)
fronts, untold = published.read(spaces)
bare = [dataclasses.replace(one, ports=()) for one in known]
traced, _ = owners.find(spaces, timeout_s=20, runtimes=())
print(json.dumps({
    "owners": [dataclasses.asdict(one) for one in known],
    "traced": [dataclasses.asdict(one) for one in traced],
    "gaps": [dataclasses.asdict(one) for one in (*gaps, *untold)],
    "led": [dataclasses.asdict(one) for one in owners.published(bare, fronts, [])],
    "inodes": [one.inode for one in spaces],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is known of three containers, two of them in one namespace."""
    for needed in ("podman", "busybox", "unshare"):
        if shutil.which(needed) is None:
            pytest.skip(f"needs {needed}")
    directory = tmp_path_factory.mktemp("podman")
    with tarfile.open(directory / "image.tar", "w") as image:
        image.add(Path(shutil.which("busybox") or "").resolve(), "busybox")
    words = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    done = subprocess.run(
        (*words, "sh", "-c", _SCRIPT, "sh", str(directory), sys.executable, _ASK),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if done.returncode and os.environ.get("HALFTRACK_REQUIRE_KERNEL") != "1":
        pytest.skip(f"no containers here: {done.stderr.strip().splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_containers_that_share_a_namespace_are_one_owner(told: dict[str, Any]) -> None:
    """Named after the one that the addresses and ports were given to."""
    assert [one["name"] for one in told["owners"]] == ["ht-alone", "ht-web"]
    assert {one["runtime"] for one in told["owners"]} == {"podman"}
    assert told["gaps"] == []


def test_each_owner_has_its_own_namespace(told: dict[str, Any]) -> None:
    inodes = [one["netns_inode"] for one in told["owners"]]
    assert len(set(inodes)) == 2
    assert set(inodes) < set(told["inodes"])


def test_published_ports_lead_to_the_container(told: dict[str, Any]) -> None:
    web = told["owners"][1]
    assert web["addresses"][0].startswith("10.88.")
    assert web["ports"] == [
        {"protocol": "udp", "host_port": 5353, "port": 53, "host_address": None},
        {"protocol": "tcp", "host_port": 18080, "port": 80, "host_address": "127.0.0.1"},
    ]


def test_traces_alone_tell_the_same_names(told: dict[str, Any]) -> None:
    """Without a cgroup of their own and without asking Podman: the monitor's arguments name them."""
    shown = ("name", "id", "runtime", "netns_inode", "addresses")
    assert [[one[key] for key in shown] for one in told["traced"]] == [
        [one[key] for key in shown] for one in told["owners"]
    ]


def test_the_rules_tell_the_same_ports(told: dict[str, Any]) -> None:
    """Without a word from Podman: its rules of translation lead to the container's address.

    A port of one address of the node is such only where that address is known to be the node's.
    """
    (alone, web) = told["led"]
    assert alone["ports"] == []
    assert [port for port in told["owners"][1]["ports"] if port["host_address"] is None] == web["ports"]
