"""Steps of a plan as calls of the script's functions: one shell function for each call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import KINDS
from halftrack.evidence.sysctls import LEGACY_PREFIX, PREFIX
from halftrack.evidence.values import OWN
from halftrack.plans import rules, words
from halftrack.plans.actions import (
    AddRules,
    ByHand,
    Drain,
    Persist,
    SetBuckets,
    SetSysctl,
    Untracked,
)
from halftrack.plans.lasting import together
from halftrack.plans.script import filters
from halftrack.plans.words import quoted

if TYPE_CHECKING:
    from halftrack.plans.actions import Selection, TimeoutPolicy, Where
    from halftrack.plans.document import Plan
    from halftrack.plans.rules import Restored
    from halftrack.plans.words import Spelling

_LOOSE: Final = (f"{PREFIX}tcp_loose", f"{LEGACY_PREFIX}tcp_loose")
_TENS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Calls:
    """Collects the shell functions of all parts, and which files of functions they need.

    ``numbers``: part to how many calls it has; ``families``: variable to ``ip`` or ``ip6``.
    """

    plan: Plan
    spelling: Spelling
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    bodies: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    families: dict[str, str] = field(default_factory=dict)
    _rules: int = 0
    _names: set[str] = field(default_factory=set)
    _at_boot: list[str] = field(default_factory=list)

    def add_all(self) -> None:
        """Raises ValueError where a name, an address or a value of the plan is none."""
        for part in self.numbers:
            actions = [action for step in self.plan.steps if step.kind == part for action in step.actions]
            for action in actions:
                if not isinstance(action, Persist):
                    self._add(part, action)
            lasting = [action for action in actions if isinstance(action, Persist)]
            if lasting:
                self._persist(part, together(lasting))

    def _add(self, part: str, action: SetSysctl | SetBuckets | AddRules | Drain | ByHand) -> None:
        where = None if isinstance(action, SetBuckets | ByHand) else _nowhere(action)
        if where is not None:
            what = f"the change in the network namespace {where}: the plan does not know where that is"
            self._bare(part, "not_here", quoted(what))
            return
        match action:
            case SetSysctl():
                self._setting(part, action)
            case SetBuckets():
                before = "" if action.before is None else words.value(str(action.before))
                self._call(part, "buckets", quoted(before), quoted(words.new_value(str(action.after))))
                self.needs.add("buckets")
            case AddRules():
                self._add_rules(part, action)
            case Drain():
                self._drain(part, action)
            case ByHand():
                self._bare(part, "by_hand", quoted(action.manager), *(quoted(line) for line in action.lines))

    def _next(self, part: str) -> tuple[str, str]:
        """The next function's name and step's name of a part."""
        self.numbers[part] += 1
        return f"{part}_{self.numbers[part]}", f"{part}.{self.numbers[part]}"

    def _call(self, part: str, function: str, *arguments: str, before: str = "") -> None:
        name, step = self._next(part)
        self.bodies.append(
            f"{name}() {{\n{before}    {' '.join((function, _OPERATION, step, *arguments))}\n}}"
        )

    def _bare(self, part: str, function: str, *arguments: str) -> None:
        """A call of a function that keeps nothing."""
        name, _ = self._next(part)
        self.bodies.append(f"{name}() {{ {' '.join((function, _OPERATION, *arguments))}; }}")

    def _setting(self, part: str, action: SetSysctl) -> None:
        if action.name in _LOOSE and action.after == "0" and any(s.kind == "clear" for s in self.plan.steps):
            self._bare(part, "cleared_first")
            self.needs.add("order")
        other = ""
        for known, elsewhere in ((PREFIX, LEGACY_PREFIX), (LEGACY_PREFIX, PREFIX)):
            if action.name.startswith(known):
                other = words.sysctl_path(elsewhere + action.name.removeprefix(known))
        self._call(
            part,
            "setting",
            *_where(action.where),
            quoted(words.sysctl(action.name)),
            quoted(words.sysctl_path(action.name)),
            quoted(other),
            quoted("" if action.before is None else words.value(action.before)),
            quoted(words.new_value(action.after)),
        )
        self.needs.add("settings")

    def _add_rules(self, part: str, action: AddRules) -> None:
        self._rules += 1
        rule = action.rule
        if rule.address is not None:
            family = rule.family if isinstance(rule, Untracked) else rules.policy_families(rule)[0]
            self._use(rule.address, family)
        if isinstance(rule, Untracked) and (rule.by_hand or (rule.accept and action.tool == "nft")):
            self._bare(part, "first_by_hand", words.double_quoted(rules.to_accept(rule, self.spelling)))
        if action.tool == "nft":
            self._nft(part, action.where, rule)
        elif isinstance(rule, Untracked):
            self._iptables(part, action.where, rules.iptables_untracked(rule, self._chain, self.spelling))
        else:
            for family in rules.policy_families(rule):
                self._iptables_policy(part, action.where, rule, family)

    @property
    def _chain(self) -> str:
        return f"halftrack-{self.plan.id}-{self._rules}"

    def _nft(self, part: str, where: Where, rule: Untracked | TimeoutPolicy) -> None:
        if isinstance(rule, Untracked):
            name = self._named("notrack", words.protocol(rule.protocol), words.port(rule.port))
            text, chains_of, timeouts = rules.nft_untracked(rule, name, self.spelling)
        else:
            name = self._named("timeout", "tcp", words.port(rule.port))
            text, chains_of, timeouts = rules.nft_policy(rule, name, self.spelling)
        self._call(
            part,
            "nft_rules",
            *_where(where),
            words.double_quoted(text),
            quoted(" ".join(chains_of)),
            quoted(" ".join(timeouts)),
        )
        self.needs.add("nft")
        if not where.path:
            self._at_boot.append(f"nft -f - <<'END'\n{text}\nEND")

    def _named(self, *parts: str) -> str:
        name = "_".join(parts)
        while name in self._names:
            name = f"{'_'.join(parts)}_{self._rules}"
            parts = (*parts, "x")
        self._names.add(name)
        return name

    def _iptables(self, part: str, where: Where, loaded: Restored, first: str = "") -> None:
        """``first``: what the boot script has to do before the rules can be loaded."""
        text = words.double_quoted(loaded.text)
        jumps = _quoted_lines(loaded.jump_lines)
        self._call(part, "iptables_rules", *_where(where), loaded.tool, loaded.chain, text, jumps)
        self.needs.add("iptables")
        if not where.path:
            test = f"{loaded.tool} -t raw -n -L {loaded.chain} >/dev/null 2>&1 ||"
            load = f"{loaded.tool}-restore -n <<'END'\n{loaded.text}\nEND"
            self._at_boot.append(f"{first}{test}\n{load}")

    def _iptables_policy(self, part: str, where: Where, rule: TimeoutPolicy, family: str) -> None:
        policy = f"h{_TENS[self._rules % len(_TENS)]}{'6' if family == 'ip6' else '4'}"
        inet = "inet6" if family == "ip6" else "inet"
        times = rules.nfct_words(rule)
        self._call(part, "timeout_policy", *_where(where), policy, inet, quoted(times))
        self.needs.add("policies")
        loaded = rules.iptables_policy(rule, family, self._chain, policy, self.spelling)
        add = f"nfct get timeout {policy} >/dev/null 2>&1 || nfct add timeout {policy} {inet} tcp {times}\n"
        self._iptables(part, where, loaded, add)

    def _persist(self, part: str, action: Persist) -> None:
        self.needs |= {"files", "boot"}
        settings = [
            quoted(f"{words.sysctl(name)}={words.new_value(value)}")
            for name, value in action.settings.items()
        ]
        if action.module:
            self._call(part, "module_at_boot")
        if settings:
            self._call(part, "settings_at_boot")
            self._call(part, "drop_in", *settings)
        if action.hashsize is not None:
            self._call(part, "hashsize_at_boot", quoted(words.new_value(str(action.hashsize))))
        if action.rules and self._at_boot:
            text = "\n".join(("#!/bin/sh", *self._at_boot))
            self._call(part, "rules_at_boot", words.double_quoted(text))

    def _drain(self, part: str, action: Drain) -> None:
        if not action.selections:
            what = f"entries of {' '.join(action.filter)}: conntrack(8) has no filter for them"
            self._bare(part, "not_here", quoted(what))
        certain = [selection for selection in action.selections if not filters.may_be_opening(selection)]
        for selection in certain:
            self._selection(part, action, selection)
        wanted = action.expected or sum(selection.entries for selection in action.selections)
        rest = wanted - sum(selection.entries for selection in certain)
        if action.selections:
            self.needs.add("entries")
        if action.selections and rest > 0:
            self._bare(part, "left_to_time", quoted(str(rest)))

    def _selection(self, part: str, action: Drain, chosen: Selection) -> None:
        self._use(chosen.address, "ip6" if chosen.family == "ipv6" else "ip")
        options = filters.options(chosen, self.spelling)
        values = filters.values(chosen, action.seconds)
        sockets, inode = _where(chosen.sockets)
        before = " ".join(f"{name}={quoted(value)}" for name, value in values.items())
        before = f"    {before} sockets={sockets} sockets_inode={inode}\n"
        self._call(part, "entries", *_where(action.where), *options, before=before)

    def _use(self, address: str, family: str) -> None:
        name = self.spelling.variable(address)
        if name is not None and self.families.setdefault(name, family) != family:
            raise ValueError(f"{address} stands for addresses of both families")


_OPERATION: Final = '"$1"'


def _quoted_lines(text: str) -> str:
    """Several lines of our own making in one word."""
    return f"'{text}'"


def _nowhere(action: SetSysctl | AddRules | Drain) -> str | None:
    """The name of a namespace that the action needs and nothing leads to."""
    places = [action.where]
    if isinstance(action, Drain):
        places += [chosen.sockets for chosen in action.selections]
    return next((w.netns for w in places if w.path is None and w.netns not in OWN), None)


def _where(where: Where) -> tuple[str, str]:
    """The namespace's path and inode, quoted; both empty for the one in which the script runs."""
    if where.path is None:
        return quoted(""), quoted("")
    return quoted(words.path(where.path)), quoted("" if where.inode is None else str(where.inode))
