"""What a rule of nft looks at: expressions of ``nft list ruleset`` as those of libnftables-json(5)."""

from __future__ import annotations

from typing import Any, Final

from halftrack.formats.rules.nft_tokens import NotUnderstood, Quoted, Words

_PAYLOADS: Final = frozenset(
    {
        "ip",
        "ip6",
        "tcp",
        "udp",
        "udplite",
        "sctp",
        "dccp",
        "th",
        "icmp",
        "icmpv6",
        "igmp",
        "ether",
        "vlan",
        "arp",
    }
    | {"esp", "ah", "comp"}
)
_BARE_META: Final = frozenset(
    {"iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup"}
)
_ARGUED: Final = frozenset({"ct", "fib", "numgen", "jhash", "symhash", "rt", "socket", "exthdr"})
"""Expressions with arguments of their own."""
_DIRECTIONS: Final = frozenset({"original", "reply"})
BITWISE: Final = {"&": "&", "|": "|", "^": "^", "<<": "<<", ">>": ">>", "and": "&", "or": "|", "xor": "^"}


class Expressions(Words):
    """Words of a rule. All raise NotUnderstood."""

    def expression(self) -> Any:
        """What is looked at: of the packet, the node or the entry."""
        parts = [self._masked()]
        while self.took("."):
            parts.append(self._masked())
        return parts[0] if len(parts) == 1 else {"concat": parts}

    def _masked(self) -> Any:
        found = self._selected()
        while self.peek() in BITWISE:
            sign = BITWISE[self.next()]
            if self.took("("):
                mask: Any = self.right()
                self.expect(")")
                mask = mask["|"] if isinstance(mask, dict) and "|" in mask else mask
            else:
                mask = self.value()
            found = {sign: [found, mask]}
        return found

    def _selected(self) -> Any:
        word = self.next()
        if isinstance(word, Quoted):
            raise NotUnderstood(word)
        if word == "tcp" and self.took("option"):
            return {"tcp option": {"name": str(self.next()), "field": str(self.next())}}
        if word in _PAYLOADS:
            return {"payload": {"protocol": word, "field": str(self.next())}}
        if word == "meta":
            return {"meta": {"key": str(self.next())}}
        if word in _BARE_META:
            return {"meta": {"key": word}}
        if word.startswith("@"):  # bits of the packet: ``@th,0,16``
            self.expect(",")
            offset = self.value()
            self.expect(",")
            return {"payload": {"base": word[1:], "offset": offset, "len": self.value()}}
        if word in _ARGUED:
            return {word: getattr(self, f"_{word}")()}
        raise NotUnderstood(word)

    def _ct(self) -> dict[str, Any]:
        word = str(self.next())
        if word not in _DIRECTIONS:
            return {"key": word}
        key = str(self.next())
        if key in {"ip", "ip6"}:
            key = f"{key} {self.next()}"
        return {"key": key, "dir": word}

    def _fib(self) -> dict[str, Any]:
        flags = [str(self.next())]
        while self.took("."):
            flags.append(str(self.next()))
        return {"result": str(self.next()), "flags": flags}

    def _jhash(self) -> dict[str, Any]:
        hashed = self.expression()
        self.expect("mod")
        found = {"expr": hashed, "mod": self.value()}
        while self.took("seed", "offset"):
            self.value()
        return found

    def _symhash(self) -> dict[str, Any]:
        self.expect("mod")
        found = {"mod": self.value()}
        if self.took("offset"):
            self.value()
        return found

    def _exthdr(self) -> dict[str, Any]:
        return {"name": str(self.next())}

    def _numgen(self) -> dict[str, Any]:
        kind = str(self.next())
        self.expect("mod")
        modulus = self.value()
        if self.took("offset"):
            self.value()
        return {"mode": kind, "mod": modulus}

    def _rt(self) -> dict[str, Any]:
        return {"key": str(self.next())}

    def _socket(self) -> dict[str, Any]:
        key = str(self.next())
        if key == "cgroupv2":
            self.expect("level")
            self.value()
        return {"key": key}

    def right(self) -> Any:
        """What an expression is compared to, or looked up in."""
        if self.peek() == "{":
            return {"set": self.elements()}
        first = self.bits()
        if self.peek() != ",":
            return first
        values = [first]
        while self.took(","):
            values.append(self.bits())
        return values


def begins(word: str) -> bool:
    """Whether an expression begins so, not a value."""
    return word in _PAYLOADS or word in _BARE_META or word == "meta" or word in _ARGUED
