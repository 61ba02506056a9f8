"""Pods: from the bundles of CRI-O and containerd, from CNI, crictl and the kubelet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from halftrack import owners
from halftrack.evidence.values import Namespace, Owner, PublishedPort
from halftrack.owners import cni, kubernetes
from halftrack.owners.containerd import Containerd
from halftrack.owners.crio import Crio
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import Answer, Container, Pod
from unit.trees import HOST_INODE, command, node, plant, process

_UID = "8a1b2c3d-1111-2222-3333-444455556666"
_SANDBOX, _WORK = "5a" * 32, "3c" * 32
_NAME = "payments-gw-6d4cf56db6-x2x4z"
_TASKS = "run/containerd/io.containerd.runtime.v2.task"
_BUNDLES = "run/containers/storage/overlay-containers"
_HOST = Namespace("host", HOST_INODE, "/proc/1/ns/net", 1)


@pytest.mark.parametrize(
    ("name", "labels", "made_by"),
    [
        (_NAME, {}, "payments-gw"),
        (_NAME, {"pod-template-hash": "6d4cf56db6"}, "payments-gw"),
        ("web-new-6d4cf56db6-x2x4z", {"pod-template-hash": "new-6d4cf56db6"}, "web"),
        (
            "fluent-bit-7h9kq",
            {"controller-revision-hash": "5f6", "pod-template-generation": "1"},
            "fluent-bit",
        ),
        ("fluent-bit-7h9kq", {}, "fluent-bit"),
        ("db-12", {"statefulset.kubernetes.io/pod-name": "db-12"}, "db"),
        ("db-12", {}, "db"),
        ("backup-28412345-bcdfg", {"job-name": "backup-28412345"}, "backup"),
        ("backup-28412345-bcdfg", {}, "backup"),
        ("import-3-bcdfg", {}, "import"),
        ("once-bcdfg", {"batch.kubernetes.io/job-name": "once"}, "once"),
        ("debug", {}, "debug"),
        # Words have vowels, what Kubernetes makes up has none.
        ("kube-proxy", {}, "kube-proxy"),
        ("etcd-control-plane", {}, "etcd-control-plane"),
        ("web", {"pod-template-hash": ["x"], "job-name": {}}, "web"),
        ("web-x", {"pod-template-hash": ""}, "web-x"),
    ],
)
def test_what_made_a_pod(name: str, labels: dict[str, Any], made_by: str) -> None:
    assert kubernetes.workload(name, labels) == made_by


# As CRI-O 1.29 annotates a sandbox and a container (internal/annotations); what nobody reads is left out.
def crio_sandbox(**changed: Any) -> dict[str, Any]:
    labels = {
        "io.kubernetes.container.name": "POD",
        "io.kubernetes.pod.name": _NAME,
        "io.kubernetes.pod.namespace": "checkout",
        "io.kubernetes.pod.uid": _UID,
        "pod-template-hash": "6d4cf56db6",
        "app": "payments",
    }
    return {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ContainerType": "sandbox",
        "io.kubernetes.cri-o.ContainerID": _SANDBOX,
        "io.kubernetes.cri-o.SandboxID": _SANDBOX,
        "io.kubernetes.cri-o.KubeName": _NAME,
        "io.kubernetes.cri-o.Namespace": "checkout",
        "io.kubernetes.cri-o.HostNetwork": "false",
        "io.kubernetes.cri-o.IP.0": "10.244.0.3",
        "io.kubernetes.cri-o.IP.1": "fd00:244::3",
        "io.kubernetes.cri-o.Labels": json.dumps(labels),
        "io.kubernetes.cri-o.Metadata": json.dumps({"Name": _NAME, "UID": _UID, "Namespace": "checkout"}),
        "io.kubernetes.cri-o.PortMappings": '[{"HostPort":8443,"ContainerPort":443,"Protocol":"TCP","HostIP":""}]',
    } | changed


_CRIO_CONTAINER = {
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.ContainerID": _WORK,
    "io.kubernetes.cri-o.SandboxID": _SANDBOX,
    "io.kubernetes.cri-o.IP.0": "10.244.0.3",
    "io.kubernetes.container.name": "gateway",
    "io.kubernetes.pod.name": _NAME,
    "io.kubernetes.pod.namespace": "checkout",
    "io.kubernetes.pod.uid": _UID,
    "io.kubernetes.cri-o.Labels": '{"io.kubernetes.container.name":"gateway"}',
}


def bundle(root: Path, directory: str, annotations: Any, pid: int | None, **more: Any) -> None:
    """``config.json`` and the process's number, in the file that the runtime in question writes."""
    plant(
        root,
        {f"{directory}/config.json": json.dumps({"ociVersion": "1.0.2", "annotations": annotations} | more)},
    )
    if pid is not None:
        file = "pidfile" if directory.endswith("/userdata") else "init.pid"
        plant(root, {f"{directory}/{file}": str(pid)})


def crio(root: Path, identifier: str, annotations: Any, pid: int | None = None, **more: Any) -> None:
    plant(root, {"run/crio/version": '"1.29.1"'})
    bundle(root, f"{_BUNDLES}/{identifier}/userdata", annotations, pid, **more)


def test_a_sandbox_of_crio(tmp_path: Path) -> None:
    """Without a process of its own, as CRI-O runs it by default."""
    crio(tmp_path, _SANDBOX, crio_sandbox())
    answer = Crio().ask(node(tmp_path))
    assert answer.lacks is None
    assert answer.containers == (
        Container(
            name=_NAME,
            id=_SANDBOX,
            runtime="cri-o",
            addresses=("10.244.0.3", "fd00:244::3"),
            ports=(PublishedPort("tcp", 8443, 443),),
            pod=Pod(_NAME, _UID, "checkout", "payments-gw"),
            infra=True,
        ),
    )


def test_a_pod_of_crio_is_one_owner_where_its_container_lives(tmp_path: Path) -> None:
    crio(tmp_path, _SANDBOX, crio_sandbox())
    crio(tmp_path, _WORK, _CRIO_CONTAINER, 40)
    process(
        tmp_path,
        40,
        7,
        cgroup=f"0::/kubepods.slice/kubepods-pod{_UID.replace('-', '_')}.slice/crio-{_WORK}.scope\n",
    )
    space = Namespace("app", 7, "/proc/40/ns/net", 40)
    assert owners.find([_HOST, space], root=tmp_path) == (
        (
            Owner(
                name=f"checkout/{_NAME}",
                id=_UID,
                runtime="kubernetes",
                addresses=("10.244.0.3", "fd00:244::3"),
                netns_inode=7,
                ports=(PublishedPort("tcp", 8443, 443),),
                namespace="checkout",
                pod=_NAME,
                workload="payments-gw",
            ),
        ),
        (),
    )


def test_a_pod_on_the_nodes_network_owns_nothing(tmp_path: Path) -> None:
    changed = {"io.kubernetes.cri-o.HostNetwork": "true", "io.kubernetes.cri-o.IP.0": "192.0.2.1"}
    crio(tmp_path, _SANDBOX, crio_sandbox(**changed))
    crio(tmp_path, _WORK, _CRIO_CONTAINER, 41)
    process(tmp_path, 41)
    assert owners.find([_HOST], root=tmp_path) == ((), ())


def test_crio_keeps_its_bundles_where_it_was_told_to(tmp_path: Path) -> None:
    plant(
        tmp_path, {"etc/containers/storage.conf": '[storage]\nrunroot = "/var/data/crio"\n', "etc/crio/x": ""}
    )
    bundle(tmp_path, f"var/data/crio/overlay-containers/{_SANDBOX}/userdata", crio_sandbox(), None)
    assert Crio().is_present(node(tmp_path))
    assert [one.name for one in Crio().ask(node(tmp_path)).containers] == [_NAME]


def test_a_sandbox_that_crictl_made_has_its_metadata_alone(tmp_path: Path) -> None:
    crio(tmp_path, _SANDBOX, crio_sandbox(**{"io.kubernetes.cri-o.Labels": "{}"}))
    (found,) = Crio().ask(node(tmp_path)).containers
    assert found.pod == Pod(_NAME, _UID, "checkout", "payments-gw")


def test_podmans_bundles_are_not_crios(tmp_path: Path) -> None:
    crio(tmp_path, _WORK, {"io.podman.annotations.autoremove": "FALSE", "io.container.manager": "libpod"}, 40)
    process(tmp_path, 40, 7)
    assert Crio().ask(node(tmp_path)).containers == ()


# As the CRI plugin of containerd 1.7 annotates a sandbox (pkg/cri/annotations).
def cri_sandbox(**changed: Any) -> dict[str, Any]:
    return {
        "io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.sandbox-id": _SANDBOX,
        "io.kubernetes.cri.sandbox-name": _NAME,
        "io.kubernetes.cri.sandbox-namespace": "checkout",
        "io.kubernetes.cri.sandbox-uid": _UID,
        "io.kubernetes.cri.sandbox-log-directory": f"/var/log/pods/checkout_{_NAME}_{_UID}",
    } | changed


def test_a_sandbox_of_containerd(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    bundle(tmp_path, f"{_TASKS}/k8s.io/{_SANDBOX}", cri_sandbox(), 40)
    (found,) = Containerd().ask(node(tmp_path)).containers
    assert found == Container(
        name=_SANDBOX[:12],
        id=_SANDBOX,
        runtime="containerd",
        pid=40,
        netns_inode=7,
        pod=Pod(_NAME, _UID, "checkout", "payments-gw"),
        infra=True,
    )


@pytest.mark.parametrize(
    "state",
    ["run/k3s/containerd", "run/k0s/containerd", "var/snap/microk8s/common/run/containerd", "srv/state"],
)
def test_containerd_keeps_its_state_elsewhere(tmp_path: Path, state: str) -> None:
    plant(tmp_path, {"etc/containerd/config.toml": 'version = 2\nroot = "/srv/root"\nstate = "/srv/state"\n'})
    bundle(tmp_path, f"{state}/io.containerd.runtime.v2.task/k8s.io/{_SANDBOX}", cri_sandbox(), None)
    assert [one.id for one in Containerd().ask(node(tmp_path)).containers] == [_SANDBOX]


def test_a_pod_of_containerd_before_1_6_is_known_by_its_sandbox(tmp_path: Path) -> None:
    said = cri_sandbox()
    del said["io.kubernetes.cri.sandbox-uid"]
    bundle(tmp_path, f"run/containerd/io.containerd.runtime.v1.linux/k8s.io/{_SANDBOX}", said, None)
    (found,) = Containerd().ask(node(tmp_path)).containers
    assert found.pod == Pod(_NAME, _SANDBOX, "checkout", "payments-gw")


def test_a_container_of_nerdctl(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    said = {
        "nerdctl/name": "web",
        "nerdctl/namespace": "default",
        "nerdctl/ports": '[{"HostPort":8080,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"}]',
    }
    bundle(tmp_path, f"{_TASKS}/default/{_WORK}", said, 40)
    (found,) = Containerd().ask(node(tmp_path)).containers
    assert (found.name, found.ports, found.pod) == ("web", (PublishedPort("tcp", 8080, 80),), None)


def test_what_docker_runs_through_containerd_is_dockers(tmp_path: Path) -> None:
    process(tmp_path, 40, 7)
    bundle(tmp_path, f"{_TASKS}/moby/{_WORK}", {}, 40)
    assert Containerd().ask(node(tmp_path)).containers == ()


def test_a_process_that_ended_leads_nowhere(tmp_path: Path) -> None:
    """The path of the namespace still does: a mount outlives the process."""
    mounted = plant(tmp_path, {"var/run/netns/cni-1": ""}) / "var/run/netns/cni-1"
    joined = {"linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/var/run/netns/cni-1"}]}}
    bundle(tmp_path, f"{_TASKS}/k8s.io/{_SANDBOX}", cri_sandbox(), 99, **joined)
    (found,) = Containerd().ask(node(tmp_path)).containers
    assert (found.pid, found.netns_inode) == (None, mounted.stat().st_ino)


def cached(root: Path, network: str, **changed: Any) -> None:
    """As libcni 1.1 writes it for a pod of containerd's."""
    said = {
        "kind": "cniCacheV1",
        "containerId": _SANDBOX,
        "config": "e30=",
        "ifName": "eth0",
        "networkName": network,
        "netns": "/var/run/netns/cni-1",
        "cniArgs": [["K8S_POD_NAME", _NAME]],
        "capabilityArgs": {
            "portMappings": [{"HostPort": 8443, "ContainerPort": 443, "Protocol": "tcp", "HostIP": ""}]
        },
        "result": {"cniVersion": "1.0.0", "ips": [{"address": "10.244.0.7/24", "gateway": "10.244.0.1"}]},
    } | changed
    plant(root, {f"var/lib/cni/results/{network}-{_SANDBOX}-eth0": json.dumps(said)})


def test_cni_knows_addresses_and_ports_of_a_pod(tmp_path: Path) -> None:
    cached(tmp_path, "kindnet")
    cached(tmp_path, "second-net", capabilityArgs={}, result={"ips": [{"address": "fd00:244::7/64"}]})
    bundle(tmp_path, f"{_TASKS}/k8s.io/{_SANDBOX}", cri_sandbox(), None)
    (found,) = Containerd().ask(node(tmp_path)).containers
    assert found.addresses == ("10.244.0.7", "fd00:244::7")
    assert found.ports == (PublishedPort("tcp", 8443, 443),)


def test_an_old_cni_kept_the_bare_result(tmp_path: Path) -> None:
    old = {"cniVersion": "0.2.0", "ip4": {"ip": "10.244.0.9/24"}, "ip6": {"ip": "fd00::9/64"}}
    plant(tmp_path, {f"var/lib/cni/cache/results/podman-{_SANDBOX}-eth0": json.dumps(old)})
    plant(tmp_path, {"var/lib/cni/results/odd": "{}", f"var/lib/cni/results/n-{_WORK}-eth0": "[[["})
    found = cni.attachments(node(tmp_path))
    assert found[_SANDBOX] == cni.Attachments(("10.244.0.9", "fd00::9"))
    assert found[_WORK] == cni.NONE


# As crictl 1.28 prints pods.
_CRICTL = {
    "items": [
        {
            "id": _SANDBOX,
            "metadata": {"name": _NAME, "uid": _UID, "namespace": "checkout", "attempt": 0},
            "state": "SANDBOX_READY",
            "labels": {"pod-template-hash": "6d4cf56db6"},
            "runtimeHandler": "",
        },
        {"metadata": None},
        None,
    ]
}


def test_crictl_is_asked_where_no_state_is_found(tmp_path: Path, tools: Path) -> None:
    plant(tmp_path, {"run/crio/crio.sock": ""})
    plant(tools, {"pods.json": json.dumps(_CRICTL)})
    command(tools, "crictl", f'echo "$@" > {tmp_path}/asked; exec /bin/cat {tools}/pods.json')
    (found,) = Crio().ask(node(tmp_path, commands=True)).containers
    assert (found.runtime, found.id) == ("kubernetes", _UID)
    assert found.pod == Pod(_NAME, _UID, "checkout", "payments-gw")
    assert "--runtime-endpoint unix:///run/crio/crio.sock pods" in (tmp_path / "asked").read_text()


def test_crictl_that_hangs(tmp_path: Path, tools: Path) -> None:
    plant(tmp_path, {"run/containerd/containerd.sock": ""})
    command(tools, "crictl", "exec /bin/sleep 300")
    with pytest.raises(NoAnswer, match="crictl did not answer in time"):
        Containerd().ask(node(tmp_path, commands=True, seconds=0.3))


def test_crictl_is_not_asked_for_another_root(tmp_path: Path, tools: Path) -> None:
    plant(tmp_path, {"run/containerd/containerd.sock": ""})
    command(tools, "crictl", f"echo asked > {tmp_path}/asked")
    assert Containerd().ask(node(tmp_path)).containers == ()
    assert not (tmp_path / "asked").exists()


def test_state_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: object) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    plant(tmp_path, {f"{_BUNDLES}/x/y": "", f"{_TASKS}/k8s.io/x/y": "", f"{_TASKS}/moby/x/y": ""})
    monkeypatch.setattr("os.listdir", closed)
    for runtime, whose in ((Crio(), "CRI-O"), (Containerd(), "containerd")):
        with pytest.raises(NoAnswer, match=f"{whose}'s state may not be read") as without:
            runtime.ask(node(tmp_path))
        assert without.value.needs == ("CAP_DAC_READ_SEARCH",)


def test_state_that_is_dockers_alone_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: object) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    plant(tmp_path, {f"{_TASKS}/moby/x/y": ""})
    monkeypatch.setattr("os.listdir", closed)
    assert Containerd().ask(node(tmp_path)) == Answer()


def test_crictl_is_not_asked_where_docker_runs_containerd(tmp_path: Path, tools: Path) -> None:
    """Which then has no CRI to answer with."""
    plant(tmp_path, {"run/containerd/containerd.sock": "", f"{_TASKS}/moby/x/y": ""})
    command(tools, "crictl", "exit 1")
    assert Containerd().ask(node(tmp_path, commands=True)) == Answer()


def test_the_kubelet_names_a_pod_that_only_its_cgroup_shows(tmp_path: Path) -> None:
    """Also where the runtime's own state is hidden."""
    plant(
        tmp_path,
        {f"var/log/pods/checkout_{_NAME}_{_UID}/x/0.log": "", f"var/log/pods/a_gone_{_WORK[:32]}/x": ""},
    )
    process(tmp_path, 40, 7, cgroup=f"0::/kubepods/burstable/pod{_UID}/{_WORK}\n")
    (found,), gaps = owners.find([_HOST, Namespace("app", 7, "/proc/40/ns/net", 40)], root=tmp_path)
    assert (found.name, found.workload, found.netns_inode, gaps) == (
        f"checkout/{_NAME}",
        "payments-gw",
        7,
        (),
    )
