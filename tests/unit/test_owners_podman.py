"""Podman's containers, as it lists them: versions, ports, users, and answers that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from halftrack.evidence.values import PublishedPort
from halftrack.owners.podman import Podman
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Container, Pod
from unit.trees import CONTAINER_ID, command, node, plant, prints, process

# As `podman ps --format json` of Podman 4.3 prints it; fields that nobody reads are left out.
_PODMAN = {
    "Id": CONTAINER_ID,
    "Names": ["ht-web"],
    "Pid": 40,
    "Pod": "",
    "PodName": "",
    "IsInfra": False,
    "Networks": ["podman"],
    "State": "running",
    "Ports": [
        {"host_ip": "127.0.0.1", "container_port": 80, "host_port": 18080, "range": 1, "protocol": "tcp"}
    ],
}


def podman(tmp_path: Path, directory: Path, *listed: Any) -> tuple[Container, ...]:
    plant(tmp_path, {"run/libpod/alive": "", "run/containers/storage/x": ""})
    process(tmp_path, 40, 7)
    prints(directory, "podman", json.dumps(listed))
    there = node(tmp_path, commands=True)
    return Podman().ask(there).containers


def test_podman(tmp_path: Path, tools: Path) -> None:
    (found,) = podman(tmp_path, tools, _PODMAN)
    ports = (PublishedPort("tcp", 18080, 80, "127.0.0.1"),)
    assert found == Container("ht-web", CONTAINER_ID, "podman", 40, 7, ports=ports)


def test_podman_pod_and_port_range(tmp_path: Path, tools: Path) -> None:
    ports = [{"host_ip": "", "container_port": 9000, "host_port": 9100, "range": 3, "protocol": "udp"}]
    (found,) = podman(
        tmp_path, tools, _PODMAN | {"Pod": "ab" * 32, "PodName": "shop", "IsInfra": True, "Ports": ports}
    )
    assert (found.pod, found.infra) == (Pod("shop", "ab" * 32), True)
    assert found.ports == tuple(PublishedPort("udp", 9100 + i, 9000 + i) for i in range(3))


def test_podman_of_version_1_spells_its_keys_differently(tmp_path: Path, tools: Path) -> None:
    ports = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "198.51.100.7"}]
    (found,) = podman(tmp_path, tools, {"id": CONTAINER_ID, "names": "old", "pid": 40, "ports": ports})
    assert (found.name, found.ports) == ("old", (PublishedPort("tcp", 8080, 80, "198.51.100.7"),))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"Id": 5, "Pid": "x"},
        {"Id": CONTAINER_ID, "Pid": 0},
        {"Id": CONTAINER_ID, "Pid": True},
        {"Id": CONTAINER_ID, "Pid": -1},
        {"Id": ["x"], "Pid": 40},
    ],
)
def test_podman_entries_that_are_no_container(tmp_path: Path, tools: Path, odd: Any) -> None:
    assert podman(tmp_path, tools, odd) == ()


@pytest.mark.parametrize(
    "ports",
    [
        "80",
        [None],
        [{"host_port": 70000, "container_port": 80}],
        [{"host_port": 80}],
        [{"host_port": 80, "container_port": 80, "protocol": "\x1b"}],
    ],
)
def test_ports_that_are_none(tmp_path: Path, tools: Path, ports: Any) -> None:
    (found,) = podman(tmp_path, tools, _PODMAN | {"Ports": ports})
    assert found.ports == ()


def test_a_range_of_ports_ends_with_the_last_port(tmp_path: Path, tools: Path) -> None:
    ports = [{"container_port": 65_534, "host_port": 1, "range": 60_000, "protocol": "tcp"}]
    (found,) = podman(tmp_path, tools, _PODMAN | {"Ports": ports})
    assert [port.port for port in found.ports] == [65_534, 65_535]


def test_a_hostile_name_is_made_printable(tmp_path: Path, tools: Path) -> None:
    (found,) = podman(tmp_path, tools, _PODMAN | {"Names": ["a\x1b[2J\u202eb\nc"]})
    assert found.name == r"a\x1b[2J\u202eb\nc"
    assert found.name.isprintable()


def test_podman_is_asked_only_where_it_was_used(tmp_path: Path, tools: Path) -> None:
    """It makes its directories where there are none."""
    command(tools, "podman", "exit 1")
    assert not Podman().is_present(node(tmp_path, commands=True))
    plant(tmp_path, {"run/containers/storage/x": "", "run/libpod/alive": ""})
    assert Podman().is_present(node(tmp_path, commands=True)) is True
    assert not Podman().is_present(node(tmp_path))


def test_a_user_sees_their_own_containers_and_is_told_of_roots(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    there = node(tmp_path, commands=True)
    prints(tools, "podman", json.dumps([_PODMAN]))
    assert not Podman().is_present(there)
    plant(tmp_path, {"run/libpod/alive": ""})
    answer = Podman().ask(there)
    assert (answer.containers, answer.needs) == ((), ("root",))
    plant(tmp_path, {"run/user/1000/libpod/tmp/alive": ""})
    assert [one.name for one in Podman().ask(there).containers] == ["ht-web"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exec /bin/sleep 300", "podman did not answer in time"),
        (
            "echo 'Error: database is locked' >&2; exit 125",
            "podman failed .exit 125.: Error: database is locked",
        ),
        ("echo '<html>'", "not JSON"),
        ("exec /usr/bin/yes", "printed more than 16 MiB"),
    ],
)
def test_podman_that_gives_no_answer(tmp_path: Path, tools: Path, script: str, why: str) -> None:
    command(tools, "podman", script)
    plant(tmp_path, {"run/libpod/alive": ""})
    seconds = 0.3 if "sleep" in script else 30.0
    with pytest.raises(NoAnswer, match=why):
        Podman().ask(node(tmp_path, commands=True, seconds=seconds))
