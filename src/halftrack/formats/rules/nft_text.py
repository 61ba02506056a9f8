"""``nft list ruleset`` as the objects of libnftables-json(5), for who has no JSON of it.

So one reader understands both. What nft prints is one rule to a line; tables, chains and sets have a line at
their beginning and one at their end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from halftrack.formats.rules import bounds
from halftrack.formats.rules.bounds import Unreadable
from halftrack.formats.rules.nft_tokens import NotUnderstood, Words, tokens
from halftrack.formats.rules.nft_words import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_HANDLE: Final = re.compile(r"\s*# handle [0-9]{1,18}\s*$", re.ASCII)
_TABLE: Final = re.compile(r"table (?P<family>\w+) (?P<name>\S+) \{")
_INNER: Final = re.compile(r"(?P<kind>[a-z]+(?: [a-z]+)?) (?P<name>\S+) \{")
_BASE: Final = re.compile(
    r"type (?P<type>\w+) hook (?P<hook>\w+) (?:devices? .{1,2000} )?priority (?P<prio>[\w +-]{1,40});"
    r"(?: policy (?P<policy>\w+);)?"
)
_POLICY: Final = re.compile(r"policy (?P<policy>\w+);")
_PRIORITY: Final = re.compile(r"(?P<name>[a-z]+)?(?: ?(?P<sign>[+-])? ?(?P<number>[0-9]{1,9}))?", re.ASCII)
_NAMED: Final = {
    "raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100,
}  # fmt: skip
_OF_BRIDGE: Final = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
"""nft(8), standard priority names."""
_ALONE: Final = ("comment ", "flags ", "devices ", "device ")
"""Lines of tables and chains that are no rules."""


def objects(text: str) -> tuple[list[dict[str, Any]], dict[tuple[str, ...], str]]:
    """The objects, and each rule's own words by family, table, chain and handle. Raises Unreadable.

    Rules and sets also have their ``text``, whole.
    """
    bounds.check(text)
    reader = _Reader(text.splitlines())
    reader.read()
    return reader.objects, reader.texts


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = _told(lines)
        self.objects: list[dict[str, Any]] = []
        self.texts: dict[tuple[str, ...], str] = {}
        self._handle = 0

    def read(self) -> None:
        for line in self._lines:
            found = _TABLE.fullmatch(line)
            if found is None:
                raise Unreadable(f"a line outside of tables: {line[:40]!a}")
            family, name = found["family"], _bare(found["name"])
            self.objects.append({"table": {"family": family, "name": name}})
            self._table(family, name)

    def _table(self, family: str, table: str) -> None:
        for line in self._lines:
            if line == "}":
                return
            found = _INNER.fullmatch(line)
            if found is None:
                if not line.startswith(_ALONE):
                    raise Unreadable(f"a line of a table that is none of nft's: {line[:40]!a}")
            elif found["kind"] == "chain":
                self._chain(family, table, _bare(found["name"]))
            elif found["kind"] in {"set", "map"}:
                self._set(found["kind"], {"family": family, "table": table, "name": _bare(found["name"])})
            else:
                list(self._block())
        raise Unreadable("it ends within a table")

    def _chain(self, family: str, table: str, name: str) -> None:
        chain: dict[str, Any] = {"family": family, "table": table, "name": name}
        self.objects.append({"chain": chain})
        for line in self._lines:
            if line == "}":
                return
            base, policy = _BASE.fullmatch(line), _POLICY.fullmatch(line)
            if base is not None:
                prio = _priority(base["prio"], family)
                chain |= {"type": base["type"], "hook": base["hook"], "prio": prio}
                policy = base if base["policy"] else None
            if policy is not None:
                chain["policy"] = policy["policy"]
            elif base is None and not line.startswith(_ALONE):
                self._rule(line, family, table, name)
        raise Unreadable("it ends within a chain")

    def _rule(self, line: str, family: str, table: str, chain: str) -> None:
        parts, deep = [line], _depth(line)
        while deep > 0 and (more := next(self._lines, None)) is not None:
            parts.append(more)
            deep += _depth(more)
        line = " ".join(parts)
        self._handle += 1
        self.texts[family, table, chain, str(self._handle)] = bounds.quoted(line)
        made = {"family": family, "table": table, "chain": chain, "handle": self._handle, "expr": rule(line)}
        self.objects.append({"rule": made | {"text": line}})

    def _set(self, kind: str, made: dict[str, Any]) -> None:
        """One whose elements are not understood is not known at all."""
        text = made["text"] = " ".join(self._block())
        flags = re.search(r"(?:^|[;\s])flags ([a-z, ]{1,80})", text)
        changes = re.search(r"(?:^|\s)(?:timeout|size) \S+", text.partition("elements =")[0])
        made["flags"] = [*(flags[1].replace(" ", "").split(",") if flags else ()), *_timed(changes)]
        elements = text.partition("elements = ")[2]
        try:
            made["elem"] = Words(tokens(elements)).elements() if elements else []
        except (NotUnderstood, RecursionError):
            made["elem"] = None
        self.objects.append({kind: made})

    def _block(self) -> Iterator[str]:
        """Lines up to the end of what was begun."""
        deep = 1
        for line in self._lines:
            deep += _depth(line)
            if deep <= 0:
                return
            yield line
        raise Unreadable("it ends within a set")


def _timed(found: re.Match[str] | None) -> tuple[str, ...]:
    return ("timeout",) if found is not None and "timeout" in found[0] else ()


def _told(lines: list[str]) -> Iterator[str]:
    """Without indents, handles and what nft says of tables in comments."""
    for line in lines:
        bare = _HANDLE.sub("", line).strip()
        if bare and not bare.startswith("#"):
            yield bare


def _depth(line: str) -> int:
    """Braces opened and not closed in it; not those in quotes."""
    if "{" not in line and "}" not in line:
        return 0
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
    return bare.count("{") - bare.count("}")


def _bare(name: str) -> str:
    return name.strip('"')


def _priority(text: str, family: str) -> int:
    found = _PRIORITY.fullmatch(text.strip())
    names = _OF_BRIDGE if family == "bridge" else _NAMED
    if found is None or (found["name"] and found["name"] not in names):
        raise Unreadable(f"a priority that is none of nft's: {text[:20]!a}")
    number = int(found["number"] or 0) * (-1 if found["sign"] == "-" else 1)
    return names.get(found["name"] or "", 0) + number
