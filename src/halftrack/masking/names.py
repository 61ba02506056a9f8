"""Names in text: of hosts and containers wherever they stand, and the words of comments in rules.

A name is found where no letter or digit goes on before or after it, in any case; of two names that begin at
the same place it is the longer one. Digits of an address are none: ``fe80::1`` tells of no ``fe80``. A word
that rules and settings are written in is no name in them, whatever somebody calls a container.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from halftrack.masking import spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_RUN: Final = re.compile(r"[^\W_]+")
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")
_SPANS: Final = re.compile(
    r'(?P<lead>(?:--|\b)comment |"comment": ?)"(?:[^"\\]|\\.)*"'
    r"|(?P<option>--comment )[^\s\"]\S*"
    r"|(?P<open>/\* ).*?(?= \*/)"
    r"|(?P<kube>\b(?:service|external|firewall|endpoint)-[A-Z0-9]{8}-)[a-z0-9.-]+/[a-z0-9.-]+"
)
_WORD: Final = re.compile(r"[^\W_](?:[\w.@-]*[^\W_])?")
_LEAST: Final = 2
PLAIN: Final = frozenset(
    """a accept all allow an and any bridge bytes chain chains check cluster conmon conntrack conntrackd
    counter ct default deny destination dnat dns dockerd dport drop dst dummy endpoints established eth0
    external external-ip externalip filter firewall firewalld for forward forwarded forwarding from handle
    has health host hostport http https icmp icmpv6 if in incusd inet input internal invalid ip ip6 ipv4
    ipv6 is jump jumps k3s-agent k3s-server kube-proxy kubernetes last lb lo load-balancer loadbalancer
    local localhost log loopback lxd mac mangle mark masq masquerade match must nat net network new nft no
    node nodeport nodeports not of oif on or out output packet packets pod pods port portals postrouting
    prerouting protocol proxy raw reject related reply requiring return route rule rules security self
    service services set snat source sport src ssh state svc systemd table tcp that the this to tracked
    tracking traffic true udp untracked veth with""".split()  # noqa: SIM905  # one long list
)
"""Words that tell nobody's name, and that readers of rules go by."""


def spoken(name: str) -> bool:
    """Whether a name can be told from other words of a text."""
    return len(name) >= _LEAST and not name.isdigit() and name.lower() not in PLAIN


def bare(name: str) -> str:
    """The name from its first to its last letter or digit."""
    return _EDGES.sub("", name)


class Finder:
    """Finds names. ``stand_ins``: of each."""

    def __init__(self, stand_ins: Mapping[str, str]) -> None:
        self._stand_ins = stand_ins
        self._by_run: dict[str, list[str]] = defaultdict(list)
        for name in stand_ins:
            first = _RUN.match(name)
            if first is not None and spoken(name):
                self._by_run[first[0].casefold()].append(name)

    def replaced(self, text: str) -> str:
        parts, done = [], 0
        for begin, end, name in self.found(text):
            parts += [text[done:begin], self._stand_ins[name]]
            done = end
        return "".join([*parts, text[done:]]) if parts else text

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where each stands, and which."""
        done = 0
        addresses: list[tuple[int, int]] | None = None
        for run in _RUN.finditer(text):
            if run.start() < done:
                continue
            fitting = [
                name for name in self._by_run.get(run[0].casefold(), ()) if _fits(text, run.start(), name)
            ]
            if fitting and addresses is None:
                addresses = list(spellings.places(text)) if ":" in text or "-" in text else []
            fitting = [name for name in fitting if not _within(addresses, run.start(), name)]
            if fitting:
                # The longest, and of several in other letters the one that is written so.
                name = max(fitting, key=lambda each: (len(each), text.startswith(each, run.start())))
                done = run.start() + len(name)
                yield run.start(), done, name


def _fits(text: str, begin: int, name: str) -> bool:
    found, after = text[begin : begin + len(name)], text[begin + len(name) : begin + len(name) + 1]
    return (found == name or found.casefold() == name.casefold()) and not after.isalnum()


def _within(places: Iterable[tuple[int, int]] | None, begin: int, name: str) -> bool:
    return any(first <= begin and begin + len(name) <= last for first, last in places or ())


def in_comments(text: str, word: Callable[[str], str]) -> str:
    """The text with each word of a comment as ``word`` says; addresses are none."""
    if "comment" not in text and "/*" not in text and "-" not in text:
        return text
    return _SPANS.sub(lambda found: _span(found, word), text)


def _span(found: re.Match[str], word: Callable[[str], str]) -> str:
    lead = found["lead"] or found["option"] or found["open"] or found["kube"]
    content = found[0][len(lead) :]
    parts, done = [lead], 0
    for begin, end in spellings.places(content):
        parts += [_words(content[done:begin], word), content[begin:end]]
        done = end
    return "".join([*parts, _words(content[done:], word)])


def _words(text: str, word: Callable[[str], str]) -> str:
    return _WORD.sub(lambda each: word(each[0]) if spoken(each[0]) else each[0], text)
