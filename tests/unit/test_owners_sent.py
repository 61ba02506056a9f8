"""Containers by what tools printed on a node that only sent it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import owners
from halftrack.evidence.values import Namespace, PublishedPort
from halftrack.live import collected
from halftrack.owners import sent
from unit.reports import archive, settings, whole
from unit.test_reports import read, table

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.evidence.values import Evidence, Owner

HEX = "3f2a91c0d7e4" + "0" * 52
SANDBOX = "aa" * 32


def found(root: Path, kind: str, text: str) -> tuple[Owner, ...]:
    return owners.find([Namespace("host", 1)], root=root, timeout_s=10, printed=[(kind, text)])[0]


@pytest.mark.parametrize(
    "text",
    [
        "  101  web.example.com  web-1  203.0.113.73 2001:db8::7\n    0 - - -\n",
        (
            "      CTID      NPROC STATUS    IP_ADDR         HOSTNAME\n"
            "       101         23 running   203.0.113.73    web-1\n"
        ),
    ],
)
def test_vzlist(tmp_path: Path, text: str) -> None:
    [one] = found(tmp_path, sent.VZLIST, text)
    assert (one.name, one.id, one.runtime, one.addresses[0]) == ("web-1", "101", "openvz", "203.0.113.73")


def test_the_listings_of_the_script(tmp_path: Path) -> None:
    text = (
        f"docker {HEX} 4711 /web 172.17.0.2 2001:db8::2 0.0.0.0:8080->80/tcp :::8080->80/tcp\n"
        f"podman {'bb' * 32} 4712 shop pod=/  127.0.0.1:9000-9001->90-91/udp, 53->53/tcp\n"
        f"podman {'cc' * 32} 4713 front pod={SANDBOX}/mypod  10.88.0.9\n"
        f"podman {'dd' * 32} 4714 {SANDBOX}-infra pod={SANDBOX}/mypod infra\n"
        "runc x 1 y\ndocker short\n\x1b[31m docker\n"
    )
    web, pod, shop = sorted(found(tmp_path, sent.LISTING, text), key=lambda one: one.runtime + one.name)
    assert (web.name, web.id, web.addresses) == ("web", "3f2a91c0d7e4", ("172.17.0.2", "2001:db8::2"))
    assert web.ports == (PublishedPort("tcp", 8080, 80),)
    assert (pod.name, pod.pod, pod.id) == ("mypod", "mypod", SANDBOX[:12])
    assert shop.ports == (
        PublishedPort("tcp", 53, 53), PublishedPort("udp", 9000, 90, "127.0.0.1"), PublishedPort("udp", 9001, 91, "127.0.0.1"),
    )  # fmt: skip


def inspected(**more: Any) -> dict[str, Any]:
    return {
        "Id": HEX,
        "Name": "/web",
        "State": {"Running": True, "Pid": 4711},
        "Config": {"Labels": {}},
        "NetworkSettings": {
            "Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            "Networks": {"bridge": {"IPAddress": "172.17.0.2"}},
        },
    } | more


SANDBOXED: dict[str, Any] = {
    "info": {"pid": 99},
    "status": {
        "id": SANDBOX,
        "labels": {"pod-template-hash": "6d4cf"},
        "metadata": {"name": "web-6d4cf-x2x4z", "namespace": "shop", "uid": "u-1"},
        "network": {"ip": "10.244.0.5", "additionalIps": [{"ip": "fd00::5"}]},
        "state": "SANDBOX_READY",
    },
}


def test_inspect(tmp_path: Path) -> None:
    text = json.dumps([inspected(), inspected(Id="bb" * 32, Name="old", OCIRuntime="crun"), {"Id": 5}, "x"])
    old, web = found(tmp_path, sent.INSPECT, text)
    assert (web.name, web.runtime, web.addresses) == ("web", "docker", ("172.17.0.2",))
    assert (old.name, old.runtime) == ("old", "podman")


def test_inspectp(tmp_path: Path) -> None:
    [one] = found(tmp_path, sent.INSPECTP, json.dumps(SANDBOXED))
    assert (one.name, one.namespace, one.workload) == ("shop/web-6d4cf-x2x4z", "shop", "web")
    assert one.addresses == ("10.244.0.5", "fd00::5")


@pytest.mark.parametrize("more", [{"state": "SANDBOX_NOTREADY"}, {"metadata": {"name": "web"}}])
def test_a_pod_that_is_over_or_has_no_name_owns_nothing(tmp_path: Path, more: dict[str, Any]) -> None:
    said = SANDBOXED | {"status": SANDBOXED["status"] | more}
    assert not found(tmp_path, sent.INSPECTP, json.dumps(said))


PS = (
    "CONTAINER ID   IMAGE     COMMAND   CREATED       STATUS       PORTS                                   NAMES\n"
    '3f2a91c0d7e4   nginx     "/x"      2 hours ago   Up 2 hours   0.0.0.0:8080->80/tcp, :::8080->80/tcp   web\n'
    'aaaaaaaaaaaa   redis     "/x"      2 hours ago   Up 2 hours                                           quiet\n'
)


@pytest.mark.parametrize(("kind", "runtime"), [(sent.DOCKER_PS, "docker"), (sent.PODMAN_PS, "podman")])
def test_tables_of_ps(tmp_path: Path, kind: str, runtime: str) -> None:
    """Of one without a port nothing could be told by a table of connections."""
    [one] = found(tmp_path, kind, f"{PS}3f2a91c0d7e5   cut\nNot-an-id   nginx\n")
    assert (one.name, one.id, one.runtime) == ("web", "3f2a91c0d7e4", runtime)
    assert one.ports == (PublishedPort("tcp", 8080, 80),)


def test_who_says_more_of_a_container_counts() -> None:
    files = whole() | {
        "sos_commands/docker/docker_ps": PS,
        "sos_commands/docker/docker_inspect_web": json.dumps([inspected()], indent=4),
    }
    [one] = read(archive(files)).owners
    assert one.addresses == ("172.17.0.2",)


@given(
    st.sampled_from([sent.VZLIST, sent.LISTING, sent.INSPECT, sent.INSPECTP, sent.DOCKER_PS, sent.PODMAN_PS]),
    st.one_of(
        st.text(max_size=200),
        st.recursive(
            st.none()
            | st.integers()
            | st.text(max_size=9)
            | st.sampled_from(["Id", "status", "NetworkSettings"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["Id", "State", "status", "metadata", "network"]), inner, max_size=4
                )
            ),
            max_leaves=12,
        ).map(json.dumps),
    ),
)
def test_whatever_they_say_is_no_error(kind: str, text: str) -> None:
    from pathlib import Path  # beside hypothesis no fixture of one example

    for one in found(Path("/nonexistent"), kind, text):
        assert one.name.isprintable()


def test_in_a_report_whose_a_namespace_is_shows_by_its_addresses() -> None:
    files = whole() | {
        "sos_commands/docker/docker_inspect_web": json.dumps([inspected()], indent=4),
        "sos_commands/crio/crictl_inspectp_aa": json.dumps(SANDBOXED, indent=2),
        "sos_commands/networking/namespaces/cni-1/ip_netns_exec_cni-1_ip_-d_address_show":
            "2: eth0@if9: <UP> mtu 1500\n    inet 10.244.0.5/24 scope global eth0\n",
        "sos_commands/networking/namespaces/cni-1/ip_netns_exec_cni-1_sysctl_-a": settings(3),
    }  # fmt: skip
    evidence = read(archive(files))
    assert [one.name for one in evidence.owners] == ["shop/web-6d4cf-x2x4z", "web"]
    owner = table(evidence, "cni-1").namespace.owner
    assert owner is not None
    assert owner.name == "shop/web-6d4cf-x2x4z"
    assert not any(gap.what == "names of containers" for gap in evidence.gaps)


def of_script(**sections: str) -> Evidence:
    text = "halftrack-collection 1 t-1\n"
    told = {"about": "kernel 6\nfirst 1\n", "ns/1/about": "inode 1\nwhere own\ncount 0\nread yes\ncomm init\n",
            "ns/77/about": "inode 77\nwhere 4711\ncount 5\nread no\ncomm sh\n"} | sections  # fmt: skip
    for name, content in told.items():
        text += f"\nt-1 begin 1.0 {name.replace('__', '/')}\n{content}\nt-1 end 0 x\n"
    return collected.read(iter([(text + "\nt-1 complete\n").encode()]), "x")


def test_lines_of_files_tell_whose_a_process_is() -> None:
    lines = (
        f"/proc/4711/cgroup:0::/machine.slice/libpod-{HEX}.scope\n"
        "/proc/4711/net/fib_trie:           |-- 10.88.0.0\n/proc/4711/net/fib_trie:           |-- 10.88.0.14\n"
        "/proc/4711/net/fib_trie:              /32 host LOCAL\n"
        "/proc/4711/net/if_inet6:20010db8000000000000000000000007 02 40 00 80 eth0\n"
        "/proc/../../etc/passwd:x\n/etc/:x\nno file\n"
    )
    evidence = of_script(owners__lines=lines)
    [one] = evidence.owners
    assert (one.id, one.runtime, one.netns_inode) == ("3f2a91c0d7e4", "podman", 77)
    assert one.addresses == ("10.88.0.14", "2001:db8::7")
    assert [each.namespace.owner == one for each in evidence.tables] == [False, True]
    named = of_script(owners__lines=lines, owners__podman=f"podman {HEX} 4711 web pod=/ 18080->80/tcp\n")
    [two] = named.owners
    assert (two.name, two.addresses, two.ports) == ("web", one.addresses, (PublishedPort("tcp", 18080, 80),))


def test_a_script_that_asked_nobody_is_a_gap() -> None:
    assert any(gap.what == "names of containers" for gap in of_script().gaps)
    assert not any(gap.what == "names of containers" for gap in of_script(owners__lines="").gaps)
