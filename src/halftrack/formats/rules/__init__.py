"""Packet-filter rules as text, of nft, of both flavours of iptables and of IPVS, into one Ruleset.

    numbers          addresses, ports, protocols, flags
    nft ─ nft_match ─ nft_sides
                     ``nft -j list ruleset`` (libnftables-json(5)) and, for quoting, ``nft -a list ruleset``
    nft_text ─ nft_words
                     ``nft list ruleset`` alone, as the same objects
    xtables ─ xtables_match
                     ``iptables-save``, ``ip6tables-save``
    xtables_list     ``iptables -nvL``, where there is no save, as the words of one
    ipvs             ``/proc/net/ip_vs``
    tracking         whether any of it asks for connection tracking

What cannot be read is said in ``unread``; no text makes a reader raise.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence.rulesets import Ruleset, Save
from halftrack.formats.rules import ipvs, nft, xtables, xtables_list
from halftrack.formats.rules.bounds import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.rulesets import RuleTable, VirtualService

_NFT_JSON: Final = "nft -j list ruleset"
_NFT_TEXT: Final = "nft -a list ruleset"
_IPVS: Final = "/proc/net/ip_vs"


def read(
    nft_json: str | None,
    nft_text: str | None = None,
    saves: tuple[Save, ...] = (),
    services: str | None = None,
    unread: tuple[str, ...] = (),
    *,
    listings: tuple[Save, ...] = (),
) -> Ruleset:
    """All of a namespace's rules. None: there is none of it. ``unread``: what the caller could not have.
    ``listings``: what ``iptables -L`` says of one table each; a save of the same says more.

    nft shows matches of iptables without what they compare: where the same table is in a save text of
    its own flavour, that one counts.
    """
    troubles = list(unread)
    tables: dict[tuple[str, str, str], RuleTable] = {}
    found: tuple[VirtualService, ...] = ()
    raw = {_NFT_JSON: nft_json, _NFT_TEXT: nft_text, _IPVS: services}
    raw |= {each.command: each.text for each in (*saves, *listings)}
    with _saying(troubles, _NFT_JSON if nft_json is not None else _NFT_TEXT):
        for table in _of_nft(nft_json, nft_text):
            tables["nft", table.family, table.name] = table
    for save in saves:
        with _saying(troubles, save.command):
            for table in xtables.tables(save.text, save.family, save.flavour):
                key = ("legacy" if save.flavour == "iptables-legacy" else "nft", table.family, table.name)
                if key not in tables or _by_iptables(tables[key]):
                    tables[key] = table
    for listing in listings:
        with _saying(troubles, listing.command):
            for table in xtables_list.tables(listing.text, listing.family, listing.flavour):
                _put_listed(tables, table)
    with _saying(troubles, _IPVS):
        found = ipvs.services(services or "")
    texts = {name: text for name, text in raw.items() if text is not None}
    return Ruleset(tuple(tables.values()), found, tuple(troubles), MappingProxyType(texts))


def _put_listed(tables: dict[tuple[str, str, str], RuleTable], table: RuleTable) -> None:
    """Where nobody else tells of the table. By the text alone nobody knows which of both flavours it is."""
    keys = [(flavour, table.family, table.name) for flavour in ("legacy", "nft")]
    known = [key for key in keys if key in tables]
    if not known:
        tables[keys[0]] = table
    elif tables[known[0]].flavour == "nft" and _by_iptables(tables[known[0]]):
        tables[known[0]] = replace(table, flavour="iptables-nft")


def _of_nft(nft_json: str | None, nft_text: str | None) -> list[RuleTable]:
    """By its JSON, else by its text. Raises Unreadable."""
    if nft_json is not None:
        return nft.tables(nft_json, nft_text or "")
    return nft.tables_of_text(nft_text) if nft_text is not None else []


@contextlib.contextmanager
def _saying(troubles: list[str], whose: str) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        troubles.append(f"{whose}: {error}")


def _by_iptables(table: RuleTable) -> bool:
    """Whether a table that nft lists can have been made by iptables: that has chains of fixed names."""
    return all(chain.name in xtables.HOOKS for chain in table.chains.values() if chain.base is not None)
