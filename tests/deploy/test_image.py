"""The image on a scratch network: as root, as nobody, among the node's files, and as its DaemonSet has it run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.bare import ROOT
from deploy.image import Image
from deploy.typed import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_STUCK = f"""
{sys.executable} - <<'END'
from types import SimpleNamespace
from kernel.draining import stuck
stuck(SimpleNamespace(path="/proc/self/ns/net"), 1500)
END
"""
THREE = "--cap-drop all --cap-add net_admin --cap-add sys_admin --cap-add sys_ptrace"
RUN = f"podman run --rm --cgroup-parent $GROUP $LIMITS --net host --pid host {THREE} --read-only"


@pytest.fixture(scope="module")
def image(memory: Path, onefile: Path) -> Iterator[Image]:
    made = Image(memory / "image", onefile)
    yield made
    shutil.rmtree(made.place)


@pytest.fixture(autouse=True)
def _paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.parametrize("user", ["0:0", "65534:65534"])
def test_with_three_capabilities_any_user_can_examine_a_network(image: Image, user: str) -> None:
    words = f"{RUN} --user {user} $IMAGE doctor --netns self --json --exit-zero"
    document = json.loads(image.run(_STUCK + words))
    assert document["complete"] is True, document["gaps"]
    assert (document["tables"][0]["entries"], document["tables"][0]["one_sided"]) == (1500, 1500)
    assert document["findings"][0]["symptom"] == "one-sided"


def test_what_the_page_has_typed_for_podman_runs(image: Image) -> None:
    [typed] = [line for line in commands("docs/fleet.md", "### Kubernetes") if line.startswith("podman run")]
    assert f" {image.name} " in typed
    limits = "podman run --cgroup-parent $GROUP $LIMITS"
    said = image.run(_STUCK + typed.replace("podman run", limits), code=1)
    assert "1,500 entries" in said


def test_without_a_capability_it_says_which_it_needs(image: Image) -> None:
    less = RUN.replace("--cap-add net_admin", "")
    said = image.run(f"{_STUCK}{less} --user 65534:65534 $IMAGE doctor --netns self", code=3)
    assert "CAP_NET_ADMIN" in said


def test_beside_the_nodes_files_it_runs_among_them(image: Image, tmp_path: Path) -> None:
    """As in the pod of kubectl debug node/…: a file's name is the node's, and so are the tools."""
    shutil.copy(ROOT / "src/halftrack/examples/founding.txt", tmp_path / "table.txt")
    before = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    run = (
        "podman run --rm --cgroup-parent $GROUP $LIMITS --net host --pid host --privileged -v /:/host $IMAGE"
    )
    said = image.run(f"{run} doctor {tmp_path}/table.txt --exit-zero")
    assert "3 entries, all 3 stuck" in said
    assert re.search(r"^ +halftrack plan ", said, re.MULTILINE), said
    assert Path("/proc/self/mountinfo").read_text(encoding="utf-8") == before
    # Where it may not, it runs out of the image.
    image.run(f"{RUN} -v /:/host:ro $IMAGE doctor {tmp_path}/table.txt", code=65)


def _as_podman(manifest: dict[str, Any], places: dict[str, str]) -> str:
    """What the kubelet would have a runtime do with a DaemonSet's container; ``places``: volumes by name."""
    pod = manifest["spec"]["template"]["spec"]
    [container] = pod["containers"]
    context = {**pod["securityContext"], **container["securityContext"]}
    assert pod["hostNetwork"], pod["hostPID"]
    words = ["--net", "host", "--pid", "host", "--user", f"{context['runAsUser']}:{context['runAsGroup']}"]
    words += [f"--cap-drop={one}" for one in context["capabilities"]["drop"]]
    words += [f"--cap-add={one}" for one in context["capabilities"]["add"]]
    words += ["--read-only"] * context["readOnlyRootFilesystem"]
    words += ["--security-opt=no-new-privileges"] * (not context["allowPrivilegeEscalation"])
    for mount in container["volumeMounts"]:
        mode = "ro" if mount.get("readOnly") else "rw"
        propagation = {"HostToContainer": "rslave"}.get(mount.get("mountPropagation", ""), "rprivate")
        words += ["-v", f"{places[mount['name']]}:{mount['mountPath']}:{mode},{propagation}"]
    entry, *rest = [*container["command"], *container["args"]]
    return shlex.join([*words, "--entrypoint", entry]) + " --name ht-daemon $IMAGE " + shlex.join(rest)


def test_its_daemonset_writes_the_metrics_of_the_node(image: Image, memory: Path) -> None:
    """On this node, where it only looks; beside its table there is one with entries that were never answered."""
    manifest = yaml.safe_load((ROOT / "deploy/kubernetes/daemonset.yaml").read_text(encoding="utf-8"))
    places = {}
    for volume in manifest["spec"]["template"]["spec"]["volumes"]:
        own = memory / "daemonset" / volume["name"]
        (own / "halftrack").mkdir(parents=True)
        places[volume["name"]] = str(own)
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    probe = shlex.join(container["livenessProbe"]["exec"]["command"])
    sick = f"unshare --net sh -c {shlex.quote(_STUCK + f'touch {memory}/sick; exec sleep 600')} & sick=$!"
    words = (
        f"{sick}\nuntil [ -e {memory}/sick ]; do sleep 0.1; done\n"
        f"podman run --rm --cgroup-parent $GROUP $LIMITS {_as_podman(manifest, places)} >&2 & daemon=$!\n"
        "trap 'kill $sick; podman stop --time 60 ht-daemon >&2; wait $daemon; echo ended $?' EXIT\n"
        f"until [ -e {places['textfile']}/halftrack.prom ]; do kill -0 $daemon; sleep 0.2; done\n"
        f"podman exec ht-daemon {probe}\n"
        f"rm {places['textfile']}/halftrack.prom\n"
        f"if podman exec ht-daemon {probe} 2>/dev/null; then exit 9; fi\n"
        f"cat {places['last']}/last.json\n"
    )
    said = image.run(words, own_network=False, own_pids=False)
    assert said.endswith("ended 0\n")
    document = json.loads(said.removesuffix("ended 0\n"))
    assert {"host"} <= {table["netns"] for table in document["tables"]}
    assert 1500 in [table["one_sided"] for table in document["tables"]]
    assert document["source"] == "live"
