"""One rule as ``nft list ruleset`` writes it, as the expressions of libnftables-json(5).

Only what decides how packets fare is told apart; arguments of translations, of logging and the like are
passed over. From what is not understood on, the rest of a rule is ``NOT_UNDERSTOOD``: whether it holds is
not known, and neither is what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from halftrack.formats.rules.nft_expressions import BITWISE, Expressions, begins
from halftrack.formats.rules.nft_tokens import VERDICTS, NotUnderstood, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_UNDERSTOOD: Final[tuple[dict[str, Any], ...]] = (
    {"match": {"op": "==", "left": {"not understood": None}, "right": None}},
    {"not understood": None},
)
_FLAGGED: Final = ({"ct": {"key": "state"}}, {"ct": {"key": "status"}}, {"ct": {"key": "label"}})
"""What is compared to bits where no operator is written."""
_TCP_FLAGS: Final = {"payload": {"protocol": "tcp", "field": "flags"}}
_OPERATORS: Final = frozenset({"==", "!=", "<", ">", "<=", ">="})
_LAST: Final = frozenset(
    {"snat", "dnat", "masquerade", "redirect", "reject", "queue", "tproxy", "synproxy", "flow", "fwd"}
)
"""Statements behind which the rest of a rule is their arguments."""
_LOGGED: Final = frozenset({"prefix", "level", "group", "snaplen", "queue-threshold"})
_OF_SET: Final = frozenset({"add", "update", "delete"})


def rule(text: str) -> list[Any]:
    """Expressions of a rule, without its comment and its handle."""
    found: list[Any] = []
    try:
        words = _Statements(tokens(text))
        while words.left:
            found += words.statement()
    except (NotUnderstood, RecursionError):
        found += NOT_UNDERSTOOD
    return found


class _Statements(Expressions):
    """Words of a rule. All raise NotUnderstood."""

    def statement(self) -> list[Any]:
        """Of none that decides anything: empty."""
        word = self.peek()
        if word in VERDICTS:
            return [{self.next(): None}]
        if word in {"jump", "goto"}:
            return [{self.next(): {"target": str(self.next())}}]
        if word in _LAST:
            self.next()
            self._at = len(self._found)
            return [{word: None}]
        passing = _PASSED.get(word)
        if passing is not None:
            self.next()
            passing(self)
            return [] if word == "comment" else [{word: None}]
        if word in _OF_SET:
            self.next()
            if not self.peek().startswith("@"):
                raise NotUnderstood(word)
            self.next()
            self.block()
            return [{"set": None}]
        return self._statement_about(word)

    def _statement_about(self, word: str) -> list[Any]:
        if word == "xt":
            self.next()
            kind = self.next()
            return [{"xt": {"type": str(kind), "name": str(self.next())}}]
        if word == "ct" and (named := self._of_ct()) is not None:
            return [named]
        left = self.expression()
        if self.took("vmap"):
            return [{"vmap": {"key": left, "data": self.right()}}]
        if self.took("set"):
            return [{"mangle": {"key": left, "value": self._value_of_set()}}]
        return [{"match": self._compared(left)}]

    def _of_ct(self) -> dict[str, Any] | None:
        """What is set by name: it begins like an expression."""
        follows = [*self._found[self._at + 1 : self._at + 3], "", ""]
        if follows[0] == "count":
            self._at += 2
            self.took("over")
            return {"ct count": {"val": self.value()}}
        if follows[0] in {"timeout", "helper", "expectation"} and follows[1] == "set":
            self._at += 3
            self.next()
            return {f"ct {follows[0]}": None}
        return None

    def _compared(self, left: Any) -> dict[str, Any]:
        op = self.next() if self.peek() in _OPERATORS else ""
        right = self.right()
        if self.took("/"):  # ``syn / fin,syn``: of these bits
            left, op = {"&": [left, self.right()]}, op or "=="
        if not op:
            bits = left in _FLAGGED or left == _TCP_FLAGS
            op = "in" if bits and not (isinstance(right, dict) and "set" in right) else "=="
        return {"op": op, "left": left, "right": right}

    def _value_of_set(self) -> Any:
        """Of ``… set VALUE``."""
        first = self._operand()
        while self.peek() in BITWISE:
            first = {BITWISE[self.next()]: [first, self._operand()]}
        if self.took("map"):
            return {"map": {"key": first, "data": self.right()}}
        return first

    def _operand(self) -> Any:
        if self.took("("):
            inner = self._value_of_set()
            self.expect(")")
            return inner
        return self.expression() if begins(self.peek()) else self.joined()


def _log(words: _Statements) -> None:
    while True:
        if words.took(*_LOGGED):
            words.next()
        elif words.took("flags"):
            if words.took("tcp", "ip"):
                words.next()
                while words.took(","):
                    words.next()
            else:
                words.expect("all", "skuid", "ether")
        else:
            return


def _limit(words: _Statements) -> None:
    if words.took("name"):
        words.next()
        return
    words.expect("rate")
    words.took("over")
    words.next()
    if "/" in words.peek():
        words.next()
    if words.took("burst"):
        words.next()
        words.expect("packets", "bytes", "kbytes", "mbytes")


def _quota(words: _Statements) -> None:
    if words.took("name"):
        words.next()
        return
    words.took("over", "until")
    for _ in range(1 + words.took("used")):
        words.next()
        words.expect("bytes", "kbytes", "mbytes")
        if words.took("used"):
            words.next()
            words.expect("bytes", "kbytes", "mbytes")


def _meter(words: _Statements) -> None:
    words.next()
    if words.took("size"):
        words.next()
    words.block()


def _last(words: _Statements) -> None:
    words.expect("used")
    words.next()


def _comment(words: _Statements) -> None:
    words.next()


_PASSED: Final[dict[str, Callable[[_Statements], None]]] = {
    "counter": _Statements.counter,
    "log": _log,
    "limit": _limit,
    "quota": _quota,
    "meter": _meter,
    "last": _last,
    "comment": _comment,
}
"""Statements with arguments of their own, that do nothing to the packet or may not hold."""
