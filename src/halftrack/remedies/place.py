"""Where a command has to run: the way into a table's namespace, and what is found there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import HOST, SELF
from halftrack.plans import ways

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence, Namespace

_VERSION: Final = re.compile(r"\s*(\d{1,4})\.(\d{1,4})")
_RED_HAT_6: Final = (2, 6)


def prefix(namespace: Namespace, evidence: Evidence) -> str:
    """What goes before a command so that it runs in this namespace; ends in a space, or is empty.

    The examining process is in ``host`` unless one of the tables is called ``self``.
    """
    if namespace.name == SELF:
        return ""
    if namespace.name == HOST:
        elsewhere = any(table.namespace.name == SELF for table in evidence.tables)
        return ways.into(None, 1) if elsewhere else ""
    return ways.into(namespace.path, namespace.pid)


def is_host(namespace: Namespace, evidence: Evidence) -> bool:
    """Whether settings of this namespace are the node's own, read from its files at boot.

    A table that was mailed in is taken for the node's.
    """
    return namespace.name == HOST or not evidence.of_node


def version(evidence: Evidence) -> tuple[int, int] | None:
    """First two numbers of the kernel's release; None where it is not known."""
    found = _VERSION.match(evidence.kernel or "")
    return (int(found[1]), int(found[2])) if found else None


def settings_are_global(evidence: Evidence) -> bool:
    """Kernels 2.6 of Red Hat and OpenVZ keep the TCP settings of all namespaces in the host's."""
    return version(evidence) == _RED_HAT_6


def has_systemd(evidence: Evidence) -> bool:
    """Whether boot applies sysctl.d and modules-load.d. Not known: what such a kernel usually runs."""
    if evidence.firewall.systemd is not None:
        return evidence.firewall.systemd
    known = version(evidence)
    return known is None or known >= (3, 0)


def uses_nft(evidence: Evidence) -> bool:
    """Whether rules for this node are written for nft. Not known: iptables, which speaks for both."""
    return evidence.firewall.tool == "nft"
