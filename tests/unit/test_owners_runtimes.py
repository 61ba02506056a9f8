"""Each runtime, from its files and from commands that print what the real ones print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from halftrack.evidence.values import Namespace, PublishedPort
from halftrack.owners.docker import Docker
from halftrack.owners.named import Named
from halftrack.owners.nspawn import Nspawn
from halftrack.owners.openvz import OpenVZ
from halftrack.owners.podman import Podman
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Container, Pod
from unit.trees import HOST_INODE, command, node, plant, process

_ID = "6bbbe030314d" + "0123456789abcdef" * 3 + "0123"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def prints(directory: Path, name: str, told: str) -> None:
    """A command that prints a text."""
    plant(directory, {f"{name}.txt": told})
    command(directory, name, f"exec /bin/cat {directory}/{name}.txt")


# As `podman ps --format json` of Podman 4.3 prints it; fields that nobody reads are left out.
_PODMAN = {
    "Id": _ID,
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
    assert found == Container("ht-web", _ID, "podman", 40, 7, ports=ports)


def test_podman_pod_and_port_range(tmp_path: Path, tools: Path) -> None:
    ports = [{"host_ip": "", "container_port": 9000, "host_port": 9100, "range": 3, "protocol": "udp"}]
    (found,) = podman(
        tmp_path, tools, _PODMAN | {"Pod": "ab" * 32, "PodName": "shop", "IsInfra": True, "Ports": ports}
    )
    assert (found.pod, found.infra) == (Pod("shop", "ab" * 32), True)
    assert found.ports == tuple(PublishedPort("udp", 9100 + i, 9000 + i) for i in range(3))


def test_podman_of_version_1_spells_its_keys_differently(tmp_path: Path, tools: Path) -> None:
    ports = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "198.51.100.7"}]
    (found,) = podman(tmp_path, tools, {"id": _ID, "names": "old", "pid": 40, "ports": ports})
    assert (found.name, found.ports) == ("old", (PublishedPort("tcp", 8080, 80, "198.51.100.7"),))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"Id": 5, "Pid": "x"},
        {"Id": _ID, "Pid": 0},
        {"Id": _ID, "Pid": True},
        {"Id": _ID, "Pid": -1},
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


# As dockerd writes config.v2.json (and `docker inspect` prints it, with "Id"), shortened.
def docker_state(**changed: Any) -> dict[str, Any]:
    return {
        "ID": _ID,
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
    assert (found.name, found.id, found.pid, found.netns_inode) == ("shop_web_1", _ID, 40, 7)
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

    plant(tools, {"inspect.txt": json.dumps([docker_state(ID=None, Id=_ID)])})
    command(tools, "docker", f'[ "$1" = ps ] && echo {_ID} || exec /bin/cat {tools}/inspect.txt')
    (found,) = Docker().ask(node(tmp_path, commands=True)).containers
    assert (found.id, found.name) == (_ID, "shop_web_1")


_VEINFO = """       0     0   163
     101     0    32     203.0.113.73  2001:db8:0000:0000:0000:0000:0000:0073
     114     0    18       203.0.113.80
     120     0     9
"""


def openvz(
    tmp_path: Path, *, commands: bool = False, seconds: float = 5.0
) -> tuple[dict[str, Container], str | None]:
    answer = OpenVZ().ask(node(tmp_path, commands=commands, seconds=seconds))
    return {one.id: one for one in answer.containers}, answer.lacks


def test_openvz_from_the_kernel_and_the_configuration(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "proc/vz/veinfo": _VEINFO,
            "etc/vz/conf/101.conf": 'NAME="web-1"\nHOSTNAME="web.example"\nIP_ADDRESS="203.0.113.73"\n',
            "etc/vz/conf/114.conf": 'ORIGIN_SAMPLE="x"\nHOSTNAME="shop.example"\n',
            "etc/vz/conf/130.conf": 'NAME="stopped"\nIP_ADDRESS="203.0.113.99 2001:db8::99"\n',
            "etc/vz/conf/0.conf": 'HOSTNAME="node"\nIP_ADDRESS="203.0.113.1"\n',
            "etc/vz/conf/ve-basic.conf-sample": 'IP_ADDRESS="203.0.113.2"\n',
        },
    )
    found, lacks = openvz(tmp_path)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("web-1", ("203.0.113.73", "2001:db8::73")),
        "114": ("shop.example", ("203.0.113.80",)),
        "130": ("stopped", ("203.0.113.99", "2001:db8::99")),
    }
    assert lacks is None


def test_vzlist_with_json(tmp_path: Path, tools: Path) -> None:
    listed = [
        {
            "ctid": 101,
            "name": "web-1",
            "hostname": "web.example",
            "status": "running",
            "ip": ["203.0.113.73"],
        },
        {
            "ctid": 114,
            "hostname": "shop.example",
            "status": "stopped",
            "ip": ["203.0.113.80", "2001:db8::80"],
        },
        {"ctid": 115, "ip": []},
    ]
    prints(tools, "vzlist", json.dumps(listed))
    found, lacks = openvz(tmp_path, commands=True)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("web-1", ("203.0.113.73",)),
        "114": ("shop.example", ("203.0.113.80", "2001:db8::80")),
    }
    assert lacks is None


def test_vzlist_of_version_3_knows_only_text(tmp_path: Path, tools: Path) -> None:
    plant(
        tools,
        {
            "told": "       101 web.example my web 1 203.0.113.73 2001:db8::73\n"
            "       114 shop.example -   203.0.113.80\n       115 - - -\n"
        },
    )
    command(
        tools,
        "vzlist",
        f'case "$*" in "-a -H -o veid,"*) exec /bin/cat {tools}/told;; esac; echo "Bad field" >&2; exit 1',
    )
    found, lacks = openvz(tmp_path, commands=True)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("my web 1", ("203.0.113.73", "2001:db8::73")),
        "114": ("shop.example", ("203.0.113.80",)),
    }
    assert lacks is None


def test_prlctl_where_vzlist_is_not(tmp_path: Path, tools: Path) -> None:
    uuid = "0b8bd3a6-5b1c-4f0e-8f6e-0123456789ab"
    listed = [
        {
            "uuid": f"{{{uuid}}}",
            "status": "running",
            "ip_configured": "203.0.113.73 2001:db8::73",
            "name": "web-1",
        },
        {"uuid": "x", "status": "stopped", "ip_configured": "-", "name": "win"},
    ]
    prints(tools, "prlctl", json.dumps(listed))
    found, _ = openvz(tmp_path, commands=True)
    assert found[uuid].name == "web-1"
    assert found[uuid].addresses == ("203.0.113.73", "2001:db8::73")


def test_a_hanging_vzlist_leaves_what_the_kernel_says(tmp_path: Path, tools: Path) -> None:
    plant(tmp_path, {"proc/vz/veinfo": _VEINFO})
    command(tools, "vzlist", "exec /bin/sleep 300")
    found, lacks = openvz(tmp_path, commands=True, seconds=0.3)
    assert found["101"].addresses == ("203.0.113.73", "2001:db8::73")
    assert lacks is not None
    assert "vzlist did not answer" in lacks


@pytest.mark.parametrize(
    "garbage", ["\x00\x01\x02", "[1, null, {}]", '{"ctid": 5}', "Container(s) not found", "[[[["]
)
def test_garbage_from_vzlist_names_nobody(tmp_path: Path, tools: Path, garbage: str) -> None:
    prints(tools, "vzlist", garbage)
    found, _ = openvz(tmp_path, commands=True)
    assert found == {}


def test_nspawn(tmp_path: Path) -> None:
    """As systemd-machined of version 252 writes its state."""
    process(tmp_path, 40, 7)
    process(tmp_path, 41, HOST_INODE)
    plant(
        tmp_path,
        {
            "run/systemd/machines/build": "# This is private data. Do not parse.\nNAME=build\n"
            "SCOPE=machine-build.scope\nSERVICE=systemd-nspawn\nCLASS=container\nLEADER=40\nNETIF=5\n",
            "run/systemd/machines/lxc-1-old": "SERVICE=libvirt-lxc\nCLASS=container\nLEADER=40\n",
            "run/systemd/machines/gone": "NAME=gone\nCLASS=container\nLEADER=99\n",
            "run/systemd/machines/qemu": "NAME=qemu\nCLASS=vm\nLEADER=41\n",
            "run/systemd/machines/odd": "LEADER=x\nnothing\n=\n",
            "run/systemd/machines/unit:machine-build.scope": "-> build",
        },
    )
    found = Nspawn().ask(node(tmp_path)).containers
    assert found == (
        Container("build", "build", "nspawn", 40, 7),
        Container("lxc-1-old", "lxc-1-old", "libvirt-lxc", 40, 7),
    )


def test_named_namespaces(tmp_path: Path) -> None:
    plant(tmp_path, {"run/netns/blue": "", "run/docker/netns/ingress_sbox": "", "run/netns/left-over": ""})
    blue, ingress = (tmp_path / path for path in ("run/netns/blue", "run/docker/netns/ingress_sbox"))
    spaces = [Namespace(path.name, path.stat().st_ino) for path in (blue, ingress)]
    found = Named().ask(node(tmp_path, *spaces)).containers
    assert [(one.name, one.runtime, one.netns_inode) for one in found] == [
        ("blue", "netns", blue.stat().st_ino),
        ("ingress_sbox", "docker", ingress.stat().st_ino),
    ]
