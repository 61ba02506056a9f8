"""Containers told by the cgroup path, the monitor and the mounts of a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import owners
from halftrack.evidence.values import Namespace
from halftrack.owners import cgroups, traces
from halftrack.owners.cgroups import Identity
from unit.trees import HOST_INODE, node, plant, process

_ID = "3f2a91c0d7e4" + "0123456789abcdef" * 3 + "0123"
_UID = "8a1b2c3d-1111-2222-3333-444455556666"
_SLICE = f"kubepods-besteffort-pod{_UID.replace('-', '_')}.slice"


@pytest.mark.parametrize(
    ("path", "runtime", "identifier"),
    [
        (f"/system.slice/docker-{_ID}.scope", "docker", _ID),
        (f"/docker/{_ID}", "docker", _ID),
        (f"/../../docker/{_ID}/init.scope", "docker", _ID),
        (f"/machine.slice/libpod-{_ID}.scope", "podman", _ID),
        (f"/machine.slice/libpod-{_ID}.scope/container", "podman", _ID),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{_ID}.scope", "podman", _ID),
        (f"/libpod_parent/libpod-{_ID}", "podman", _ID),
        (f"/machine.slice/crio-{_ID}.scope", "cri-o", _ID),
        (f"/system.slice/nerdctl-{_ID}.scope", "containerd", _ID),
        (f"/system.slice/containerd.service/system.slice:cri-containerd:{_ID}", "containerd", _ID),
        (f"/kubepods/burstable/pod{_UID}/{_ID}", "kubernetes", _UID),
        (
            f"/kubepods.slice/kubepods-besteffort.slice/{_SLICE}/cri-containerd-{_ID}.scope",
            "kubernetes",
            _UID,
        ),
        ("/kubepods/burstable/pod0123456789abcdef0123456789abcdef/x", "kubernetes", "0123456789abcdef" * 2),
        ("/lxc.payload.mail", "lxc", "mail"),
        ("/lxc/mail/system.slice/cron.service", "lxc", "mail"),
        ("/machine.slice/machine-web\\x2d1.scope/payload", "nspawn", "web-1"),
    ],
)
def test_the_path_names_the_container(path: str, runtime: str, identifier: str) -> None:
    found = cgroups.container(f"0::{path}\n")
    assert found is not None
    assert (found.runtime, found.id) == (runtime, identifier)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/init.scope",
        "/user.slice/user-0.slice/session-3.scope",
        f"/machine.slice/libpod-conmon-{_ID}.scope",
        "/lxc.monitor.mail",
        "/machine.slice/machine-qemu\\x2d1\\x2dwin.scope",
        "/101",
        f"/mine/{_ID}",
    ],
)
def test_what_names_no_container(path: str) -> None:
    assert cgroups.container(f"1:name=systemd:{path}\n") is None


def test_a_number_is_a_container_where_openvz_runs() -> None:
    assert cgroups.container("4:ve:/101\n", openvz=True) == Identity("openvz", "101")
    assert cgroups.container("4:ve:/machine.slice/101\n", openvz=True) == Identity("openvz", "101")
    assert cgroups.container("4:ve:/0\n", openvz=True) is None


def test_the_innermost_container_counts() -> None:
    inner = "b" * 64
    assert cgroups.container(f"0::/docker/{_ID}/docker/{inner}\n") == Identity("docker", inner)


def test_a_service_with_a_network_of_its_own() -> None:
    assert cgroups.unit("0::/system.slice/tor\\x40x.service\n") == Identity(
        "systemd", "tor@x.service", "tor@x.service"
    )
    assert cgroups.unit("0::/user.slice/user@0.service/app.slice/a.service\n") is None


@given(st.text())
def test_any_text_is_survived(lines: str) -> None:
    cgroups.container(lines, openvz=True)
    cgroups.container(f"0::/{lines}")
    cgroups.unit(lines)


def _space(inode: int = 7, pid: int = 40) -> Namespace:
    return Namespace("web", inode, f"/proc/{pid}/ns/net", pid)


@pytest.mark.parametrize(
    ("words", "identity"),
    [
        (("/usr/bin/conmon", "--api-version", "1", "-c", _ID, "-n", "web"), Identity("podman", _ID, "web")),
        (("conmon", "-c", _ID, "-n", "k8s_x", "-r", "/usr/lib/crio/x"), Identity("cri-o", _ID, "k8s_x")),
        (("/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", _ID), Identity("docker", _ID)),
        (("containerd-shim", "-namespace", "k8s.io", "-id", _ID), Identity("containerd", _ID)),
        (("/usr/bin/systemd-nspawn", "--boot", "--machine=web"), Identity("nspawn", "web", "web")),
        (("[lxc monitor] /var/lib/lxc web",), Identity("lxc", "web", "web")),
        (("lxc-start", "-n", "web"), Identity("lxc", "web", "web")),
        (("conmon", "-c"), None),
        (("",), None),
    ],
)
def test_the_monitor_names_what_it_watches(
    tmp_path: Path, words: tuple[str, ...], identity: Identity | None
) -> None:
    process(tmp_path, 30, cmdline="\0".join(words))
    process(tmp_path, 40, 7, parent="30", cgroup="0::/\n", cmdline="sleep\0300")
    assert traces.identify(node(tmp_path), 40) == identity


def test_the_monitor_adds_the_name_to_the_cgroup(tmp_path: Path) -> None:
    process(tmp_path, 30, cmdline=f"conmon\0-c\0{_ID}\0-n\0web")
    process(tmp_path, 40, 7, parent="30", cgroup=f"0::/machine.slice/libpod-{_ID}.scope\n")
    process(tmp_path, 41, 8, parent="30", cgroup=f"0::/machine.slice/libpod-{'c' * 64}.scope\n")
    assert traces.identify(node(tmp_path), 40) == Identity("podman", _ID, "web")
    assert traces.identify(node(tmp_path), 41) == Identity("podman", "c" * 64)


@pytest.mark.parametrize(
    ("source", "identity"),
    [
        (f"/var/lib/docker/containers/{_ID}/hostname /etc/hostname rw", Identity("docker", _ID)),
        (
            f"/containers/storage/overlay-containers/{_ID}/userdata/hostname /etc/hostname rw",
            Identity("podman", _ID),
        ),
        (f"/var/lib/kubelet/pods/{_UID}/etc-hosts /etc/hosts rw", Identity("kubernetes", _UID)),
        ("/var/lib/mine/hostname /etc/hostname rw", None),
    ],
)
def test_from_inside_the_mounts_name_the_container(
    tmp_path: Path, source: str, identity: Identity | None
) -> None:
    process(tmp_path, 40, 7, cgroup="0::/\n", mountinfo=f"90 80 8:1 {source} - ext4 /dev/sda1 rw\n")
    assert traces.identify(node(tmp_path), 40) == identity


def test_openvz_shows_the_container_in_the_status(tmp_path: Path) -> None:
    plant(tmp_path, {"proc/vz/version": ""})
    process(tmp_path, 40, 7, status="Name:\tinit\nenvID:\t101\nVPid:\t1\n")
    process(tmp_path, 41, status="Name:\tinit\nenvID:\t0\n")
    assert traces.identify(node(tmp_path), 40) == Identity("openvz", "101")
    assert traces.identify(node(tmp_path), 41) is None


def test_pods_are_called_as_the_kubelet_calls_their_logs(tmp_path: Path) -> None:
    plant(tmp_path, {f"var/log/pods/shop_payments-gw-7d9_{_UID}/x/0.log": "", "var/log/pods/odd": ""})
    process(tmp_path, 40, 7, cgroup=f"0::/kubepods/pod{_UID}/{_ID}\n")
    (found,), _ = owners.find([_space(HOST_INODE, 1), _space()], root=tmp_path)
    assert (found.name, found.id, found.netns_inode) == ("shop/payments-gw-7d9", _UID, 7)
    assert (found.namespace, found.pod, found.runtime) == ("shop", "payments-gw-7d9", "kubernetes")


def test_the_nodes_own_namespace_is_nobodys(tmp_path: Path) -> None:
    process(tmp_path, 40, cgroup=f"0::/docker/{_ID}\n")
    assert list(traces.containers(node(tmp_path, _space(HOST_INODE)))) == []
