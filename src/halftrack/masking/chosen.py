"""Names that somebody chose for chains, sets, tables and interfaces, and that have another name in them.

A chain ``ACMEIN`` tells of the container ``acme`` as much as its own name does, and so does a set
``web_shop4`` of ``web-shop``: small or capital, with any signs between, in the middle of a word. Such a name
goes whole. What is called so that nobody's name is in it stays: rules are read by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.masking import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLACES: Final = re.compile(
    r'"(?:table|chain|set|map|name|target|flowtable|dev)": ?"@?(?P<json>[^"\\]{1,256})"'
    r'|"@(?P<element>[^"\\]{1,256})"'
    r"|\b(?:table(?: (?:ip6?|inet|arp|bridge|netdev))?|chain|set|map|flowtable|jump|goto|vmap|name|counter"
    r'|[io]ifname|[io]if) "?@?(?P<nft>[A-Za-z_][\w./-]{0,255})'
    r"|(?<!\S)@(?P<reference>[\w./-]{1,256})"
    r"|^:(?P<declared>\S{1,64}) "
    r"|(?<!\S)(?:-[AIjgNio]|--(?:jump|goto|in-interface|out-interface|match-set|set|name))"
    r' (?P<option>[^\s!"]{1,64})'
    r"|^Chain (?P<headed>\S{1,64}) \("
    r"|^ *\d+[KMGT]? +\d+[KMGT]? +(?P<listed>[\w.-]{1,64}) ",
    re.MULTILINE,
)
_TARGETS: Final = frozenset(
    """accept audit checksum classify clusterip connmark connsecmark continue dnat drop dscp goto hmark hl
    idletimer led log mark masquerade netmap nflog nfqueue notrack queue rateest redirect reject return
    secmark snat synproxy tarpit tcpmss tcpoptstrip tee tos tproxy trace ttl
    ulog""".split()  # noqa: SIM905  # one list
)
"""What the packet filter itself does, which stands where a chain may."""
_BY_HASH: Final = re.compile(r"(?:KUBE|CNI|cali)-")
"""Chains that are called by a hash, in which a short name may stand by chance."""
_LEAST: Final = 3
"""Signs of a name that is looked for inside of others."""
_SIGNS: Final = re.compile(r"[\W_]+")


def places(text: str) -> Iterator[str]:
    """Chosen names in rules, of every form that rules come in."""
    if " " in text or text.startswith(("{", ":")):
        for found in _PLACES.finditer(text):
            yield str(found[str(found.lastgroup)])


def telling(chosen: Iterable[str], of: Iterable[str]) -> set[str]:
    """Those of the ``chosen`` that still tell a name ``of`` somebody once it is replaced where it is alone.

    From their first letter to their last.
    """
    known = [name for name in of if names.spoken(name)]
    inside = sorted((name for name in map(_plain, known) if len(name) >= _LEAST), key=len, reverse=True)
    if not inside:
        return set()
    any_of = re.compile("|".join(map(re.escape, inside)))
    alone = names.Finder(dict.fromkeys(known, "\0"))
    return {
        name
        for name in map(names.bare, set(chosen))
        if not _BY_HASH.match(name)
        and any_of.search(_plain(name))
        and name.lower() not in _TARGETS
        and names.spoken(name)
        and any(any_of.search(_plain(part)) for part in alone.replaced(name).split("\0"))
    }


def _plain(name: str) -> str:
    return _SIGNS.sub("", name).casefold()
