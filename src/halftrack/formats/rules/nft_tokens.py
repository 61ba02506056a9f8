"""Words of ``nft list ruleset``, and the values, sets and maps that are written with them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

_TOKEN: Final = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<sign>==|!=|<=|>=|<<|>>|[{}(),;|&^<>=])|(?P<word>[^\s{}(),;|&^<>=!"]+)'
)
_SPACE: Final = re.compile(r"\s*")
_MOST_TOKENS: Final = 200_000
_DEEPEST: Final = 20
VERDICTS: Final = frozenset({"accept", "drop", "continue", "return", "notrack"})
_OF_ELEMENTS: Final = ("timeout", "expires", "comment")


class NotUnderstood(ValueError):
    """Words that are none of those known here."""


class Quoted(str):
    """What stood in quotes: never a number, a range or a word of nft's."""

    __slots__ = ()


def tokens(text: str) -> list[str]:
    """Raises NotUnderstood."""
    found: list[str] = []
    at = _end(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or len(found) >= _MOST_TOKENS:
            raise NotUnderstood(text[at : at + 20])
        quoted = match["quoted"]
        found.append(match[0] if quoted is None else Quoted(quoted))
        at = _end(text, match.end())
    return found


def _end(text: str, at: int) -> int:
    blank = _SPACE.match(text, at)
    return blank.end() if blank else at


class Words:
    """Words of a rule or of a set, read from the left. All raise NotUnderstood."""

    def __init__(self, found: list[str]) -> None:
        self._found = found
        self._at = 0
        self._deep = 0

    @property
    def left(self) -> bool:
        return self._at < len(self._found)

    def peek(self) -> str:
        """The next one; empty at the end, and for what stood in quotes."""
        word = self._found[self._at] if self.left else ""
        return "" if isinstance(word, Quoted) else word

    def next(self) -> str:
        if not self.left:
            raise NotUnderstood("it ends too early")
        self._at += 1
        return self._found[self._at - 1]

    def took(self, *words: str) -> bool:
        """Whether the next one is one of these; then it is passed."""
        if self.peek() not in words or not self.peek():
            return False
        self._at += 1
        return True

    def expect(self, *words: str) -> None:
        if not self.took(*words):
            raise NotUnderstood(self.peek())

    def value(self) -> Any:
        word = self.next()
        if not isinstance(word, Quoted):
            return meant(word)
        return {"range": [str(word), str(self.next())]} if self.took("-") else str(word)

    def bits(self) -> Any:
        """A value, or several joined to one by ``|``."""
        parts = [self.joined()]
        while self.took("|"):
            parts.append(self.joined())
        return parts[0] if len(parts) == 1 else {"|": parts}

    def joined(self) -> Any:
        parts = [self.value()]
        while self.took("."):
            parts.append(self.value())
        return parts[0] if len(parts) == 1 else {"concat": parts}

    def elements(self) -> list[Any]:
        """Of ``{ … }``: values, or pairs of a value and what it leads to."""
        self._deep += 1
        self.expect("{")
        found: list[Any] = []
        while not self.took("}"):
            if self._deep > _DEEPEST:
                raise NotUnderstood("sets within sets")
            key = self.bits()
            self._told_of_element()
            if self.took(":"):
                found.append([key, self._led_to()])
                self._told_of_element()
            else:
                found.append(key)
            if self.peek() != "}":
                self.expect(",")
        self._deep -= 1
        return found

    def _led_to(self) -> Any:
        word = self.peek()
        if word in VERDICTS:
            return {self.next(): None}
        if word in {"jump", "goto"}:
            return {self.next(): {"target": str(self.next())}}
        return self.joined()

    def _told_of_element(self) -> None:
        """Counters, times and comments of an element."""
        while True:
            if self.took(*_OF_ELEMENTS):
                self.next()
            elif self.took("counter"):
                self.counter()
            else:
                return

    def block(self) -> None:
        """Pass over ``{ … }``."""
        self.expect("{")
        deep = 1
        while deep:
            word = self.next()
            if not isinstance(word, Quoted):
                deep += (word == "{") - (word == "}")

    def counter(self) -> None:
        """Pass over what a counter shows, or its name."""
        if self.took("name"):
            self.next()
        elif self.took("packets"):
            self.value()
            self.expect("bytes")
            self.value()


def meant(word: str) -> Any:
    """A word as libnftables-json would have it: a number, a range, a prefix, else itself."""
    if word in {"exists", "missing"}:
        return word == "exists"
    if re.fullmatch(r"[0-9]{1,10}|0x[0-9a-f]{1,16}", word, re.ASCII):
        return int(word, 0) if word.startswith("0x") else int(word)
    low, dash, high = word.partition("-")
    if dash and _is_number(low) and _is_number(high):
        return {"range": [meant(low), meant(high)]}
    host, slash, length = word.partition("/")
    if slash and _is_number(host) and length.isdecimal() and length.isascii() and len(length) <= 3:
        return {"prefix": {"addr": host, "len": int(length)}}
    if word[:1] in {".", ":", "/", "!", "#"} and not _is_number(word):
        raise NotUnderstood(word)
    return word


def _is_number(word: str) -> bool:
    """Whether it is a number or an address."""
    if re.fullmatch(r"[0-9]{1,10}|0x[0-9a-f]{1,16}", word, re.ASCII):
        return True
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
