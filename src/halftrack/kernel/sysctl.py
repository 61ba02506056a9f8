"""Settings of connection tracking, as the namespace of the calling thread has them.

``/proc/sys/net`` shows the values of whoever opens a file in it, so a thread that entered a
namespace reads that namespace's. None of it needs a privilege.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from halftrack.evidence import sysctls
from halftrack.evidence.printable import escaped
from halftrack.kernel import files

OTHERS: Final = (
    "net/nf_conntrack_max",
    "net/ipv4/ip_conntrack_max",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/tcp_keepalive_intvl",
    "net/ipv4/tcp_keepalive_probes",
    "net/ipv4/tcp_keepalive_time",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_syncookies",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
)
"""Settings outside the tracker's directory that say why entries come or stay."""

_LONGEST: Final = 4096
_NETFILTER: Final = sysctls.PREFIX.replace(".", "/")
_LEGACY: Final = sysctls.LEGACY_PREFIX.replace(".", "/")


@dataclass(frozen=True, slots=True)
class Limits:
    """Entries counted, the most that are allowed (0: no limit), hash buckets. None: not known here."""

    count: int | None = None
    limit: int | None = None
    buckets: int | None = None


def limits(proc: Path = Path("/proc")) -> Limits:
    """How full the table of the calling thread's namespace is."""
    buckets = _number(proc, "buckets")
    if buckets is None:
        buckets = hash_size(proc.parent / "sys")
    return Limits(_number(proc, "count"), _number(proc, "max"), buckets)


def count(proc: Path = Path("/proc")) -> int | None:
    """Entries counted right now, expired but uncollected ones included."""
    return _number(proc, "count")


def settings(proc: Path = Path("/proc")) -> dict[str, str]:
    """Full sysctl name to text: everything of the tracker's and ``OTHERS``, as far as it exists."""
    base = proc / "sys"
    found: dict[str, str] = {}
    for prefix in (_NETFILTER, _LEGACY):
        directory, start = (base / prefix).parent, (base / prefix).name
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = sorted(path.name for path in directory.iterdir() if path.name.startswith(start))
        relative = str(directory.relative_to(base))
        _read_into(found, base, [f"{relative}/{name}" for name in names])
    _read_into(found, base, OTHERS)
    return found


def hash_size(sys: Path = Path("/sys")) -> int | None:
    """Buckets as the module's parameter tells; root alone may read it."""
    return files.number(sys / Path(sysctls.HASHSIZE).relative_to("/sys"))


def _read_into(found: dict[str, str], base: Path, names: list[str] | tuple[str, ...]) -> None:
    for name in names:
        text = _line(base / name)
        if text is not None:
            # A node's namespaces have the same names and mostly the same values: each is kept once.
            found[sys.intern(name.replace("/", "."))] = sys.intern(text)


def _number(proc: Path, name: str) -> int | None:
    for place in (_NETFILTER + name, _LEGACY + name, f"net/ipv4/ip_conntrack_{name}"):
        number = files.number(proc / "sys" / place)
        if number is not None:
            return number
    return None


def _line(path: Path) -> str | None:
    """Contents on one line, blanks collapsed; None where there is nothing to read."""
    text = files.text(path, _LONGEST)
    return None if text is None else escaped(" ".join(text.split()))
