"""Docker's containers, from the state that it keeps, and from its command where that is not for us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from halftrack.evidence.values import PublishedPort
from halftrack.owners.docker import Docker
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Container, Pod
from unit.trees import CONTAINER_ID, command, node, plant, process


# As dockerd writes config.v2.json (and `docker inspect` prints it, with "Id"), shortened.
def docker_state(**changed: Any) -> dict[str, Any]:
    return {
        "ID": CONTAINER_ID,
        "Name": "/shop_web_1",
        "State": {"Running": True, "Pid": 40, "StartedAt": "2026-11-01T08:00:00Z"},
        "Config": {"Labels": {"com.docker.compose.service": "web"}},
        "NetworkSettings": {
            "SandboxKey": "/var/run/docker/netns/ca243185e052",
            "Ports": {
                "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
                "53/udp": [{"HostIp": "192.0.2.1", "HostPort": "53"}],
                "443/tcp": None,
            },
            "Networks": {
                "shop": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": "fd00::2", "IPPrefixLen": 16},
                "back": {"IPAddress": "172.19.0.2", "GlobalIPv6Address": ""},
            },
        },
    } | changed


def docker(
    tmp_path: Path, *states: Any, data: str = "var/lib/docker"
) -> tuple[tuple[Container, ...], str | None]:
    for place, state in enumerate(states):
        text = state if isinstance(state, str) else json.dumps(state)
        plant(tmp_path, {f"{data}/containers/{place}/config.v2.json": text})
    answer = Docker().ask(node(tmp_path))
    return answer.containers, answer.lacks


def test_docker(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    ((found,), lacks) = docker(tmp_path, docker_state())
    assert lacks is None
    assert (found.name, found.id, found.pid, found.netns_inode) == ("shop_web_1", CONTAINER_ID, 40, 7)
    assert found.addresses == ("172.18.0.2", "fd00::2", "172.19.0.2")
    assert set(found.ports) == {PublishedPort("tcp", 8080, 80), PublishedPort("udp", 53, 53, "192.0.2.1")}


def test_docker_keeps_its_data_where_it_was_told_to(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    plant(tmp_path, {"etc/docker/daemon.json": '{"data-root": "/srv/docker"}'})
    found, _ = docker(tmp_path, docker_state(), data="srv/docker")
    assert [one.name for one in found] == ["shop_web_1"]


@pytest.mark.parametrize("configured", ["{", "[1]", '{"data-root": 5}', '{"data-root": "relative"}'])
def test_a_broken_configuration_of_docker_is_passed_over(tmp_path: Path, configured: str) -> None:
    plant(tmp_path, {"etc/docker/daemon.json": configured})
    process(tmp_path, 40, 7)
    assert len(docker(tmp_path, docker_state())[0]) == 1


def test_a_state_that_the_node_took_down_with_it_is_not_believed(tmp_path: Path) -> None:
    assert docker(tmp_path, docker_state()) == ((), None)
    process(tmp_path, 40, 7)
    stopped = docker_state(State={"Running": False, "Pid": 40})
    assert docker(tmp_path, stopped) == ((), None)


def test_broken_state_files_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    found, lacks = docker(tmp_path, "{broken", docker_state(), "[" * 100_000, '"x"', "")
    assert len(found) == 1
    assert lacks == "2 of Docker's state files cannot be read"


def test_a_pod_of_dockershim_is_called_as_kubernetes_calls_it(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    labels = {
        "io.kubernetes.docker.type": "podsandbox",
        "io.kubernetes.pod.name": "payments-gw-0",
        "io.kubernetes.pod.namespace": "checkout",
        "io.kubernetes.pod.uid": "u1",
    }
    ((found,), _) = docker(tmp_path, docker_state(Config={"Labels": labels}))
    assert (found.pod, found.infra) == (Pod("payments-gw-0", "u1", "checkout", "payments-gw"), True)


def test_docker_whose_state_is_not_for_us_is_asked_by_command(
    tmp_path: Path,
    tools: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> list[str]:
        raise PermissionError

    process(tmp_path, 40, 7)
    plant(tmp_path, {"run/docker.sock": ""})
    monkeypatch.setattr("halftrack.owners.node.Node.names", forbidden)
    with pytest.raises(NoAnswer, match="may not be read") as without:
        Docker().ask(node(tmp_path, commands=True))
    assert without.value.needs == ("CAP_DAC_READ_SEARCH",)

    plant(tools, {"inspect.txt": json.dumps([docker_state(ID=None, Id=CONTAINER_ID)])})
    command(tools, "docker", f'[ "$1" = ps ] && echo {CONTAINER_ID} || exec /bin/cat {tools}/inspect.txt')
    (found,) = Docker().ask(node(tmp_path, commands=True)).containers
    assert (found.id, found.name) == (CONTAINER_ID, "shop_web_1")
