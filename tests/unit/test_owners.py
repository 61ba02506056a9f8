"""Whose an address is, asked of all runtimes together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack import owners
from halftrack.evidence.values import Namespace, PublishedPort
from halftrack.kernel import files
from halftrack.owners import merging
from halftrack.owners.process import NoAnswer, run
from halftrack.owners.runtime import Answer, Container, Pod
from unit.trees import HOST_INODE, command, node, plant, process

if TYPE_CHECKING:
    from halftrack.owners.node import Node

_TRIE = """Main:
  +-- 10.88.0.0/16 2 0 2
     |-- 10.88.0.0
        /16 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.88.0.4
        /32 host LOCAL
     |-- 10.88.255.255
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
"""
_INET6 = """fe80000000000000108eb7fffe180fc1 02 40 20 80     eth0
20010db8000000000000000000000005 02 40 00 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""

HOST = Namespace("host", HOST_INODE, "/proc/1/ns/net", 1)
WEB = Namespace("sleep", 7, "/proc/40/ns/net", 40)


class Says:
    """A runtime that is present and answers as told."""

    def __init__(
        self, name: str, *containers: Container, error: Exception | None = None, command: str = ""
    ) -> None:
        self.name = name
        self.answer = Answer(containers)
        self.error = error
        self.command = command

    def is_present(self, node: Node) -> bool:
        return node is not None

    def ask(self, node: Node) -> Answer:
        if self.command:
            run(["/bin/sh", "-c", self.command], node.deadline)
        if self.error:
            raise self.error
        return self.answer


class Absent(Says):
    def is_present(self, node: Node) -> bool:
        return node is None


def test_nothing_here_costs_nothing(tmp_path: Path) -> None:
    assert owners.find([HOST], root=tmp_path) == ((), ())
    assert owners.find([HOST], root=tmp_path, runtimes=[Absent("x", error=NoAnswer("asked"))]) == ((), ())


def test_runtimes_that_are_not_here_start_no_process_and_read_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although their commands are installed: it takes a trace of use to be asked."""
    for name in ("podman", "docker", "crictl", "vzlist", "prlctl", "incus", "lxc", "lxc-ls", "machinectl"):
        command(tmp_path / "bin", name, "exit 7")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(subprocess, "Popen", _not_wanted)
    monkeypatch.setattr(files, "read", _not_wanted)
    monkeypatch.setattr(socket, "socket", _not_wanted)
    empty = node(tmp_path / "root", HOST, commands=True)

    for runtime in owners.RUNTIMES:
        assert not runtime.is_present(empty) or runtime.ask(empty) == Answer()


def test_what_reads_the_files_of_runtimes_is_loaded_where_there_are_some(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from halftrack import owners\n"
        f"assert owners.find([], root=pathlib.Path({str(tmp_path)!r})) == ((), ())\n"
        "print(*sys.modules)"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment)
    loaded = told.stdout.decode().split()
    assert "halftrack.owners" in loaded
    assert {"tomllib", "http.client", "asyncio"}.isdisjoint(loaded)


def _not_wanted(*words: object, **options: object) -> None:
    raise AssertionError((words, options))


def test_a_hanging_runtime_is_a_gap_that_names_it_and_keeps_nobody_else(tmp_path: Path) -> None:
    quick = Says("quick", Container("web", "1", "quick", addresses=("10.0.0.1",)))
    slow = Says("slow", command="sleep 300")
    found, gaps = owners.find([HOST], root=tmp_path, timeout_s=0.3, runtimes=[slow, quick])
    assert [one.name for one in found] == ["web"]
    assert [(gap.what, gap.why) for gap in gaps] == [("owners that slow knows", "sh did not answer in time")]
    assert gaps[0].would_tell


def test_a_runtime_that_hangs_in_a_file_is_left_behind(tmp_path: Path) -> None:
    release = threading.Event()

    class Stuck(Says):
        def ask(self, node: Node) -> Answer:
            release.wait(60)
            return super().ask(node)

    begun = time.monotonic()
    found, gaps = owners.find([HOST], root=tmp_path, timeout_s=0.1, runtimes=[Stuck("stuck")])
    waited = time.monotonic() - begun
    release.set()
    assert (found, [gap.why for gap in gaps]) == ((), ["stuck is still being read"])
    assert waited < 30


@pytest.mark.parametrize(
    ("error", "why", "needs"),
    [
        (
            NoAnswer("it may not be read", ("CAP_DAC_READ_SEARCH",)),
            "it may not be read",
            ("CAP_DAC_READ_SEARCH",),
        ),
        (OSError(5, "Input/output error"), "broken cannot be read: Input/output error", ()),
    ],
)
def test_what_fails_is_a_gap(tmp_path: Path, error: Exception, why: str, needs: tuple[str, ...]) -> None:
    _, gaps = owners.find([HOST], root=tmp_path, runtimes=[Says("broken", error=error)])
    assert [(gap.why, gap.needs) for gap in gaps] == [(why, needs)]


def test_runtime_and_cgroup_tell_of_one_owner_and_the_richer_one_wins(tmp_path: Path) -> None:
    identifier = "3f2a91c0d7e4" + "0" * 52
    process(tmp_path, 40, 7, cgroup=f"0::/docker/{identifier}\n")
    told = Container("mqtt-edge", identifier, "docker", 40, 7, ("172.17.0.2",))
    (owner,), gaps = owners.find([HOST, WEB], root=tmp_path, runtimes=[Says("docker", told)])
    assert (owner.name, owner.id, owner.runtime) == ("mqtt-edge", "3f2a91c0d7e4", "docker")
    assert (owner.netns_inode, gaps) == (7, ())


def test_without_a_runtime_the_cgroup_still_tells(tmp_path: Path) -> None:
    process(tmp_path, 40, 7, cgroup=f"0::/docker/{'ab' * 32}\n")
    plant(tmp_path, {"proc/40/net/fib_trie": _TRIE, "proc/40/net/if_inet6": _INET6})
    (owner,), _ = owners.find([HOST, WEB], root=tmp_path)
    assert (owner.name, owner.id, owner.runtime) == ("abababababab", "abababababab", "docker")
    assert owner.addresses == ("10.88.0.4", "2001:db8::5")


def test_a_container_without_a_namespace_gets_it_from_the_trace(tmp_path: Path) -> None:
    """OpenVZ's lists know no process, the kernel shows the container of each."""
    plant(tmp_path, {"proc/vz/version": ""})
    process(tmp_path, 40, 7, status="envID:\t101\n")
    told = Container("web-1", "101", "openvz", addresses=("203.0.113.73",))
    (owner,), _ = owners.find([HOST, WEB], root=tmp_path, runtimes=[Says("openvz", told)])
    assert (owner.name, owner.netns_inode, owner.addresses) == ("web-1", 7, ("203.0.113.73",))


def test_inside_a_container_its_own_namespace_has_an_owner(tmp_path: Path) -> None:
    process(
        tmp_path,
        1,
        7,
        cgroup="0::/\n",
        mountinfo=f"9 8 8:1 /x/containers/{'ab' * 32}/hosts /etc/hosts rw - e e rw",
    )
    (owner,), _ = owners.find([Namespace("self", 7, "/proc/self/ns/net", 1)], root=tmp_path)
    assert (owner.runtime, owner.id, owner.netns_inode) == ("docker", "abababababab", 7)


def _merged(tmp_path: Path, *told: Container) -> list[tuple[str, str]]:
    return [(one.name, one.id) for one in merging.owners(told, (), (), node(tmp_path))]


def test_a_pod_is_one_owner_called_as_the_pod(tmp_path: Path) -> None:
    infra = Container("a-infra", "1", "podman", 40, 7, ("10.88.0.4",), pod=Pod("shop", "p1"), infra=True)
    work = Container("app", "2", "podman", 41, 7, pod=Pod("shop", "p1"))
    assert _merged(tmp_path, infra, work) == [("shop", "p1")]


def test_without_a_pod_the_container_that_works_gives_the_name(tmp_path: Path) -> None:
    infra = Container("pause", "1", "docker", 40, 7, ("10.88.0.4",), infra=True)
    work = Container("app", "2", "docker", 41, 7)
    assert _merged(tmp_path, infra, work) == [("app", "2")]


def test_a_container_in_the_nodes_namespace_owns_nothing_of_it(tmp_path: Path) -> None:
    assert _merged(tmp_path, Container("agent", "1", "docker", 40, HOST_INODE)) == []


def test_ports_of_all_containers_of_a_namespace(tmp_path: Path) -> None:
    one = Container("a", "1", "docker", 40, 7, ports=(PublishedPort("tcp", 8080, 80),))
    two = Container(
        "b", "2", "docker", 41, 7, ports=(PublishedPort("tcp", 443, 443), PublishedPort("tcp", 8080, 80))
    )
    (owner,) = merging.owners([one, two], (), (), node(tmp_path))
    assert [port.host_port for port in owner.ports] == [443, 8080]
