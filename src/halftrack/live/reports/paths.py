"""What paths in a report say: where the report begins, which namespace, whether the file was cut.

sos writes what a command printed to ``sos_commands/PLUGIN/COMMAND`` with underscores for blanks, copies
files below their own paths, and keeps of what is too long the end, as ``sos_strings/…/NAME.tailed``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_SOS: Final = ("sos_commands", "sos_strings", "sos_logs", "sos_reports")
_OF_NODE: Final = ("etc", "proc", "sys", "usr", "lib", "run", "var")
_TAILED: Final = ".tailed"
_IN_NETNS: Final = re.compile(
    r"ip_netns_exec_(?P<netns>\S+?)_(?P<command>(?:conntrack|ip6?tables(?:-save)?|ip|ss|tc|sysctl|netstat|nstat"
    r"|nft|cat|ipvsadm)(?:_.*)?)",
    re.ASCII,
)
_NETNS_DIRECTORY: Final = re.compile(r"(?:^|/)(?:namespaces/|netns[-_/])(?P<netns>[^/]+)/", re.ASCII)
_PROCESS: Final = re.compile(r"^proc/(?:self|\d{1,10})/net/", re.ASCII)
"""/proc/net is a link to it."""
_READ: Final = re.compile(
    r"etc/(?:hostname|machine-id|modules|iptables\.rules|inittab)|(?:etc|usr/lib|lib|run)/sysctl\.d/[^/]+\.conf"
    r"|etc/sysctl\.conf|(?:etc|usr/lib|lib|run)/(?:modules-load|modprobe)\.d/[^/]+\.conf"
    r"|etc/(?:default|ufw)/[^/]+|etc/vz/(?:vz\.conf|conf/[^/]+\.conf)|etc/iptables/[^/]+"
    r"|etc/sysconfig/(?:iptables|nftables\.conf)|etc/firewalld/firewalld\.conf"
    r"|proc/(?:modules|slabinfo|net/ip6?_tables_names|vz/(?:version|veinfo))"
    r"|sys/kernel/slab/nf_conntrack\w*/\w+|sys/module/nf_conntrack/parameters/hashsize"
)
_LOG: Final = re.compile(r"var/log/(?:messages|kern\.log|syslog|dmesg|warn)(?:[.-][\w.-]+)?", re.ASCII)
_DEVICE: Final = re.compile(r"_dev_(?P<device>[\w.@:+-]{1,16})$", re.ASCII)
_ODD: Final = re.compile(r"[^\w.@:+-]", re.ASCII)
_SETTING: Final = re.compile(r"proc/sys/(?P<name>net/[\w./-]+)")


@dataclass(frozen=True, slots=True)
class Place:
    """``whole``: the path; ``report``: the directory, ``path``: within it; ``name``: the command or file.

    ``tailed``: only the end of it was kept.
    """

    whole: str
    report: str
    path: str
    name: str
    tailed: bool


def place(path: str) -> Place:
    parts = path.split("/")
    at = next((i for i, part in enumerate(parts) if part in OF_SOS), None)
    if at is None:
        at = next((i for i, part in enumerate(parts[:-1]) if part in _OF_NODE), len(parts) - 1)
    name = re.sub(r"\s+", "_", parts[-1])
    tailed = name.endswith(_TAILED)
    name = name.removesuffix(_TAILED)
    for suffix in (".gz", ".xz", ".bz2", ".zst", ".txt", ".log", ".out"):
        name = name.removesuffix(suffix)
    inside = _PROCESS.sub("proc/net/", "/".join(parts[at:]))
    return Place(path, "/".join(parts[:at]), inside, name, tailed)


def file_of_node(path: str) -> bool:
    """Whether it is one that readers of the node's own files look at."""
    return _READ.fullmatch(path) is not None


def log(path: str) -> bool:
    """Whether it is a file that holds what the kernel logs."""
    return _LOG.fullmatch(path) is not None


def device(at: Place) -> str | None:
    """The interface that a command was asked about, where its words are the file's name."""
    found = _DEVICE.search(at.name)
    return found["device"] if found else None


def setting(path: str) -> str | None:
    """The sysctl of which the file is the value."""
    found = _SETTING.fullmatch(path)
    return found["name"] if found else None


def netns(at: Place, known: Iterable[str] = ()) -> str | None:
    """The namespace that a file is about; None: the node's own.

    ``known``: names that directories tell. Underscores of a name cannot be told from blanks otherwise.
    """
    in_directory = _NETNS_DIRECTORY.search(f"{at.report}/{at.path}")
    if in_directory is not None:
        return _plain(in_directory["netns"])
    found = _IN_NETNS.fullmatch(at.name)
    if found is None:
        return None
    rest = at.name.removeprefix("ip_netns_exec_")
    fitting = [name for name in known if rest.startswith(f"{name}_")]
    return max(fitting, key=len, default=_plain(found["netns"]))


def _plain(name: str) -> str:
    """As sos writes names anyway; it stands in commands that are shown."""
    return _ODD.sub("_", name).lstrip(".-") or "_"
