"""``iptables-save`` and ``ip6tables-save`` of every age as tables: iptables-save(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from halftrack.evidence.rulesets import Base, Chain, Condition, Flavour, Hook, Rule, RuleTable
from halftrack.formats.rules import bounds
from halftrack.formats.rules.bounds import Unreadable
from halftrack.formats.rules.xtables_match import Words

_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_COUNTERS: Final = re.compile(r"^\[[0-9]+:[0-9]+\] ")
HOOKS: Final[Mapping[str, Hook]] = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
_PRIORITIES: Final = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
"""NF_IP_PRI_* of include/uapi/linux/netfilter_ipv4.h."""
_NAT: Final = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}


def tables(text: str, family: str, flavour: Flavour) -> list[RuleTable]:
    """``family``: ``ip`` or ``ip6``. Raises Unreadable."""
    bounds.check(text)
    found: dict[str, _Table] = {}
    table: _Table | None = None
    number = 0
    for line in text.splitlines():
        if line.startswith("*"):
            table = found.setdefault(line[1:].strip(), _Table(line[1:].strip(), family))
        elif line.startswith(":") and table is not None:
            table.declare(line)
        elif line.startswith(("-A ", "[")) and table is not None:
            number += 1
            bounds.check_number(number)
            table.add(line)
        elif line.startswith("COMMIT"):
            table = None
        elif line.strip() and not line.startswith("#"):
            raise Unreadable(f"a line that iptables-save does not print: {bounds.quoted(line[:80])}")
    if table is not None:
        raise Unreadable("it ends in the middle of a table")
    return [each.made(flavour) for each in found.values()]


def base(table: str, chain: str, policy: str) -> Base | None:
    """Where a chain of a table is called from; None for one without a policy (``-``)."""
    hook = HOOKS.get(chain)
    if hook is None or policy == "-":
        return None
    priority = _NAT.get(hook, 0) if table == "nat" else _PRIORITIES.get(table, 0)
    return Base(hook, priority, "nat" if table == "nat" else "filter", policy != "DROP")


class _Table:
    """A table under way. All chains are declared before the first rule."""

    def __init__(self, name: str, family: str) -> None:
        self._name = name
        self._family = family
        self._policies: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def declare(self, line: str) -> None:
        words = line[1:].split()
        if words:
            self._policies[words[0]] = words[1] if len(words) > 1 else "-"

    def add(self, line: str) -> None:
        bare = _COUNTERS.sub("", line)
        words = bare.split(maxsplit=2)
        if len(words) > 1 and words[0] == "-A":
            self._lines.setdefault(words[1], []).append(bare)

    def made(self, flavour: Flavour) -> RuleTable:
        names = dict.fromkeys([*self._policies, *self._lines])
        chains = {
            name: Chain(name, tuple(self._rules(name)), base(self._name, name, self._policies.get(name, "-")))
            for name in names
        }
        return RuleTable("ip6" if self._family == "ip6" else "ip", self._name, flavour, chains)

    def _rules(self, name: str) -> Iterator[Rule]:
        for position, line in enumerate(self._lines.get(name, ()), 1):
            text = bounds.quoted(line)
            words = Words([_unquoted(each) for each in _WORD.findall(line)[2:]])
            try:
                words.read(self._policies)
            except (ValueError, IndexError):
                yield Rule(position, text, (Condition("entry"),), "unclear")
                continue
            for action in words.actions:
                yield Rule(position, text, tuple(words.conditions), action, words.target)


def _unquoted(word: str) -> str:
    """A word without its quotes; where it looks like an option and is none, it is made not to."""
    if not word.startswith('"'):
        return word
    bare = re.sub(r"\\(.)", r"\1", word[1:-1])
    return f" {bare}" if bare.startswith(("-", "!")) else bare
