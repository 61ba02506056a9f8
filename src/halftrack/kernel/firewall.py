"""How this node filters, and who else writes its rules and settings.

Nothing is run: the kernel is asked for the names of tables and chains, the rest is files.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from halftrack.evidence.values import KUBE_PROXY, Firewall
from halftrack.kernel import dropins, iptables, nftables, sysctl_files

if TYPE_CHECKING:
    from collections.abc import Iterator

_BINARIES: Final = ("usr/sbin", "sbin", "usr/bin", "usr/local/sbin")
_COMPATIBLE: Final = frozenset(
    iptables.BY_IPTABLES | {("arp", "filter"), ("bridge", "filter"), ("bridge", "nat"), ("bridge", "broute")}
)
"""Tables that iptables-nft makes: where there are no others, nobody writes nft here."""
_IPTABLES_FILES: Final = (
    "etc/iptables/rules.v4",
    "etc/iptables/iptables.rules",
    "etc/sysconfig/iptables",
    "etc/iptables.rules",
)
_NFT_FILES: Final = (
    "etc/systemd/system/sysinit.target.wants/nftables.service",
    "etc/systemd/system/multi-user.target.wants/nftables.service",
    "etc/runlevels/default/nftables",
)
_BACKEND: Final = re.compile(r"^\s*FirewallBackend\s*=\s*(\w+)", re.MULTILINE)
_MODULE: Final = re.compile(r"^\s*(?:(?:nf|ip)_conntrack|nf_nat|iptable_nat)", re.MULTILINE)
"""The module itself, and those that cannot be loaded without it."""


@dataclass(frozen=True, slots=True)
class _Manager:
    """What shows that somebody else is at work here: any one of these."""

    slug: str
    processes: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


_MANAGERS: Final = (
    # k3s runs kube-proxy inside its own process.
    _Manager(
        KUBE_PROXY,
        ("kube-proxy", "k3s-server", "k3s-agent"),
        ("kube-proxy",),
        ("KUBE-SERVICES", "KUBE-PROXY-CANARY"),
        ("var/lib/kube-proxy",),
    ),
    _Manager("docker", ("dockerd",), ("docker-bridges",), ("DOCKER", "DOCKER-USER", "DOCKER-FORWARD")),
    _Manager("firewalld", ("firewalld",), ("firewalld",), ("FWDI_public", "IN_public")),
    _Manager("ufw", (), (), ("ufw-user-input", "ufw6-user-input")),
    _Manager(
        "podman",
        ("conmon",),
        ("netavark",),
        ("NETAVARK_FORWARD", "NETAVARK_INPUT", "CNI-FORWARD", "CNI-ADMIN"),
    ),
    _Manager("virtuozzo", (), (), (), ("proc/vz/version", "proc/vz/veinfo")),
    _Manager("lxd", ("lxd",), ("lxd",)),
    _Manager("incus", ("incusd",), ("incus",)),
)


_COPIERS: Final = ("conntrackd",)
"""What keeps the tables of two nodes alike (conntrack-tools)."""


def detect(root: Path) -> Firewall:
    """The tool that holds this node's rules, and who else writes them. Never raises.

    Where ``root`` is another one than ``/``, only files below it are looked at.
    """
    loaded = nftables.names() if root == Path("/") else None
    running = frozenset(_processes(root))
    return Firewall(
        tool=tool(root, loaded),
        managers=_managing(root, loaded, running),
        copiers=tuple(name for name in _COPIERS if name in running) if _there(root, "proc/1") else None,
        systemd=_systemd(root),
        module_loaded_at_boot=_loaded_at_boot(root),
    )


def tool(root: Path, loaded: nftables.Names | None) -> Literal["nft", "iptables"] | None:
    """What holds rules now; where nothing does, what is set up to; where nothing is, what is installed."""
    nft, iptables = _installed(root, "nft"), _installed(root, "iptables")
    if nft and iptables:
        return _in_use(root, loaded) or _set_up(root)
    return "nft" if nft else "iptables" if iptables else None


def _in_use(root: Path, loaded: nftables.Names | None) -> Literal["nft", "iptables"] | None:
    if loaded is not None and loaded.tables - _COMPATIBLE:
        return "nft"
    legacy = _text(root, "proc/net/ip_tables_names").split()
    return "iptables" if legacy or (loaded is not None and loaded.tables) else None


def _set_up(root: Path) -> Literal["nft", "iptables"]:
    if any(_there(root, path) for path in _NFT_FILES):
        return "nft"
    said = _BACKEND.search(_text(root, "etc/firewalld/firewalld.conf"))
    by_firewalld = said is not None and said[1] == "iptables"
    if (
        by_firewalld
        or sysctl_files.ufw_is_enabled(root)
        or any(_there(root, path) for path in _IPTABLES_FILES)
    ):
        return "iptables"
    return "nft"


def managers(root: Path, loaded: nftables.Names | None) -> tuple[str, ...]:
    """Slugs of those who write rules or settings here, as far as rules, processes and files show them."""
    return _managing(root, loaded, frozenset(_processes(root)))


def _managing(root: Path, loaded: nftables.Names | None, running: frozenset[str]) -> tuple[str, ...]:
    tables = {name for _, name in loaded.tables} if loaded else set()
    chains = loaded.chains if loaded else frozenset()
    found = [
        manager.slug
        for manager in _MANAGERS
        if not running.isdisjoint(manager.processes)
        or not tables.isdisjoint(manager.tables)
        or not chains.isdisjoint(manager.chains)
        or any(_there(root, path) for path in manager.files)
        or (manager.slug == "ufw" and sysctl_files.ufw_is_enabled(root))
    ]
    return tuple(found)


def _processes(root: Path) -> Iterator[str]:
    """Names of watched processes, unless they are known to live in a network namespace of their own."""
    proc = root / "proc"
    own = _link(proc / "1/ns/net")
    with contextlib.suppress(OSError), os.scandir(proc) as entries:
        for entry in entries:
            if not entry.name.isdecimal():
                continue
            name = _text(root, f"proc/{entry.name}/comm").strip()
            if name in _WATCHED and _link(proc / f"{entry.name}/ns/net") in (None, own):
                yield name


_WATCHED: Final = frozenset((*(name for manager in _MANAGERS for name in manager.processes), *_COPIERS))


def _systemd(root: Path) -> bool | None:
    known = any(_there(root, path) for path in ("run", "usr/lib/systemd", "sbin/init", "etc/inittab"))
    return sysctl_files.uses_systemd(root) if known else None


def _loaded_at_boot(root: Path) -> bool | None:
    """Whether the keys exist when sysctl.d is read: built in, or listed to be loaded before that."""
    module = _there(root, "sys/module/nf_conntrack")
    if module and not re.search(r"^nf_conntrack ", _text(root, "proc/modules"), re.MULTILINE):
        return True
    listed = [*dropins.files(root, "modules-load.d"), dropins.read(root, "/etc/modules")]
    if any(file is not None and _MODULE.search(file.text) for file in listed):
        return True
    return False if _there(root, "sys/module") else None


def _installed(root: Path, name: str) -> bool:
    if root == Path("/") and shutil.which(name):
        return True
    return any(_there(root, f"{directory}/{name}") for directory in _BINARIES)


def _there(root: Path, path: str) -> bool:
    with contextlib.suppress(OSError):
        (root / path).lstat()
        return True
    return False


def _link(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.readlink().name
    return None


def _text(root: Path, path: str) -> str:
    file = dropins.read(root, f"/{path}")
    return file.text if file else ""
