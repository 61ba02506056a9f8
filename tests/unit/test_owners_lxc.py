"""LXC, Incus and LXD: their files, their daemon's socket, what LXC leaves in /proc."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from halftrack import owners
from halftrack.evidence.values import Namespace, PublishedPort
from halftrack.owners import lxc, traces
from halftrack.owners.cgroups import Identity
from halftrack.owners.incus import INCUS, LXD
from halftrack.owners.lxc import Lxc
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Answer, Container
from unit.trees import HOST_INODE, node, plant, process

_HOST = Namespace("host", HOST_INODE, "/proc/1/ns/net", 1)


def test_lxc(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "var/lib/lxc/mail/config": "# LXC 5\nlxc.uts.name = mail.example\nlxc.net.0.type = veth\n"
            "lxc.net.0.ipv4.address = 10.9.8.7/24 10.9.8.255\nlxc.net.0.ipv6.address=2001:db8::7/64\n",
            "var/lib/lxc/old/config": "lxc.utsname = old\nlxc.network.ipv4 = 10.9.8.8/24\n",
            "var/lib/lxc/101/config": "lxc.uts.name = shop\n",
            "var/lib/lxc/.cache/x": "",
        },
    )
    assert Lxc().is_present(node(tmp_path))
    found = {one.id: (one.name, one.addresses) for one in Lxc().ask(node(tmp_path)).containers}
    assert found == {
        "mail": ("mail", ("10.9.8.7", "2001:db8::7")),
        "old": ("old", ("10.9.8.8",)),
        "101": ("shop", ()),
    }


def test_lxc_keeps_its_containers_where_it_was_told_to(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"etc/lxc/lxc.conf": "lxc.lxcpath = /srv/lxc\n", "srv/lxc/mail/config": "lxc.arch = amd64\n"},
    )
    assert [one.id for one in Lxc().ask(node(tmp_path)).containers] == ["mail"]


def test_a_container_of_proxmox_has_its_name_and_its_namespace(tmp_path: Path) -> None:
    plant(tmp_path, {"var/lib/lxc/101/config": "lxc.uts.name = shop\n"})
    process(tmp_path, 30, cmdline="/usr/bin/lxc-start\0-F\0-n\x00101\0")
    process(tmp_path, 40, 7, parent="30", cgroup="0::/lxc/101/ns/init.scope\n")
    (found,), gaps = owners.find([_HOST, Namespace("init", 7, "/proc/40/ns/net", 40)], root=tmp_path)
    assert (found.name, found.id, found.runtime, found.netns_inode, gaps) == ("shop", "101", "lxc", 7, ())


@pytest.mark.parametrize(
    ("cgroup", "monitor", "identity"),
    [
        # A cgroup that a container left behind makes LXC number the next one: seen with LXC 5.0.2.
        ("lxc.payload.mail-1", "[lxc monitor] /var/lib/lxc mail", Identity("lxc", "mail", "mail")),
        ("lxc.payload.mail-1", "[lxc monitor] /var/lib/lxc mail-1", Identity("lxc", "mail-1", "mail-1")),
        ("lxc.payload.mail", "[lxc monitor] /var/lib/lxc other", Identity("lxc", "mail", "mail")),
        ("lxc.payload.c1", "[lxc monitor] /var/lib/incus/containers c1", Identity("incus", "c1", "c1")),
        (
            "lxc.payload.dev_c1",
            "[lxc monitor] /var/snap/lxd/common/lxd/containers dev_c1",
            Identity("lxd", "dev_c1", "dev/c1"),
        ),
        ("lxc.payload.c1", "[lxc monitor] /srv/incus-backup c1", Identity("lxc", "c1", "c1")),
    ],
)
def test_the_monitor_says_whose_container_it_is(
    tmp_path: Path, cgroup: str, monitor: str, identity: Identity
) -> None:
    process(tmp_path, 30, cgroup="0::/lxc.monitor.mail-1\n", cmdline=monitor)
    process(tmp_path, 40, 7, parent="30", cgroup=f"4:memory:/pool/{cgroup}\n0::/{cgroup}\n")
    assert traces.identify(node(tmp_path), 40) == identity


@pytest.mark.parametrize(
    ("given", "name"), [("c1", "c1"), ("dev_c1", "dev/c1"), ("_c1", "_c1"), ("a_", "a_"), ("", "")]
)
def test_a_project_stands_before_the_name(given: str, name: str) -> None:
    assert lxc.full_name(given) == name


# As Incus 6 answers GET /1.0/instances?recursion=2&all-projects=true; what nobody reads is left out.
_INSTANCES = [
    {
        "name": "c1",
        "project": "default",
        "type": "container",
        "status": "Running",
        "expanded_devices": {
            "eth0": {"type": "nic", "network": "incusbr0"},
            "www": {"type": "proxy", "listen": "tcp:0.0.0.0:8080", "connect": "tcp:127.0.0.1:80"},
            "out": {
                "type": "proxy",
                "bind": "instance",
                "listen": "tcp:127.0.0.1:1",
                "connect": "tcp:127.0.0.1:2",
            },
            "sock": {"type": "proxy", "listen": "unix:/x", "connect": "tcp:127.0.0.1:2"},
            "many": {"type": "proxy", "listen": "udp:[2001:db8::1]:53", "connect": "udp:127.0.0.1:5353"},
        },
        "state": {
            "pid": 40,
            "network": {
                "eth0": {
                    "addresses": [
                        {"family": "inet", "address": "10.0.3.5", "netmask": "24", "scope": "global"},
                        {"family": "inet6", "address": "fe80::1", "netmask": "64", "scope": "link"},
                    ]
                },
                "lo": {"addresses": [{"family": "inet", "address": "127.0.0.1"}]},
            },
        },
    },
    {
        "name": "vm1",
        "project": "dev",
        "type": "virtual-machine",
        "state": {"pid": 41, "network": {"enp5s0": {"addresses": [{"address": "10.0.3.6"}]}}},
    },
    {"name": "off", "project": "default", "type": "container", "state": None},
    {"name": None},
    None,
]


@contextmanager
def daemon(
    place: Path, answers: dict[str, Any], *, silent: bool = False, raw: bytes | None = None
) -> Iterator[list[str]]:
    """Something that answers HTTP at a Unix socket; the lines that it was asked with."""
    place.parent.mkdir(parents=True, exist_ok=True)
    asked: list[str] = []
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        listening.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    channel, _ = listening.accept()
                except TimeoutError:
                    continue
                with channel:
                    target = channel.recv(4096).decode().split(" ")[1]
                    asked.append(target)
                    if silent:
                        stop.wait(60)
                    elif raw is not None:
                        with suppress(BrokenPipeError, ConnectionResetError):
                            channel.sendall(raw)
                    elif target in answers:
                        body = json.dumps({"type": "sync", "metadata": answers[target]}).encode()
                        channel.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body)
                    else:
                        channel.sendall(b'HTTP/1.0 404 Not Found\r\n\r\n{"type":"error"}')

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            stop.set()
            thread.join()


_TARGET = "/1.0/instances?recursion=2&all-projects=true"
_ALONE = {"environment": {"server": "incus", "server_clustered": False}}


@pytest.fixture
def short_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root near enough for a socket's address, which has room for 107 bytes."""
    return tmp_path_factory.mktemp("i")


def test_incus(short_tmp: Path) -> None:
    process(short_tmp, 40, 7)
    process(short_tmp, 41)
    process(short_tmp, 50, comm="incusd\n")
    with daemon(short_tmp / "var/lib/incus/unix.socket", {"/1.0": _ALONE, _TARGET: _INSTANCES}):
        answer = INCUS.ask(node(short_tmp, commands=True))
    ports = (PublishedPort("tcp", 8080, 80), PublishedPort("udp", 53, 5353, "2001:db8::1"))
    assert answer.lacks is None
    assert answer.containers == (
        Container("c1", "c1", "incus", 40, 7, ("10.0.3.5",), ports),
        Container("dev/vm1", "dev_vm1", "incus", addresses=("10.0.3.6",)),
        Container("off", "off", "incus"),
    )


def test_lxd_before_it_had_virtual_machines(short_tmp: Path) -> None:
    process(short_tmp, 40, 7)
    process(short_tmp, 50, comm="lxd\n")
    with daemon(
        short_tmp / "var/lib/lxd/unix.socket",
        {"/1.0": _ALONE, "/1.0/containers?recursion=2": [{"name": "c1", "state": {"pid": 40}}]},
    ) as asked:
        answer = LXD.ask(node(short_tmp, commands=True))
    assert answer.containers == (Container("c1", "c1", "lxd", 40, 7),)
    assert asked == ["/1.0", _TARGET, "/1.0/containers?recursion=2"]


def test_a_daemon_that_does_not_run_is_not_started(short_tmp: Path) -> None:
    with daemon(short_tmp / "var/lib/incus/unix.socket", {"/1.0": _ALONE, _TARGET: _INSTANCES}) as asked:
        assert INCUS.ask(node(short_tmp, commands=True)).containers == ()
        process(short_tmp, 50, comm="incusd\n")
        assert INCUS.ask(node(short_tmp)).containers == ()
    assert asked == []


def test_a_clustered_daemon_is_not_asked_for_its_instances(short_tmp: Path) -> None:
    process(short_tmp, 50, comm="incusd\n")
    clustered = {"environment": {"server_clustered": True}}
    with daemon(short_tmp / "var/lib/incus/unix.socket", {"/1.0": clustered, _TARGET: _INSTANCES}) as asked:
        answer = INCUS.ask(node(short_tmp, commands=True))
    assert (answer, asked) == (Answer(), ["/1.0"])


def leases(root: Path, directory: str) -> None:
    """As dnsmasq and the daemon write them for a bridge."""
    plant(
        root,
        {
            f"{directory}/networks/br0/dnsmasq.leases": "1764300000 00:16:3e:aa:bb:01 10.0.3.5 c1 ff:00\n"
            "1764300000 00:16:3e:aa:bb:02 10.0.3.6 vm1 *\nduid 00:01\n1764300000 7 fd42::5 c1 00:04\n",
            f"{directory}/networks/br0/dnsmasq.hosts/c1.eth0": "00:16:3e:aa:bb:01,10.0.3.5,c1\n",
            f"{directory}/networks/br0/dnsmasq.hosts/dev_vm1.enp5s0": "00:16:3e:aa:bb:02,vm1\n",
            f"{directory}/networks/br0/dnsmasq.hosts/off.eth0": "00:16:3e:aa:bb:03,off\n",
        },
    )


def test_without_a_daemon_the_leases_tell(tmp_path: Path) -> None:
    leases(tmp_path, "var/snap/lxd/common/lxd")
    assert LXD.ask(node(tmp_path)).containers == (
        Container("c1", "c1", "lxd", addresses=("10.0.3.5",)),
        Container("dev/vm1", "dev_vm1", "lxd", addresses=("10.0.3.6",)),
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("c1", "c1"),
        ("c1.eth0", "c1"),
        ("c1.eth_0", "c1"),
        ("test.project_test-instance.test-.--_----.device", "test.project/test-instance"),
    ],
)
def test_a_file_of_a_lease_names_project_and_instance(tmp_path: Path, file: str, name: str) -> None:
    network = "var/lib/incus/networks/br0"
    leased = "1764300000 00:16:3e:aa:bb:01 10.0.3.5 x *\n"
    plant(
        tmp_path,
        {f"{network}/dnsmasq.leases": leased, f"{network}/dnsmasq.hosts/{file}": "00:16:3e:aa:bb:01,x"},
    )
    assert [one.name for one in INCUS.ask(node(tmp_path)).containers] == [name]


def test_a_lease_and_a_monitor_are_one_owner(tmp_path: Path) -> None:
    leases(tmp_path, "var/lib/incus")
    process(tmp_path, 30, cmdline="[lxc monitor] /var/lib/incus/containers c1")
    process(tmp_path, 40, 7, parent="30", cgroup="0::/lxc.payload.c1\n")
    found, gaps = owners.find([_HOST, Namespace("init", 7, "/proc/40/ns/net", 40)], root=tmp_path)
    assert [(one.name, one.runtime, one.netns_inode) for one in found] == [
        ("c1", "incus", 7),
        ("dev/vm1", "incus", None),
    ]
    assert gaps == ()


def test_a_daemon_that_hangs_leaves_the_leases(short_tmp: Path) -> None:
    leases(short_tmp, "var/lib/incus")
    process(short_tmp, 50, comm="incusd\n")
    with daemon(short_tmp / "var/lib/incus/unix.socket", {}, silent=True):
        answer = INCUS.ask(node(short_tmp, commands=True, seconds=0.3))
    assert [one.id for one in answer.containers] == ["c1", "dev_vm1"]
    assert answer.lacks == "incus did not answer in time"


@pytest.mark.parametrize(
    "told", [b"", b"\x00" * 1000, b"HTTP/1.0 200 OK\r\n\r\n{", b"HTTP/1.0 200 OK\r\n\r\n[[[", b"x 200"]
)
def test_a_daemon_that_answers_anything(short_tmp: Path, told: bytes) -> None:
    process(short_tmp, 50, comm="incusd\n")
    with daemon(short_tmp / "var/lib/incus/unix.socket", {}, raw=told):
        assert INCUS.ask(node(short_tmp, commands=True)) == Answer()


def test_a_daemon_that_never_ends(short_tmp: Path) -> None:
    process(short_tmp, 50, comm="incusd\n")
    told = b"HTTP/1.0 200 OK\r\n\r\n" + b" " * (17 << 20)
    with daemon(short_tmp / "var/lib/incus/unix.socket", {}, raw=told):
        answer = INCUS.ask(node(short_tmp, commands=True, seconds=60))
    assert answer.lacks == "incus said more than 16 MiB"


def test_a_socket_that_nobody_serves(short_tmp: Path) -> None:
    process(short_tmp, 50, comm="incusd\n")
    plant(short_tmp, {"var/lib/incus/unix.socket": ""})
    answer = INCUS.ask(node(short_tmp, commands=True))
    assert answer.lacks == "incus cannot be asked: Connection refused"


def test_state_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: object) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.listdir", closed)
    with pytest.raises(NoAnswer, match="LXC's configuration may not be read"):
        Lxc().ask(node(tmp_path))
    with pytest.raises(NoAnswer, match="incus's state may not be read"):
        INCUS.ask(node(tmp_path))
