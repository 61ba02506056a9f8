"""The manifests: as the API server's schemas have them, and with no more rights than are said to be needed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from deploy.bare import ROOT
from halftrack import __version__, owners
from halftrack.evidence.values import Namespace, PublishedPort
from unit.trees import HOST_INODE, plant, process

if TYPE_CHECKING:
    from pathlib import Path

HERE = ROOT / "deploy" / "kubernetes"
VERSIONS = [one for one in kubernetes_validate.utils.all_versions() if int(one.split(".")[1]) >= 30]
"""appArmorProfile is a field since 1.30."""


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("version", VERSIONS)
def test_each_is_what_the_schemas_of_kubernetes_allow(version: str) -> None:
    for name in ("namespace.yaml", "daemonset.yaml"):
        kubernetes_validate.validate(load(name), version, strict=True)
    wrong = load("daemonset.yaml")
    wrong["spec"]["template"]["spec"]["hostPid"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_the_kustomization_takes_all_of_them_and_puts_the_image_in() -> None:
    kustomization = load("kustomization.yaml")
    assert kustomization["kind"] == "Kustomization"
    others = {one.name for one in HERE.iterdir()} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == others
    [container] = load("daemonset.yaml")["spec"]["template"]["spec"]["containers"]
    [image] = kustomization["images"]
    assert (image["name"], image["newTag"]) == (container["image"], __version__)
    assert kustomization["namespace"] == load("namespace.yaml")["metadata"]["name"]


def test_it_has_three_capabilities_and_nothing_to_write_to_but_two_directories() -> None:
    kinds = [load(one.name)["kind"] for one in HERE.iterdir()]
    assert sorted(kinds) == ["DaemonSet", "Kustomization", "Namespace"]  # no roles, no accounts
    pod = load("daemonset.yaml")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    [container] = pod["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"]}
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
    assert "privileged" not in context
    mounted = {one["name"]: one for one in container["volumeMounts"]}
    written = {one["mountPath"] for one in mounted.values() if not one.get("readOnly")}
    assert written == {"/run/halftrack", "/textfile"}
    assert {one["name"] for one in pod["volumes"]} == set(mounted)
    for volume in pod["volumes"]:
        assert (
            volume["hostPath"]["path"] == mounted[volume["name"]]["mountPath"] or volume["name"] == "textfile"
        )
    assert (
        {"cpu", "memory"} == set(container["resources"]["limits"]) == set(container["resources"]["requests"])
    )


UID, SANDBOX = "1b2c3d4e-0000-4000-8000-000000000001", "5a" * 32
BUNDLES = {
    "containerd": f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{SANDBOX}/config.json",
    "crio": f"run/containers/storage/overlay-containers/{SANDBOX}/userdata/config.json",
}
SAID = {
    "containerd": {
        "io.kubernetes.cri.container-type": "sandbox",
        "io.kubernetes.cri.sandbox-name": "web-6d9",
        "io.kubernetes.cri.sandbox-namespace": "shop",
        "io.kubernetes.cri.sandbox-uid": UID,
    },
    "crio": {
        "io.kubernetes.cri-o.SandboxID": SANDBOX,
        "io.kubernetes.cri-o.ContainerType": "sandbox",
        "io.kubernetes.cri-o.KubeName": "web-6d9",
        "io.kubernetes.cri-o.Namespace": "shop",
        "io.kubernetes.cri-o.Metadata": json.dumps({"UID": UID}),
    },
}


@pytest.mark.parametrize("runtime", BUNDLES)
def test_what_it_mounts_is_enough_to_name_pods_and_nothing_else_is_seen(runtime: str, tmp_path: Path) -> None:
    """A pod without a process of its own, one of whose ports the node publishes, and one that only logs tell of."""
    node, seen = tmp_path / "node", tmp_path / "seen"
    joined = {"type": "network", "path": "/run/netns/cni-1"}
    attached = {
        "kind": "cniCacheV1",
        "capabilityArgs": {"portMappings": [{"hostPort": 8443, "containerPort": 443, "protocol": "TCP"}]},
        "result": {"ips": [{"address": "10.244.0.7/24"}]},
    }
    plant(
        node,
        {
            BUNDLES[runtime]: json.dumps({"annotations": SAID[runtime], "linux": {"namespaces": [joined]}}),
            "run/crio/crio.sock" if runtime == "crio" else "run/containerd/containerd.sock": "",
            "run/netns/cni-1": "",
            f"var/lib/cni/results/net-{SANDBOX}-eth0": json.dumps(attached),
            "var/lib/cni/networks/net/10.244.0.7": SANDBOX,
            f"var/log/pods/shop_web-6d9_{UID}/web/0.log": "",
            "etc/shadow": "",
        },
    )
    process(node, 1)
    for mount in load("daemonset.yaml")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]:
        place = mount["mountPath"].lstrip("/")
        if (node / place).is_dir():
            shutil.copytree(node / place, seen / place)
    assert {one.name for one in (seen / "var/lib/cni").iterdir()} == {"results"}
    assert not (seen / "etc").exists()
    shutil.copytree(node / "proc", seen / "proc", symlinks=True)  # by hostPID

    spaces = [Namespace("host", HOST_INODE, "/proc/1/ns/net", 1)]
    [told], gaps = owners.find(spaces, root=seen)
    assert (told.namespace, told.pod, told.addresses) == ("shop", "web-6d9", ("10.244.0.7",))
    assert told.ports == (PublishedPort("tcp", 8443, 443),)
    assert gaps == ()
