"""The manifests: as the API server's schemas have them, and with no more rights than are said to be needed."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.bare import ROOT
from halftrack import __version__

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
    written = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert written == {"/run/halftrack", "/textfile"}
    assert (
        {"cpu", "memory"} == set(container["resources"]["limits"]) == set(container["resources"]["requests"])
    )
