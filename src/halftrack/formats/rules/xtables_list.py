"""``iptables -nvL`` and ``ip6tables -nvL`` of one table, for who has no ``iptables-save``.

Each rule becomes the words that iptables-save would have printed. A listing has no grammar of its own: every
match prints what it likes. What is not known here exactly makes a rule one of which nobody knows whether it
holds; without ``-v`` interfaces are not shown, so that all of them are.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from halftrack.evidence.rulesets import Base, Chain, Condition, Rule, RuleTable
from halftrack.formats.rules import bounds, xtables
from halftrack.formats.rules.bounds import Unreadable
from halftrack.formats.rules.xtables_match import Words

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Flavour

_CHAIN: Final = re.compile(
    r"Chain (?P<name>\S{1,64}) \((?:policy (?P<policy>\w+)(?: .*)?|\d+ references?(?: .*)?)\)", re.ASCII
)
_HEADING: Final = re.compile(r"\s*(?:num\s+)?(?:(?P<verbose>pkts\s+bytes)\s+)?target\s+prot\s+.*")
_NUMBERED: Final = re.compile(r"\s*num\s")
_OPTS: Final = frozenset({"--", "-f", "!f"})
_ANY: Final = frozenset({"*", "any", "all", "0", "0.0.0.0/0", "::/0"})
_BITS: Final = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
_NOT_KNOWN: Final = "not-known"
"""A match that no iptables has."""


def _flags(text: str) -> str:
    """``0x17`` as names, or the names themselves."""
    if not text.startswith("0x"):
        return text
    number = int(text, 16)
    return ",".join(name for name, bit in _BITS.items() if number & bit) or "NONE"


def _with(option: str, *module: str) -> Callable[[re.Match[str]], list[str]]:
    def words(found: re.Match[str]) -> list[str]:
        no = ["!"] if found["no"] else []
        return [*(["-m", *module] if module else []), *no, option, found["value"]]

    return words


def _only(module: str) -> Callable[[re.Match[str]], list[str]]:
    return lambda _: ["-m", module]


_NO: Final = r"(?P<no>! ?)?"
_VALUE: Final = rf" +{_NO}(?P<value>\S+)"
_MATCHES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[str]]], ...]] = tuple(
    (re.compile(rf"{form}(?= |$)", re.ASCII), words)
    for form, words in (
        (r"/\*.*?\*/", lambda _: []),
        (r"(?:tcp|udp|udplite|sctp|dccp)", lambda _: []),
        (rf"dpts?:{_NO}(?P<value>[\d:]+)", _with("--dport")),
        (rf"spts?:{_NO}(?P<value>[\d:]+)", _with("--sport")),
        (
            rf"flags:{_NO}(?P<mask>0x[0-9A-Fa-f]{{1,2}}|[A-Z,]+)/(?P<value>0x[0-9A-Fa-f]{{1,2}}|[A-Z,]+)",
            lambda found: [
                *(["!"] if found["no"] else []), "--tcp-flags",
                _flags(found["mask"]), _flags(found["value"]),
            ],
        ),
        (rf"{_NO}ctstate +(?P<value>[A-Z,]+)", _with("--ctstate", "conntrack")),
        (rf"{_NO}state +(?P<value>[A-Z,]+)", _with("--state", "state")),
        (rf"multiport dports{_VALUE}", _with("--dports", "multiport")),
        (rf"multiport sports{_VALUE}", _with("--sports", "multiport")),
        (rf"ADDRTYPE match dst-type{_VALUE}", _with("--dst-type", "addrtype")),
        (rf"ADDRTYPE match src-type{_VALUE}", _with("--src-type", "addrtype")),
        (rf"connmark match{_VALUE}", _with("--mark", "connmark")),
        (rf"source IP range{_VALUE}", _with("--src-range", "iprange")),
        (rf"destination IP range{_VALUE}", _with("--dst-range", "iprange")),
        (rf"multiport ports{_VALUE}", _with("--ports", "multiport")),
        (r"length !?[\d:]+", _only("length")),
        (r"TTL match TTL [=!<>]+ ?\d+", _only("ttl")),
        (r"PKTTYPE !?= \w+", _only("pkttype")),
        (r"recent: (?:SET|UPDATE|CHECK|REMOVE) .*?side: \w+ mask: \S+", _only("recent")),
        (r"limit: avg \S+ burst \d+", _only("limit")),
        (r"mark match +!?0x\S+", _only("mark")),
        (r"(?:ipv6-)?icmp !?type \d+|(?:ipv6-)?icmp(?:v6)?type \d+(?: code \d+)?", _only("icmp")),
        (r"(?:! )?match-set \S+ [a-z,]+", _only("set")),
        (r"owner !? ?(?:UID|GID) match \S+", _only("owner")),
        (r"statistic mode (?:random|nth) !? ?\S+ \S+(?: packet \d+)?", _only("statistic")),
        (r"MAC ?!? ?[0-9A-F:]{17}", _only("mac")),
    )
)  # fmt: skip
_ARGUMENTS: Final = re.compile(
    r"(?:reject-with \S+|to:\S+|redir ports \S+|masq ports: \S+|random(?:-fully)?|persistent"
    r"|LOG (?:flags|level).*|nflog-\w+ .*|(?:MARK|CONNMARK|CT|NOTRACK|TCPMSS|CHECKSUM|CLASSIFY|DSCP|ULOG|TOS"
    r"|TPROXY)\b.*)(?: |$)"
)
"""What targets print of themselves, behind all matches."""


def _table_of(text: str) -> str:
    """Which table it is, by the chains that are called from outside: ``security`` looks like ``filter``."""
    heads = (_CHAIN.fullmatch(line.strip()) for line in text.splitlines() if line.startswith("Chain "))
    called = {head["name"] for head in heads if head is not None and head["policy"]}
    if "POSTROUTING" in called:
        return "mangle" if "FORWARD" in called else "nat"
    return "raw" if "PREROUTING" in called else "filter"


def tables(text: str, family: str, flavour: Flavour) -> list[RuleTable]:
    """``family``: ``ip`` or ``ip6``. Raises Unreadable."""
    bounds.check(text)
    name = _table_of(text)
    policies: dict[str, str] = {}
    rows: dict[str, list[str]] = {}
    chain, verbose, numbered = "", False, False
    for line in text.splitlines():
        head = _CHAIN.fullmatch(line.strip())
        heading = _HEADING.fullmatch(line)
        if head is not None:
            chain = head["name"]
            policies[chain], rows[chain] = head["policy"] or "-", []
        elif heading is not None:
            verbose, numbered = heading["verbose"] is not None, _NUMBERED.match(line) is not None
        elif line.strip() and not line.startswith(("#", "Warning", "WARNING")):
            if not chain:
                raise Unreadable(f"a line that iptables -L does not print: {bounds.quoted(line[:80])}")
            rows[chain].append(line)
            bounds.check_number(sum(map(len, rows.values())) if len(rows[chain]) % 1_000 == 0 else 0)
    reader = _Reader(policies, name, verbose=verbose, skipped=int(numbered) + 2 * verbose)
    chains = {each: Chain(each, tuple(reader.rules(some)), reader.base(each)) for each, some in rows.items()}
    return [RuleTable("ip6" if family == "ip6" else "ip", name, flavour, chains)]


class _Reader:
    """``skipped``: columns before the target."""

    def __init__(self, policies: dict[str, str], table: str, *, verbose: bool, skipped: int) -> None:
        self._policies = policies
        self._table = table
        self._verbose = verbose
        self._skipped = skipped

    def base(self, name: str) -> Base | None:
        return xtables.base(self._table, name, self._policies.get(name, "-"))

    def rules(self, rows: list[str]) -> Iterator[Rule]:
        for position, line in enumerate(rows, 1):
            told = bounds.quoted(line)
            try:
                words = Words(self._words(line))
                words.read(self._policies)
            except (ValueError, IndexError):
                yield Rule(position, told, (Condition("entry"),), "unclear")
                continue
            hidden = () if self._verbose else (Condition("packet"),)
            for action in words.actions:
                yield Rule(position, told, (*words.conditions, *hidden), action, words.target)

    def _words(self, line: str) -> list[str]:
        """As iptables-save has them. Raises ValueError, IndexError."""
        columns = line.split()[self._skipped :]
        ends = map(_is_network, columns)
        at = next((i for i, (one, other) in enumerate(itertools.pairwise(ends)) if one and other), 0)
        if at < 1 + 2 * self._verbose:
            raise ValueError("a row without addresses")
        left = columns[: at - 2] if self._verbose else columns[:at]
        fragments = left[-1] in _OPTS and left.pop() != "--"
        *target, protocol = left
        if len(target) > 1:
            raise ValueError("more columns than there are")
        found = [*_option("-p", protocol), *_option("-s", columns[at]), *_option("-d", columns[at + 1])]
        if self._verbose:
            found += [*_option("-i", columns[at - 2]), *_option("-o", columns[at - 1])]
        found += ["-f"] if fragments else []
        return found + _extended(" ".join(columns[at + 2 :]), target[0] if target else "")


def _extended(text: str, target: str) -> list[str]:
    """Matches and the target with its arguments."""
    found: list[str] = []
    goto = text.startswith("[goto]")
    rest = text.removeprefix("[goto]").strip()
    if rest.count("*/") > 1:  # a comment may look like the end of one, and like what comes behind it
        found, rest = ["-m", _NOT_KNOWN], ""
    while rest:
        for form, words in _MATCHES:
            match = form.match(rest)
            if match is not None:
                found += words(match)
                rest = rest[match.end() :].strip()
                break
        else:
            if not _ARGUMENTS.match(rest):
                found += ["-m", _NOT_KNOWN]
            break
    if not target:
        return found
    return [*found, "-g" if goto else "-j", target, *_told(target, rest)]


def _told(target: str, rest: str) -> list[str]:
    """Arguments that decide what the target does."""
    if target == "CT":
        if rest == "CT notrack" or rest.startswith("NOTRACK"):
            return ["--notrack"]
        return [] if re.fullmatch(r"CT (?:helper|timeout) \S+", rest) else ["--zone"]
    if target == "CONNMARK":
        return ["--restore-mark"] if rest.startswith("CONNMARK restore") else []
    return []


def _option(name: str, value: str) -> list[str]:
    bare = value.removeprefix("!")
    if bare in _ANY and bare == value:
        return []
    return ["!", name, bare] if bare != value else [name, bare]


def _is_network(text: str) -> bool:
    """Whether it is an address, with a mask or without."""
    bare = text.removeprefix("!").partition("/")[0]
    if "." not in bare and ":" not in bare:
        return False
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True
