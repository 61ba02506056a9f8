"""Finding the node's network namespaces, naming them, getting in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from halftrack.evidence.values import Namespace
from halftrack.kernel import namespaces, survey
from kernel.processes import process_in
from kernel.scratch import Netns, scratch_netns, sh

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

REPORT = """
import json
from halftrack.kernel import namespaces, privileges
found, gaps = namespaces.find()
print(json.dumps({
    "names": [one.name for one in found],
    "own": found[0].name,
    "in_container": privileges.in_container(),
    "gaps": [gap.what for gap in gaps],
}))
"""


def inode_of(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def by_inode(inode: int) -> Namespace:
    found, _ = namespaces.find()
    (one,) = [each for each in found if each.inode == inode]
    return one


def test_our_own_comes_first_and_is_the_host() -> None:
    """The tests run where process 1 lives."""
    found, gaps = namespaces.find()
    assert found[0].inode == Path("/proc/self/ns/net").stat().st_ino
    assert found[0].name == "host"
    assert namespaces.is_own(found[0])
    assert gaps == []


def test_a_mount_and_its_processes_are_one(netns: Netns) -> None:
    """A namespace is read once, whatever leads to it, and bears its mount's name."""
    before = by_inode(netns.inode)
    assert (before.name, before.path, before.pid) == (netns.name, netns.path, None)
    with process_in(netns.name) as one, process_in(netns.name):
        inside = by_inode(netns.inode)
        assert inside.name == netns.name
        assert inside.path == netns.path
        assert inside.pid is not None
        assert inside.pid <= one.pid


def test_what_runs_in_it_gives_the_name() -> None:
    """Without a mount, the command of the lowest process does."""
    with process_in(None, "ht-frontend") as process:
        found = by_inode(inode_of(process.pid))
        assert found.name == "ht-frontend"
        assert found.path == f"/proc/{process.pid}/ns/net"


def test_equal_names_are_told_apart() -> None:
    with process_in(None, "ht-twin") as first, process_in(None, "ht-twin") as second:
        inodes = [inode_of(one.pid) for one in (first, second)]
        assert [by_inode(inode).name for inode in inodes] == [f"ht-twin-{inode}" for inode in inodes]


@pytest.mark.parametrize(
    ("command", "shown"), [("host", "host-"), ("self", "self-"), ("all", "all-"), ("a/b \x1b[1m", "a-b--[1m")]
)
def test_a_process_cannot_choose_our_words(command: str, shown: str) -> None:
    """Neither a word of --netns, nor a path, nor an escape sequence."""
    with process_in(None, command) as process:
        assert by_inode(inode_of(process.pid)).name == shown


def test_a_made_up_mount_name_yields_to_the_command() -> None:
    """``cni-<uuid>`` says less than what runs there."""
    name = f"cni-0d2f5a1e-77aa-4c0e-9d55-{os.getpid():012x}"
    sh("ip", "netns", "add", name)
    try:
        inode = Path(f"/run/netns/{name}").stat().st_ino
        assert by_inode(inode).name == name
        with process_in(name, "ht-pod"):
            assert by_inode(inode).name == "ht-pod"
            assert by_inode(inode).path == f"/run/netns/{name}"
    finally:
        sh("ip", "netns", "delete", name)


def test_another_namespace_sees_itself_and_the_host(netns: Netns) -> None:
    """``self`` is where we are, ``host`` where process 1 is; that is no container."""
    report = json.loads(
        netns.run("env", f"PYTHONPATH={ENVIRONMENT['PYTHONPATH']}", sys.executable, "-c", REPORT)
    )
    assert report["own"] == "self"
    assert "host" in report["names"]
    assert not report["in_container"]


def test_a_container_is_never_called_the_host() -> None:
    """With processes and network of its own, process 1 is the container's."""
    words = ["unshare", "-npf", "--mount-proc", sys.executable, "-c", REPORT]
    report = json.loads(subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=True).stdout)
    assert report["own"] == "self"
    assert "host" not in report["names"]
    assert report["in_container"]


def test_a_container_on_the_nodes_network_sees_the_nodes_table() -> None:
    words = ["unshare", "-pf", "--mount-proc", sys.executable, "-c", REPORT]
    report = json.loads(subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=True).stdout)
    assert report["own"] == "host"
    assert not report["in_container"]


def test_an_opened_namespace_outlives_its_process() -> None:
    """The descriptor holds it: what is read through it is that namespace's, to the end."""
    with process_in(None) as process:
        namespace = by_inode(inode_of(process.pid))
        with namespaces.opened(namespace) as path:
            process.kill()
            process.wait()
            assert Path(path).stat().st_ino == namespace.inode


def test_when_its_process_ends_another_shows_the_way(netns: Netns) -> None:
    with process_in(netns.name) as first, process_in(netns.name) as second:
        namespace = Namespace("x", netns.inode, f"/proc/{first.pid}/ns/net", first.pid)
        first.kill()
        first.wait()
        with namespaces.opened(namespace) as path:
            assert Path(path).stat().st_ino == netns.inode
        second.kill()


def test_a_number_used_again_is_not_mistaken(netns: Netns) -> None:
    """A path that leads to another namespace now is no way to this one."""
    vanished = Namespace("x", netns.inode + 10**6, f"/proc/{os.getpid()}/ns/net")
    with pytest.raises(namespaces.Vanished), namespaces.opened(vanished):
        pass


def test_visiting_tells_who_vanished_and_moves_nobody(netns: Netns) -> None:
    """One namespace that is gone does not keep the others from being read; our threads stay home."""
    home = Path("/proc/thread-self/ns/net").readlink()
    gone = Namespace("gone", 1, "/run/netns/ht-never-was")
    here = Namespace("self", None, namespaces.OWN_WAY)
    inside = Namespace("inside", netns.inode, netns.path)

    where = survey.visit([gone, inside, here], lambda _: Path("/proc/thread-self/ns/net").stat().st_ino)

    assert isinstance(where[0], namespaces.Vanished)
    assert where[1:] == [netns.inode, Path("/proc/self/ns/net").stat().st_ino]
    assert Path("/proc/thread-self/ns/net").readlink() == home
    assert threading.active_count() == 1


def test_a_path_that_is_no_namespace(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("", encoding="ascii")
    for path in (str(plain), "/proc/self/ns/uts"):
        with pytest.raises(ValueError, match=path):
            namespaces.at(path)


def test_a_path_names_its_namespace(netns: Netns) -> None:
    assert namespaces.at(netns.path).inode == netns.inode


def test_many(netns: Netns) -> None:
    """Sixty at once are all found, each once."""
    names = [f"{netns.name}-{number}" for number in range(60)]
    try:
        sh("ip", "-batch", "-", stdin="".join(f"netns add {name}\n" for name in names))
        found = [one.name for one in namespaces.find()[0]]
        assert len(found) == len(set(found))
        assert set(names) <= set(found)
    finally:
        sh("ip", "-force", "-batch", "-", stdin="".join(f"netns del {name}\n" for name in names))


def test_scratch_names_do_not_outlive_their_test() -> None:
    with scratch_netns() as made:
        name = made.name
    assert name not in [one.name for one in namespaces.find()[0]]
