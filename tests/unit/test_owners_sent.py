"""Containers by what tools printed on a node that only sent it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutations import mutated
from halftrack import owners
from halftrack.evidence.values import Namespace, PublishedPort
from halftrack.live import collected
from halftrack.owners import ports, sent
from unit.listings import DOCKER_PS, PODS, SANDBOXES, TABLES
from unit.reports import archive, read, settings, table, whole

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.evidence.values import Evidence, Owner

HEX = "3f2a91c0d7e4" + "0" * 52
SANDBOX = "aa" * 32
ONE = f"docker {'4' * 64} 4711 web-9 10.0.0.9\n"


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


@pytest.mark.parametrize(("kind", "runtime"), [(sent.DOCKER_PS, "docker"), (sent.PODMAN_PS, "podman")])
def test_tables_of_ps(tmp_path: Path, kind: str, runtime: str) -> None:
    """Of one without a port nothing could be told by a table of connections."""
    [one] = found(tmp_path, kind, f"{DOCKER_PS}3f2a91c0d7e5   cut\nNot-an-id   nginx\n")
    assert (one.name, one.id, one.runtime) == ("web", "3f2a91c0d7e4", runtime)
    assert one.ports == (PublishedPort("tcp", 8080, 80),)


OWNERS = {
    "docker_ps": {"docker web"},
    "podman_ps_--pod": {"podman shopfront"},
    "nerdctl_ps": {"containerd front"},
    "incus_list": {
        "incus docker-alfa 10.81.226.238 fd42:1:2:3:216:3eff:fe00:1",
        "incus docker-bravo 10.81.226.173",
        "incus vm 10.81.226.23",
    },
    "incus_list_--all-projects": {"incus web 10.9.0.5", "incus shop/web 10.9.0.6"},
    "incus_list_-f_compact": {
        "incus sched-control 10.107.111.10 10.107.112.10",
        "incus sched-login 10.107.111.11",
    },
    "lxc_list": {
        "lxd docker-alfa 10.81.226.238 fd42:1:2:3:216:3eff:fe00:1",
        "lxd docker-bravo 10.81.226.173",
        "lxd vm 10.81.226.23",
    },
    "lxc-ls_-f": {"lxc dhcp-1 10.0.0.2 172.16.0.2 2001:db8::2", "lxc web-1 10.0.128.104"},
    "kubectl_get_pods_-A_-o_wide": {"kubernetes shop/web-64987c6d69-bdkdv 10.244.1.5"},
    "kubectl_get_pods_-o_wide": {"kubernetes web-64987c6d69-bdkdv 10.244.2.33"},
    "crictl_pods": set(),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_a_report(name: str) -> None:
    """It is known by its heading, also below the command; whose tool it was, by either."""
    _, text = TABLES[name]
    here = f"sos_commands/any/{name}"
    echoed = {"sos_commands/any/output.txt": f"# {name.replace('_', ' ')}\n{text}"}
    for files in (whole() | {here: text}, whole() | echoed):
        found = read(archive(files)).owners
        assert {" ".join((one.runtime, one.name, *sorted(one.addresses))) for one in found} == OWNERS[name]


def test_the_pods_that_run_here() -> None:
    """By the name of the node, or where that is another one, as crictl tells them."""
    text = PODS.replace("node.eu", "edge.eu")
    every = read(archive(whole() | {"sos_commands/k/kubectl_get_pods": text})).owners
    assert [one.name for one in every] == ["shop/web-64987c6d69-bdkdv", "shop/web-64987c6d69-zdr6p"]
    [one] = read(
        archive(
            whole() | {"sos_commands/k/kubectl_get_pods": text, "sos_commands/cri/crictl_pods": SANDBOXES}
        )
    ).owners
    assert (one.name, one.workload, one.namespace) == ("shop/web-64987c6d69-bdkdv", "web", "shop")
    known = SANDBOXED["status"] | {
        "metadata": {"name": "web-64987c6d69-bdkdv", "namespace": "shop", "uid": "u"}
    }
    inspected_too = {
        "sos_commands/k/kubectl_get_pods": text,
        "sos_commands/cri/crictl_inspectp_aa": json.dumps(SANDBOXED | {"status": known}, indent=2),
    }
    names = [one.name for one in read(archive(whole() | inspected_too)).owners]
    assert names == ["shop/web-64987c6d69-bdkdv", "shop/web-64987c6d69-zdr6p"], "each is one owner"


@pytest.mark.parametrize("name", TABLES)
def test_a_line_that_is_not_under_its_headings_tells_nothing(tmp_path: Path, name: str) -> None:
    """As mail programs leave tables, with their blanks gone."""
    kind, text = TABLES[name]
    head, *lines = text.splitlines()
    squeezed = "\n".join([head, *(" ".join(line.split()) for line in lines)])
    told = {(one.runtime, one.name, *one.addresses) for one in found(tmp_path, kind, text)}
    assert {(one.runtime, one.name, *one.addresses) for one in found(tmp_path, kind, squeezed)} <= told


@pytest.mark.parametrize(
    "heading", ["  NAME STATE  IPV4", "  PROJECT NAME  STATE  IPV4", "  NAME  STATE IPV4"]
)
def test_a_heading_whose_columns_do_not_stand_apart_is_no_error(tmp_path: Path, heading: str) -> None:
    told = [(sent.LXD_LIST, f"{heading}\n  web  RUNNING  10.0.0.5 (eth0)\n"), (sent.LISTING, ONE)]
    some, gaps = owners.find([Namespace("host", 1)], root=tmp_path, timeout_s=10, printed=told)
    assert "web-9" in {one.name for one in some}
    assert gaps == ()


def test_ranges_of_more_ports_than_a_node_has(tmp_path: Path) -> None:
    """Few bytes make millions of ports."""
    many = "1-65535->1-65535/tcp " * 1_000
    first, second = ONE.replace("web-9", f"web-9 {many}"), ONE.replace("4" * 64, "5" * 64)
    [one] = found(tmp_path, sent.LISTING, first)
    assert len(one.ports) == 65_535
    told = [
        (sent.LISTING, "".join(first.replace("4" * 64, f"{at:064x}") for at in range(9))),
        (sent.LISTING, second),
    ]
    some, [gap] = owners.find([Namespace("host", 1)], root=tmp_path, timeout_s=30, printed=told)
    assert sum(len(one.ports) for one in some) <= 4 * ports.MOST_PORTS
    assert "1 listings of containers make no sense" in gap.why
    assert "5" * 12 in {one.id for one in some}, "the other listing counts"


def test_who_says_more_of_a_container_counts() -> None:
    files = whole() | {
        "sos_commands/docker/docker_ps": DOCKER_PS,
        "sos_commands/docker/docker_inspect_web": json.dumps([inspected()], indent=4),
    }
    [one] = read(archive(files)).owners
    assert one.addresses == ("172.17.0.2",)


@given(
    st.sampled_from(
        [sent.VZLIST, sent.LISTING, sent.INSPECT, sent.INSPECTP, *(kind for kind, _ in TABLES.values())]
    ),
    st.one_of(
        st.text(max_size=200),
        st.sampled_from([text for _, text in TABLES.values()])
        .flatmap(lambda text: mutated(text.encode()))
        .map(lambda text: text.decode("utf-8", "replace")),
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
