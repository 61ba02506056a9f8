"""Machines of systemd-nspawn, and namespaces that have a name of their own."""

from __future__ import annotations

from pathlib import Path

from halftrack.evidence.values import Namespace
from halftrack.owners.named import Named
from halftrack.owners.nspawn import Nspawn
from halftrack.owners.runtime import Container
from unit.trees import HOST_INODE, node, plant, process


def test_nspawn(tmp_path: Path) -> None:
    """As systemd-machined of version 252 writes its state."""
    process(tmp_path, 40, 7)
    process(tmp_path, 41, HOST_INODE)
    plant(
        tmp_path,
        {
            "run/systemd/machines/build": "# This is private data. Do not parse.\nNAME=build\n"
            "SCOPE=machine-build.scope\nSERVICE=systemd-nspawn\nCLASS=container\nLEADER=40\nNETIF=5\n",
            "run/systemd/machines/lxc-1-old": "SERVICE=libvirt-lxc\nCLASS=container\nLEADER=40\n",
            "run/systemd/machines/gone": "NAME=gone\nCLASS=container\nLEADER=99\n",
            "run/systemd/machines/qemu": "NAME=qemu\nCLASS=vm\nLEADER=41\n",
            "run/systemd/machines/odd": "LEADER=x\nnothing\n=\n",
            "run/systemd/machines/unit:machine-build.scope": "-> build",
        },
    )
    found = Nspawn().ask(node(tmp_path)).containers
    assert found == (
        Container("build", "build", "nspawn", 40, 7),
        Container("lxc-1-old", "lxc-1-old", "libvirt-lxc", 40, 7),
    )


def test_named_namespaces(tmp_path: Path) -> None:
    plant(tmp_path, {"run/netns/blue": "", "run/docker/netns/ingress_sbox": "", "run/netns/left-over": ""})
    blue, ingress = (tmp_path / path for path in ("run/netns/blue", "run/docker/netns/ingress_sbox"))
    spaces = [Namespace(path.name, path.stat().st_ino) for path in (blue, ingress)]
    found = Named().ask(node(tmp_path, *spaces)).containers
    assert [(one.name, one.runtime, one.netns_inode) for one in found] == [
        ("blue", "netns", blue.stat().st_ino),
        ("ingress_sbox", "docker", ingress.stat().st_ino),
    ]
