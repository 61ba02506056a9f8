"""The words of one iptables rule, as iptables-save prints them, as conditions and what is done.

Option names: iptables(8), iptables-extensions(8). Before 1.4.3 the ``!`` stood behind the option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from halftrack.evidence.rulesets import Action, Condition
from halftrack.formats.rules import numbers

_PACKET: Final = Condition("packet")
_ENTRY: Final = Condition("entry")

_ENDS: Final[Mapping[str, tuple[Action, ...]]] = {
    "ACCEPT": ("accept",),
    "DROP": ("drop",),
    "REJECT": ("drop",),
    "RETURN": ("return",),
    "DNAT": ("translate",),
    "SNAT": ("translate",),
    "MASQUERADE": ("translate",),
    "REDIRECT": ("translate",),
    "NETMAP": ("translate",),
    "SAME": ("translate",),
    "BALANCE": ("translate",),
    "NOTRACK": ("untrack",),
    "CONNSECMARK": ("mark-entry", "read-entry"),
}
_PASSING: Final = frozenset(
    {
        "AUDIT", "CHECKSUM", "CLASSIFY", "DSCP", "ECN", "HL", "IDLETIMER", "LED", "LOG", "MARK", "NFLOG",
        "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TOS", "TRACE", "TTL", "ULOG", "HMARK",
    }
)  # fmt: skip
"""Targets that a packet goes on from. Any in neither, and no chain of the table, is not understood."""
_NOTHING: Final = frozenset(
    {
        "tcp",
        "udp",
        "udplite",
        "sctp",
        "dccp",
        "multiport",
        "comment",
        "conntrack",
        "state",
        "connmark",
        "iprange",
    }
)
"""Matches of which only the options count."""
_LOOK_AT_PACKETS: Final = frozenset(
    {
        "addrtype", "ah", "bpf", "cgroup", "cpu", "devgroup", "dscp", "dst", "ecn", "esp", "eui64", "frag",
        "geoip", "hashlimit", "hbh", "hl", "icmp", "icmp6", "ipcomp", "ipv6header", "ipvs", "length",
        "limit", "mac", "mark", "nfacct", "nth", "osf", "owner", "physdev", "pkttype", "policy", "quota",
        "random", "realm", "recent", "rpfilter", "rt", "set", "socket", "statistic", "string", "tcpmss",
        "time", "tos", "ttl", "u32", "unclean",
    }
)  # fmt: skip
"""Matches that look at the packet or at the node, never at an entry. Not known: may look at one."""
_OPENING: Final = 23  # FIN, SYN, RST, ACK
_SYN: Final = 2
_WHOLE: Final = 0xFFFFFFFF
_SIDES: Final[Mapping[str, str]] = {
    "-s": "saddr", "--source": "saddr", "--src": "saddr", "--src-range": "saddr",
    "-d": "daddr", "--destination": "daddr", "--dst": "daddr", "--dst-range": "daddr",
    "--sport": "sport", "--source-port": "sport", "--sports": "sport", "--source-ports": "sport",
    "--dport": "dport", "--destination-port": "dport", "--dports": "dport", "--destination-ports": "dport",
    "-i": "in", "--in-interface": "in", "-o": "out", "--out-interface": "out",
}  # fmt: skip

_OF_ADDRESS_TYPES: Final = frozenset({"--src-type", "--dst-type", "--limit-iface-in", "--limit-iface-out"})


@dataclass(slots=True)
class Words:
    """A rule under way: its words from left to right, and what they came to."""

    words: list[str]
    at: int = 0
    conditions: list[Condition] = field(default_factory=list)
    actions: tuple[Action, ...] = ()
    target: str = ""

    def read(self, chains: Mapping[str, object]) -> None:
        """Raises ValueError, IndexError where the words are not understood."""
        while self.at < len(self.words):
            negated = self._negated()
            word = self._next()
            if word in {"-j", "--jump", "-g", "--goto"}:
                self._goes(self._next(), chains, goto=word in {"-g", "--goto"})
                break  # the rest are the target's own
            self._option(word, negated=negated)

    def _option(self, word: str, *, negated: bool) -> None:
        if word in {"-m", "--match"}:
            self._match(self._next())
        elif word in _SIDES:
            negated |= self._negated()
            self._side(_SIDES[word], self._next(), negated=negated)
        elif word == "--mark" and self._module() == "connmark":
            self._mark(negated=negated | self._negated())
        elif word in _READERS:
            _READERS[word](self, negated=negated | self._negated())
        elif word.startswith("--ct") or word in {"--ports", "-f", "--fragment"}:
            self.conditions.append(_ENTRY if word.startswith("--ct") else _PACKET)
            self._skip()
        elif word.startswith("-") and self._module():
            self._skip()  # of a match that is not understood anyway
        else:
            raise ValueError(f"{word} is not understood")

    def _match(self, name: str) -> None:
        if name not in _NOTHING:
            self.conditions.append(_PACKET if name in _LOOK_AT_PACKETS else _ENTRY)
        if name == "addrtype":
            self._address_type()

    def protocol(self, *, negated: bool) -> None:
        name = self._next()
        if name not in {"all", "0"}:
            number = numbers.protocol(name)
            self.conditions.append(Condition("protocol", ((number, number),), negated=negated))

    def tcp_flags(self, *, negated: bool) -> None:
        self.conditions.append(Condition("flags", ((self._flags(), self._flags()),), negated=negated))

    def syn(self, *, negated: bool) -> None:
        self.conditions.append(Condition("flags", ((_OPENING, _SYN),), negated=negated))

    def _mark(self, *, negated: bool) -> None:
        told, _, bits = self._next().partition("/")
        whole = numbers.hexadecimal(bits) if bits else _WHOLE
        marked = (whole, numbers.hexadecimal(told))
        self.conditions.append(Condition("ct-mark", (marked,), negated=negated))

    def comment(self, *, negated: bool) -> None:  # noqa: ARG002  # like the other readers
        self._next()

    def _module(self) -> str:
        """The match that the next options belong to: the one named last."""
        for at in range(self.at - 1, 0, -1):
            if self.words[at - 1] in {"-m", "--match"}:
                return self.words[at]
        return ""

    def _side(self, side: str, value: str, *, negated: bool) -> None:
        if side in {"in", "out"}:
            name = f"{value[:-1]}*" if value.endswith("+") else value
            self.conditions.append(Condition(side, words=frozenset({name}), negated=negated))  # type: ignore[arg-type]  # of _SIDES
            return
        read = _ports if side.endswith("port") else _addresses
        ranges = tuple(read(each) for each in value.split(","))
        self.conditions.append(Condition(side, ranges, negated=negated))  # type: ignore[arg-type]  # likewise

    def states(self, *, negated: bool) -> None:
        words = frozenset(self._next().lower().split(","))
        self.conditions.append(Condition("state", words=words, negated=negated))

    def _address_type(self) -> None:
        """``--dst-type LOCAL`` alone is understood."""
        rest = self.words[self.at : self.at + 5]
        negated = rest[:1] == ["!"]
        told = rest[negated : negated + 2]
        more = [word for word in rest[negated + 2 :] if word != "!"]
        ends = not more or (more[0].startswith("-") and more[0] not in _OF_ADDRESS_TYPES)
        if told in (["--dst-type", "LOCAL"], ["--src-type", "LOCAL"]) and ends:
            self.conditions.pop()
            side = "daddr" if told[0] == "--dst-type" else "saddr"
            self.conditions.append(Condition("local", words=frozenset({side}), negated=negated))
            self.at += negated + 2

    def _goes(self, target: str, chains: Mapping[str, object], *, goto: bool) -> None:
        rest = self.words[self.at :]
        if target in chains:
            self.actions, self.target = ("goto" if goto else "jump",), target
        elif target == "CT":
            self.actions = (
                ("untrack",) if "--notrack" in rest else ("unclear",) if "--zone" in " ".join(rest) else ()
            )
        elif target == "CONNMARK":
            self.actions = ("read-entry",) if "--restore-mark" in rest else ("mark-entry",)
        else:
            self.actions = () if target in _PASSING else _ENDS.get(target, ("unclear",))

    def _flags(self) -> int:
        bits = 0
        for each in self._next().split(","):
            bits |= numbers.flag(each)
        return bits

    def _negated(self) -> bool:
        if self.words[self.at] == "!":
            self.at += 1
            return True
        return False

    def _next(self) -> str:
        self.at += 1
        return self.words[self.at - 1]

    def _skip(self) -> None:
        """The values of an option that is not understood: up to the next option."""
        while self.at < len(self.words) and not self.words[self.at].startswith("-"):
            if (
                self.words[self.at] == "!"
                and self.words[self.at + 1 : self.at + 2]
                and self.words[self.at + 1].startswith("-")
            ):
                return
            self.at += 1


_READERS: Final = {
    "-p": Words.protocol,
    "--protocol": Words.protocol,
    "--state": Words.states,
    "--ctstate": Words.states,
    "--tcp-flags": Words.tcp_flags,
    "--syn": Words.syn,
    "--comment": Words.comment,
}


def _ports(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    first = numbers.port(low) if low else 0
    return first, (numbers.port(high) if high else 0xFFFF) if colon else first


def _addresses(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    if dash:
        return numbers.address(low), numbers.address(high)
    return numbers.network(text)
