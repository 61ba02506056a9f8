"""Whether rules that were sent ask for connection tracking; of a live namespace the kernel is asked.

Rules are looked at as text: a word that may ask is taken for asking, and what was not sent is said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.tracking import XTABLES, Tracking
from halftrack.formats.rules import nft_text
from halftrack.formats.rules.bounds import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halftrack.evidence.rulesets import Save

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ASKS: Final = re.compile(r"(?<![\w@.-])(?:ct|masquerade|redirect|snat|dnat|synproxy|flow)(?![\w.-])")
_OF_XTABLES: Final = re.compile(r'(?<![\w-])xt (?:match|target) "([^"]*)"')
_SAVED: Final = re.compile(rf"-[mj] (?:{'|'.join(sorted(XTABLES))})\b")
_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {"ip": ("ip",), "ip6": ("ip6",)}
"""Rules of any other family ask for both (nf_ct_netns_get)."""
_BOTH: Final = ("ip", "ip6")


def of(
    nft: str | None, saves: Sequence[Save], legacy: Mapping[str, str | None], services: str | None
) -> Tracking:
    """``nft``: its listing; ``legacy``: by family, names of the tables of iptables-legacy, one a line;
    ``services``: of IPVS. None: it was not sent.
    """
    found: dict[str, str] = {}
    unread: list[str] = []
    if services is not None and len(services.splitlines()) > _HEADING:
        found = dict.fromkeys(_BOTH, "a service of IPVS")
    if nft is None:
        unread.append("the rules of nftables: not sent")
    else:
        try:
            for family, what in _in_nftables(nft):
                found.setdefault(family, what)
        except Unreadable as error:
            unread.append(f"the rules of nftables: {error}")
    for family in _BOTH:
        mine = [each for each in saves if each.family == family]
        asking = next((each for each in mine if _SAVED.search(_QUOTED.sub("", each.text))), None)
        if asking is not None:
            found.setdefault(family, f"a rule of {asking.command}")
        whole = any(each.flavour == "iptables-legacy" and "COMMIT" in each.text for each in mine)
        names = legacy.get(family)
        if family not in found and not whole and (names is None or names.strip()):
            unread.append(f"the rules of iptables-legacy for {family}: not sent")
    return Tracking(found.get("ip"), found.get("ip6"), tuple(unread))


_HEADING: Final = 3
"""Lines of /proc/net/ip_vs above the first service (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show)."""


def _in_nftables(text: str) -> Iterator[tuple[str, str]]:
    """Family and place of what asks. Raises Unreadable."""
    for each in nft_text.objects(text)[0]:
        kind, told = next(iter(each.items()))
        words = told.get("text", "")
        bare = _QUOTED.sub("", words)
        named = not XTABLES.isdisjoint(_OF_XTABLES.findall(words))
        if kind in {"rule", "set", "map"} and (named or "#" in bare or _ASKS.search(bare)):
            where = f"chain {told['chain']}" if kind == "rule" else f"{kind} {told['name']}"
            for family in _FAMILIES.get(told["family"], _BOTH):
                yield family, escaped(f"a rule of table {told['table']}, {where}")
