"""What a step of a plan does to the system: small values that say what is there and what will be.

They hold no code: who carries them out, looks first whether ``before`` is still what is there.
``before`` None: the plan was made where that could not be seen; it is read and said before the
change, and undone to what was read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from halftrack.evidence.values import HOST

Tool = Literal["nft", "iptables"]
"""``iptables`` stands for whichever of its two flavours holds the node's rules."""
Mode = Literal["retime", "delete"]


class _Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", omit_defaults=True):
    """Built by keyword; ``action`` is its name in JSON."""


class Where(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network namespace: its name in the plan, and what tells it from another of that name.

    ``inode`` and ``path`` are those of the running node at the time of the plan; None where the
    plan was made from a file.
    """

    netns: str = HOST
    path: str | None = None
    inode: int | None = None


class SetSysctl(_Action, frozen=True, kw_only=True, tag="sysctl"):
    """``name``: the full sysctl, dotted. Values are as the kernel prints them."""

    where: Where = Where()
    name: str
    before: str | None = None
    after: str


class SetBuckets(_Action, frozen=True, kw_only=True, tag="buckets"):
    """The size of the hash, one for the whole node (module parameter ``hashsize``)."""

    before: int | None = None
    after: int


class AcceptIn(msgspec.Struct, frozen=True, kw_only=True):
    """A chain of somebody else's that has to let a service's packets pass, both directions or one.

    ``tool``: what its owner inserts a rule with. ``family``: of an nft table.
    """

    tool: Literal["nft", "iptables", "ip6tables", "firewalld"]
    family: Literal["ip", "ip6", "inet"] = "inet"
    table: str
    chain: str
    towards: bool = True
    back: bool = True


class Untracked(msgspec.Struct, frozen=True, kw_only=True, tag="notrack", tag_field="rule"):
    """No entries for a service: packets to and from its port, at the raw priority.

    ``address``: the server's, as text, or the name of a plan's variable (``$ADDR_1``).
    ``accept``: filter chains (INPUT, OUTPUT, FORWARD) that must let both directions pass without
    connection state, before tracking stops; empty where the ruleset does so already. ``by_hand``: chains
    that must, too, and in which no rule of ours can do it.
    """

    protocol: str
    port: int
    address: str
    family: Literal["ip", "ip6"] = "ip"
    accept: tuple[str, ...] = ()
    by_hand: tuple[AcceptIn, ...] = ()


class TimeoutPolicy(msgspec.Struct, frozen=True, kw_only=True, tag="timeout", tag_field="rule"):
    """Other timeouts for new connections of a TCP port. ``timeouts``: state's name to seconds.

    ``address``: of one server alone; None: of the port wherever it is. ``published``: ports under
    which the service is reached before translation, for rules that stand in front of it.
    """

    port: int
    timeouts: dict[str, int]
    address: str | None = None
    published: tuple[int, ...] = ()


class AddRules(_Action, frozen=True, kw_only=True, tag="rules"):
    """Rules of our own: for nft in the table ``inet halftrack``, for iptables in chains of our own."""

    where: Where = Where()
    tool: Tool = "nft"
    rule: Untracked | TimeoutPolicy


class Persist(_Action, frozen=True, kw_only=True, tag="persist"):
    """What was changed holds over a reboot: files of our own, written last, and only when it is kept.

    ``settings``: full sysctl to value, for our drop-in. ``module``: the tracker's module has to be
    loaded before they are applied. ``rules``: our table or chains come back by a unit of ours.
    """

    settings: dict[str, str] = {}
    module: bool = False
    rules: bool = False
    hashsize: int | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one filter of conntrack(8) selects, for a node where nothing else can drain.

    ``address_at`` and ``port_at``: where in an entry they stand. ``entries``: those meant, ``others``:
    those that the filter selects besides, when the plan was made; with any, or where something alive
    has come under it, each entry is looked at again and taken out alone. ``proof``: what is looked at;
    for ``no-socket`` in ``sockets``, the namespace of the end that has the service. ``silent`` entries
    are only given less time, those with less left than ``silent_below_s``. ``longest_s``: what the
    last of them has left.
    """

    family: Literal["ipv4", "ipv6"] = "ipv4"
    protocol: str
    state: str | None = None
    address_at: Literal["orig_src", "orig_dst", "reply_src", "reply_dst"]
    address: str
    port_at: Literal["orig_sport", "orig_dport", "reply_sport", "reply_dport"] | None = None
    port: int | None = None
    entries: int
    others: int = 0
    proof: Literal["unanswered", "no-socket", "silent"]
    sockets: Where = Where()
    silent_below_s: int | None = None
    longest_s: int | None = None


class Drain(_Action, frozen=True, kw_only=True, tag="drain"):
    """Entries re-timed or removed: those that match when it happens, not those that matched in the plan.

    ``filter``: words of the filter language, ``expected`` how many matched at the time of the plan.
    ``seconds``: what each is left at most; what may live is never left less than 7,440 s.
    ``selections``: the same for conntrack(8); empty where it cannot tell these entries from others.
    """

    where: Where = Where()
    filter: tuple[str, ...]
    mode: Mode = "retime"
    seconds: int = 60
    expected: int | None = None
    selections: tuple[Selection, ...] = ()


class ByHand(_Action, frozen=True, kw_only=True, tag="by-hand"):
    """Somebody else's setting (``manager``): nothing is done; these lines are for its owner.

    ``settings``: the same as sysctls, where it is about sysctls of the node.
    """

    manager: str
    lines: tuple[str, ...]
    settings: tuple[SetSysctl, ...] = ()


Action = SetSysctl | SetBuckets | AddRules | Persist | Drain | ByHand
