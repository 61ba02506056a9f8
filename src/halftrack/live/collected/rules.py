"""Rules of one network namespace, and whether they ask for tracking, out of texts that tools printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.rulesets import Flavour, Save
from halftrack.formats import rules
from halftrack.formats.rules import tracking

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.tracking import Tracking

Texts = Mapping[str, str]
"""By the name of the section: ``nft``, ``nft.json``, ``save/TOOL``, ``listed/COMMAND``, ``net/FILE``."""
_LISTED: Final = "listed/"
_SAVE: Final = "save/"
_TRACKING_TABLES: Final = "filter nat mangle raw"
_NFT: Final[Flavour] = "iptables-nft"
_LEGACY: Final[Flavour] = "iptables-legacy"
_SAVES: Final[Mapping[str, tuple[str, Flavour]]] = {
    "iptables-nft": ("ip", _NFT),
    "iptables-legacy": ("ip", _LEGACY),
    "ip6tables-nft": ("ip6", _NFT),
    "ip6tables-legacy": ("ip6", _LEGACY),
}
"""By the tool: family and flavour."""


def is_save(what: str) -> bool:
    """``what``: the name of a section."""
    return what.startswith(_SAVE)


def ruleset(texts: Texts) -> Ruleset | None:
    """None where none were sent."""
    saves = _saves(texts)
    json = texts.get("nft.json") or None
    listings = tuple(
        Save(what.removeprefix(_LISTED), "ip6" if "ip6tables" in what else "ip", _LEGACY, text)
        for what, text in sorted(texts.items())
        if what.startswith(_LISTED)
    )
    if json is None and "nft" not in texts and not saves and not listings:
        return None
    found = rules.read(json, texts.get("nft"), saves, texts.get("net/ip_vs"), listings=listings)
    missing = _unlisted(texts, found) if listings and not saves else ()
    return replace(found, unread=(*found.unread, *missing)) if missing else found


def asking(texts: Texts) -> Tracking | None:
    """Whether rules ask for it; None where none were sent. An empty listing counts only with its JSON."""
    nft = texts.get("nft") if texts.get("nft") or texts.get("nft.json") else None
    saves = _saves(texts)
    if nft is None and not saves:
        return None
    legacy = {family: texts.get(f"net/{family}_tables_names") for family in ("ip", "ip6")}
    return tracking.of(nft, saves, legacy, texts.get("net/ip_vs"))


def _saves(texts: Texts) -> tuple[Save, ...]:
    return tuple(
        Save(f"{tool}-save", *_SAVES[tool], texts[f"{_SAVE}{tool}"])
        for tool in _SAVES
        if f"{_SAVE}{tool}" in texts
    )


def _unlisted(texts: Texts, found: Ruleset) -> tuple[str, ...]:
    """Tables of iptables that may be there and were not listed; nft lists those of iptables-nft."""
    if "nft" in texts or "nft.json" in texts:
        return ()
    loaded = set(texts.get("net/ip_tables_names", _TRACKING_TABLES).split())
    unlisted = loaded - {table.name for table in found.tables if table.family == "ip"}
    return tuple(f"iptables -t {escaped(name)} -nvL: not in the report" for name in sorted(unlisted))
