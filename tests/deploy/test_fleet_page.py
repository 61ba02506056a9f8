"""README's section for a fleet, typed word by word: on a node that has systemd, and nothing of ours."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import yaml

from deploy import systemd
from deploy.bare import ROOT
from deploy.typed import commands
from halftrack import __version__

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES = ROOT / "deploy" / "kubernetes"


def make(target: str) -> str:
    """What it would do."""
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", " ")


def test_a_new_user_follows_it_to_the_metrics(memory: Path, onefile: Path) -> None:
    build, copy, *rest = commands("README.md", "## On a fleet")
    there = [line for line in rest if line.startswith(("ssh ", "sudo "))]
    assert (build, len(there)) == ("make onefile", 5)
    assert "deploy/onefile/build.py dist\n" in make("onefile")
    place = memory / "fleet"
    (place / "told" / "dist").mkdir(parents=True)
    shutil.copy(onefile, place / "told" / "dist")
    script = "\n".join(
        [
            "cd /told",
            'scp() { cp "$1" "$HOME/${2#node17:}"; }',
            'sudo() { "$@"; }',
            'ssh() { shift; if "$@"; then :; else [ $? -le 2 ]; fi >/told/examined; }',
            "HOME=/told/home; mkdir $HOME",
            copy,
            "cd $HOME",
            *there,
            "until [ -e /var/lib/prometheus/node-exporter/halftrack.prom ]; do sleep 0.2; done",
            "cat /var/lib/prometheus/node-exporter/halftrack.prom",
            "systemctl is-enabled halftrack-textfile.timer",
            "ls /opt/halftrack/share /opt/halftrack/share/*",
        ]
    )
    said = systemd.told(place, None, script, own_network=False)
    assert "Whole picture: " in (place / "told" / "examined").read_text(encoding="utf-8")
    assert "\nhalftrack_up 1\n" in f"\n{said}"
    assert "\nenabled\n" in said
    for shipped in ("man1", "vendor_completions.d", "node-problem-detector", "systemd"):
        assert shipped in said
    shutil.rmtree(place)


def test_metrics_go_where_a_drop_in_says(memory: Path, tree: Path) -> None:
    lines = commands("docs/fleet.md", "### systemd")
    dropin = "\n".join(lines[lines.index("[Service]") :])
    place = memory / "drop-in"
    script = (
        "unit=halftrack-textfile.service\n"
        "mkdir -p /var/lib/node_exporter /etc/systemd/system/$unit.d\n"
        f"cat >/etc/systemd/system/$unit.d/override.conf <<'END'\n{dropin}\nEND\n"
        "systemctl daemon-reload\n"
        "systemctl start $unit\n"
        "cat /var/lib/node_exporter/halftrack.prom\n"
    )
    said = systemd.told(place, tree, script, own_network=False)
    assert "\nhalftrack_up 1\n" in f"\n{said}"


def test_what_it_has_typed_for_kubernetes_names_what_there_is() -> None:
    [image] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
    for page, heading in (("README.md", "## On a fleet"), ("docs/fleet.md", "### Kubernetes")):
        lines = commands(page, heading)
        assert "kubectl apply -k deploy/kubernetes" in lines
        [debug] = [shlex.split(line) for line in lines if line.startswith("kubectl debug")]
        assert f"--image={image['newName']}:{__version__}" in debug
        assert debug[debug.index("--") + 1 :] == ["halftrack", "doctor"]
    [push] = [
        shlex.split(line)
        for line in commands("docs/fleet.md", "### Kubernetes")
        if line.startswith("podman push")
    ]
    assert push[2:] == [f"localhost/halftrack:{__version__}", f"{image['newName']}:{image['newTag']}"]
    assert f"--tag {push[2]} " in make("image")


def test_the_file_that_it_names_is_the_one_that_is_built(onefile: Path) -> None:
    assert onefile.name == f"halftrack-{__version__}-linux-x86_64"
    assert f"`dist/{onefile.name}`" in (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
