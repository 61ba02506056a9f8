"""Whatever stands in a runtime's state: names come out fit for a line of a screen, and nothing breaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halftrack import owners
from halftrack.evidence.values import Gap, Namespace, Owner
from halftrack.owners import kubernetes
from halftrack.owners.untrusted import LONGEST_NAME
from unit.trees import HOST_INODE, plant, process

_ID = "5a" * 32
_NASTY = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["\x1b]0;x\x07\x1b[2J", "a\nb\r\nc", "'\"`$(id)", "\u202egnp", "x" * 65_536, "\x00", "../../etc"]
    ),
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _NASTY),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NASTY, inner, max_size=3)),
    max_leaves=6,
)
_KEYS = (
    *(
        f"io.kubernetes.cri-o.{key}"
        for key in ("SandboxID", "ContainerType", "ContainerID", "KubeName", "Namespace")
    ),
    *(
        f"io.kubernetes.cri-o.{key}"
        for key in ("Labels", "Metadata", "IP", "IP.0", "PortMappings", "HostNetwork")
    ),
    *(
        f"io.kubernetes.cri.{key}"
        for key in ("sandbox-name", "sandbox-namespace", "sandbox-uid", "container-name")
    ),
    *(f"io.kubernetes.pod.{key}" for key in ("name", "namespace", "uid")),
    *("nerdctl/name", "nerdctl/ports", "io.kubernetes.container.name"),
)
_ANNOTATIONS = st.one_of(
    _VALUES,
    st.dictionaries(
        st.sampled_from(_KEYS), st.one_of(_NASTY, _NASTY.map(json.dumps), _VALUES.map(json.dumps), _VALUES)
    ),
)


def _look(root: Path) -> tuple[tuple[Owner, ...], tuple[Gap, ...]]:
    process(root, 40, 7)
    spaces = [Namespace("host", HOST_INODE, "/proc/1/ns/net", 1), Namespace("x", 7, "/proc/40/ns/net", 40)]
    return owners.find(spaces, root=root, timeout_s=60)


def _assert_inert(found: tuple[tuple[Owner, ...], tuple[Gap, ...]]) -> None:
    known, gaps = found
    for one in known:
        for text in (one.name, one.id, one.runtime, one.namespace, one.pod, one.workload):
            # A pod's full name is its namespace and its name.
            assert text is None or (text.isprintable() and len(text) <= 2 * LONGEST_NAME + 1)
    assert [gap.why for gap in gaps if "makes no sense" in gap.why] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(annotations=_ANNOTATIONS, rest=_VALUES)
def test_any_bundle_is_survived(tmp_path: Path, annotations: Any, rest: Any) -> None:
    root = tmp_path / "node"
    shutil.rmtree(root, ignore_errors=True)
    told = json.dumps({"annotations": annotations, "linux": rest})
    for directory, file in (
        (f"run/containers/storage/overlay-containers/{_ID}/userdata", "pidfile"),
        (f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{_ID}", "init.pid"),
    ):
        plant(root, {f"{directory}/config.json": told, f"{directory}/{file}": "40", "run/crio/x": ""})
    state = {"ID": _ID, "Name": annotations, "State": {"Pid": 40, "Running": True}}
    state |= {"Config": {"Labels": annotations}, "NetworkSettings": rest}
    plant(root, {f"var/lib/docker/containers/{_ID}/config.v2.json": json.dumps(state)})
    plant(root, {f"var/lib/cni/results/n-{_ID}-eth0": json.dumps({"kind": "cniCacheV1", "result": rest})})
    _assert_inert(_look(root))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.one_of(_NASTY, st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))), name=_NASTY)
def test_any_text_in_a_state_file_is_survived(tmp_path: Path, lines: str, name: str) -> None:
    root = tmp_path / "node"
    shutil.rmtree(root, ignore_errors=True)
    file = "".join(c for c in name if c not in "/\0")[:60] or "x"
    plant(
        root,
        {
            "etc/lxc/lxc.conf": f"lxc.lxcpath = {lines}\n",
            "var/lib/lxc/101/config": f"lxc.uts.name = {lines}\nlxc.net.0.ipv4.address = 10.9.8.7/24 {lines}\n",
            "etc/containerd/config.toml": f'state = "{lines}"',
            "etc/containers/storage.conf": f"[storage]\nrunroot = {json.dumps(lines)}\n",
            "run/crio/x": "",
            "var/lib/incus/networks/b/dnsmasq.leases": f"1 00:16:3e:aa:bb:01 10.0.3.5 {lines}\n{lines}",
            "var/lib/incus/networks/b/dnsmasq.hosts/c1.eth0": f"00:16:3e:aa:bb:01,{lines}",
            f"run/systemd/machines/m-{_ID}": f"NAME={lines}\nCLASS=container\nLEADER=40\n",
        },
    )
    if file not in (".", ".."):
        plant(root, {f"var/log/pods/{file}_{file}_{_ID}/x": ""})
        plant(root, {f"var/lib/incus/networks/b/dnsmasq.hosts/{file}.eth0": "00:16:3e:aa:bb:01"})
    process(root, 30, cmdline=f"[lxc monitor] /var/lib/incus/containers {lines}")
    process(root, 41, 8, parent="30", cgroup=f"0::/lxc.payload.{lines}\n")
    _assert_inert(_look(root))


@given(name=_NASTY, labels=st.dictionaries(st.sampled_from(["pod-template-hash", "job-name", "x"]), _VALUES))
def test_a_workload_is_never_longer_than_what_it_was_told_by(name: str, labels: dict[str, Any]) -> None:
    made_by = kubernetes.workload(name, labels)
    assert len(made_by) <= max(len(name), LONGEST_NAME)


@pytest.mark.parametrize("told", ["[" * 100_000, '{"annotations":' * 50_000, "\x00" * 1000, '"x"', "[]"])
def test_a_bundle_that_is_no_object(tmp_path: Path, told: str) -> None:
    plant(tmp_path, {f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{_ID}/config.json": told})
    assert _look(tmp_path) == ((), ())
