"""Services of the kernel's load balancer (IPVS): connections to their addresses are handed on."""

from __future__ import annotations

from typing import Final

from halftrack.kernel import files, survey

_KINDS: Final = ("TCP ", "UDP ", "SCTP ", "FWM ")
"""How the line of a service begins (net/netfilter/ipvs/ip_vs_ctl.c); those of its servers do not."""


def listing() -> str | None:
    """What the kernel lists in the namespace of the calling thread; None where there is none."""
    return files.text(survey.net_directory() / "ip_vs")


def services() -> tuple[str, ...]:
    """In the namespace of the calling thread, a line each; none also where they cannot be read."""
    lines = (listing() or "").splitlines()
    return tuple(line.strip() for line in lines if line.startswith(_KINDS))
