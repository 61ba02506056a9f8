"""Rules of a plan as writes: what nft or iptables of this node has to be given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.changes import spaces
from halftrack.changes.writes import Seen, nft, policy
from halftrack.changes.writes import iptables as xtables
from halftrack.errors import Incomplete, UnreadableInput
from halftrack.kernel import iptables
from halftrack.plans import rules
from halftrack.plans.actions import AddRules, Untracked
from halftrack.plans.words import Spelling

if TYPE_CHECKING:
    from halftrack.changes.spaces import Space
    from halftrack.changes.writes.kinds import AnyWrite
    from halftrack.plans.actions import TimeoutPolicy

_PLAIN: Final = Spelling({})
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def writes(action: AddRules) -> list[AnyWrite]:
    """In order; those that hold already are left out. Raises HalftrackError where they cannot be had."""
    space = spaces.find(action.where)
    try:
        wanted = _nft(space, action) if action.tool == "nft" else _iptables(space, action)
    except ValueError as error:
        raise UnreadableInput(f"not fit for a rule: {error}") from error
    missing: list[AnyWrite] = []
    for write in wanted:
        seen = write.look().seen
        if seen is Seen.OTHER:
            raise Incomplete(f"{write.title} is there already, and is another than planned")
        if seen is Seen.BEFORE:
            missing.append(write)
    return missing


def _nft(space: Space, action: AddRules) -> list[AnyWrite]:
    rule = action.rule
    name = _name(rule)
    if isinstance(rule, Untracked):
        _check_by_hand(rule, rules.to_accept(rule, _PLAIN))
        text, chains, timeouts = rules.nft_untracked(rule, name, _PLAIN)
    else:
        text, chains, timeouts = rules.nft_policy(rule, name, _PLAIN)
    objects = (*(("chain", one) for one in chains), *(("ct timeout", one) for one in timeouts))
    return [nft.plan(space, name, text, objects)]


def _check_by_hand(rule: Untracked, first: str) -> None:
    """Raise Incomplete where somebody else's chains have to let it pass first."""
    if first:
        raise Incomplete(
            f"first by hand: {first}; then plan notrack:service={rule.protocol}/{rule.port},"
            f"address={rule.address} again"
        )


def _iptables(space: Space, action: AddRules) -> list[AnyWrite]:
    rule = action.rule
    if isinstance(rule, Untracked):
        _check_by_hand(rule, rules.to_accept(rule, _PLAIN) if rule.by_hand else "")
        return _chains(space, rule.family, rules.iptables_untracked(rule, _chain(rule), _PLAIN))
    found: list[AnyWrite] = []
    times = rules.nfct_timeouts(rule)
    for family in rules.policy_families(rule):
        name = _policy(rule, family)
        found.append(
            policy.PolicyWrite(space=space, name=name, family=iptables.NUMBERS[family], timeouts=times)
        )
        found += _chains(space, family, rules.iptables_policy(rule, family, _chain(rule), name, _PLAIN))
    return found


def _chains(space: Space, family: str, loaded: rules.Restored) -> list[AnyWrite]:
    """A write for each table: what lets packets pass comes before what stops tracking."""
    kind: iptables.Family = "ip6" if family == "ip6" else "ip"
    flavour = spaces.call(space, lambda: iptables.flavour(kind))
    found: list[AnyWrite] = []
    for part in loaded.text.split("COMMIT"):
        text = part.strip()
        if text:
            found.append(xtables.plan(space, kind, flavour, loaded.chain, f"{text}\nCOMMIT\n"))
    return found


def _name(rule: Untracked | TimeoutPolicy) -> str:
    """Of its chains in nft: the same for the same rule."""
    what, protocol = ("notrack", rule.protocol) if isinstance(rule, Untracked) else ("timeout", "tcp")
    return f"{what}_{protocol}_{rule.port}_{_digest(rule)}"


def _chain(rule: Untracked | TimeoutPolicy) -> str:
    """At most 28 letters, as iptables has it."""
    protocol = rule.protocol if isinstance(rule, Untracked) else "tcp"
    return f"{xtables.PREFIX}{protocol}-{rule.port}-{_digest(rule)}"


def _policy(rule: TimeoutPolicy, family: str) -> str:
    """Three letters: the kernel tells iptables-legacy no more than four bytes of a policy's name.

    See ``usersize`` in net/netfilter/xt_CT.c; a longer one is lost at the next change of the table.
    """
    first, second = divmod(int(_digest(rule), 16) % (len(_LETTERS) ** 2), len(_LETTERS))
    return f"{_LETTERS[first]}{_LETTERS[second]}{'6' if family == 'ip6' else '4'}"


def _digest(rule: Untracked | TimeoutPolicy) -> str:
    """Of the rule itself; what others have to do for it beside is no part of it."""
    if isinstance(rule, Untracked):
        built = msgspec.to_builtins(rule)
        del built["by_hand"]
        return hashlib.sha256(msgspec.json.encode(built)).hexdigest()[:6]
    return hashlib.sha256(msgspec.json.encode(rule, order="deterministic")).hexdigest()[:6]
