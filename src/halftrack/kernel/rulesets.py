"""All packet-filter rules of a namespace, as the texts that the tools print.

In the network namespace of the calling thread. Nothing is concluded here, and nothing left out
without a word: ``Texts.unread`` says what could not be had.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.errors import HalftrackError
from halftrack.evidence.rulesets import Save
from halftrack.kernel import iptables, ipvs, nftables, tools

if TYPE_CHECKING:
    from halftrack.kernel.iptables import Family, Flavour

_TRIES: Final = 3


@dataclass(slots=True)
class Texts:
    """``nft_json`` and ``nft_text``: None where there are no tables of nft. ``services``: IPVS."""

    nft_json: str | None = None
    nft_text: str | None = None
    saves: list[Save] = field(default_factory=list)
    services: str | None = None
    unread: list[str] = field(default_factory=list)


def read() -> Texts:
    """Never raises; read again where the rules change meanwhile."""
    found = Texts()
    for _ in range(_TRIES):
        before = _generation()
        found = _read()
        if _generation() == before:
            return found
    found.unread.append("the rules changed while they were read")
    return found


def _generation() -> bytes | None:
    with contextlib.suppress(OSError):
        return nftables.generation()
    return None


def _read() -> Texts:
    found = Texts()
    known = nftables.names()
    of_nft = known is None or bool(known.tables - iptables.BY_IPTABLES)
    for family in iptables.FAMILIES:
        if known is not None and any((family, name) in known.tables for name in iptables.TABLES):
            # nft shows their rules in part: what cannot be had from here is opaque there.
            try:
                found.saves.append(_save(family, "nft"))
            except HalftrackError:
                of_nft = True
        if iptables.legacy_tables(family):
            try:
                found.saves.append(_save(family, "legacy"))
            except HalftrackError as error:
                found.unread.append(f"rules of {iptables.tool(family)}-legacy: {error}")
    if of_nft or any(iptables.is_incompatible(each.text) for each in found.saves):
        try:
            found.nft_json, found.nft_text = _both()
        except HalftrackError as error:
            found.unread.append(f"rules of nft: {error}")
    found.services = ipvs.listing()
    return found


def _both() -> tuple[str | None, str]:
    """As JSON, and as text to quote from: side by side, since of many rules each takes a while.

    No JSON where nft is too old for it, or was built without.

    A new thread is in the namespace of the one that makes it.
    """
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(tools.run, ["nft", "-a", "list", "ruleset"])
        try:
            listing = tools.run(["nft", "-j", "list", "ruleset"])
        except tools.Refused:
            listing = None
        return listing, text.result()


def _save(family: Family, flavour: Flavour) -> Save:
    command = iptables.save_program(family, flavour)
    return Save(
        command, family, "iptables-legacy" if flavour == "legacy" else "iptables-nft", tools.run([command])
    )
