"""The connection tracker of one namespace as a value: packets in, what becomes of them out.

A model of ``nf_conntrack_in`` (``net/netfilter/nf_conntrack_core.c``) and of the protocols' own rules, by
kernel profile, held against a running kernel packet by packet (``tests/kernel/test_tracker*.py``). Not
modelled: NAT, helpers, expectations, offload, SYN proxies, and packets that rules drop before their
entry is confirmed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi
from halftrack.tcp import ancient, connections, rules
from halftrack.tcp.entry import Connection
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.settings import Rulebook, Settings
from halftrack.tcp.table import ACK, ILLEGAL, ORIGINAL, REPLY, SYN

if TYPE_CHECKING:
    from collections.abc import Hashable

    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.segments import Segment
    from halftrack.tcp.settings import Policy

# What rules see of a packet (``ct state``), or that they never see it.
INVALID: Final = "invalid"
NEW: Final = "new"
ESTABLISHED: Final = "established"
UNTRACKED: Final = "untracked"
DROPPED: Final = "dropped"

_REFUSED: Final = frozenset(
    (
        rules.SEQ_TOO_HIGH,
        rules.ACK_TOO_HIGH,
        rules.RST_STALE,
        rules.OUT_OF_PLACE,
        rules.ILLEGAL,
        rules.BROKEN,
        rules.NOT_AN_OPENING,
        rules.NOT_PICKED_UP,
    )
)
"""Events of invalid packets. Late segments are, too, where the profile does not tolerate them."""


class Step(NamedTuple):
    """What became of one packet.

    ``event``: of ``rules.EVENTS``. ``old``, ``new``: TCP states (uapi.TCP_CONNTRACK_*) before and after,
    NONE where there is no entry. ``verdict``: what ``ct state`` matches, or DROPPED. ``timeout``: seconds
    that the entry was given, None: it keeps what it had. ``rule``: of ``rules.TIMEOUTS``, what chose
    that. ``expired_s``: for how long the entry that this packet belonged to had run out; None where
    there was none.
    """

    event: str
    old: int
    new: int
    verdict: str
    timeout: int | None
    rule: str | None
    expired_s: float | None = None


class Tracker:
    """Entries of one namespace.

    ``settings`` may be replaced at any time: what it changes applies from the next packet on.
    ``limit``: most entries, None: as many as come (``nf_conntrack_max``).
    """

    def __init__(
        self, profile: Profile = PRESENT, settings: Settings | None = None, limit: int | None = None
    ) -> None:
        self.limit = limit
        self._book = Rulebook(profile, Settings() if settings is None else settings)
        self._tcp: dict[tuple[Hashable, Hashable], Connection] = {}
        self._count = 0

    @property
    def settings(self) -> Settings:
        return self._book.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._book = replace(self._book, settings=settings)

    def __len__(self) -> int:
        """Entries, those that have run out and were not collected among them, as in the kernel's count."""
        return self._count

    def connection(self, source: Hashable, target: Hashable) -> Connection | None:
        """The TCP entry between two ends, by whichever end; it may have run out."""
        return self._tcp.get((source, target))

    def tcp(
        self,
        now: float,
        source: Hashable,
        target: Hashable,
        segment: Segment,
        *,
        policy: Policy | None = None,
        broken: bool = False,
    ) -> Step:
        """Track one TCP segment.

        ``now``: seconds, never less than before. ``source``, ``target``: its ends, whatever names them
        (an address with a port), not the same. ``policy``: what rules attach to a new entry.
        ``broken``: the segment is truncated, or its checksum is wrong and is looked at.
        """
        entry = self._tcp.get((source, target))
        illegal = rules.BROKEN if broken else rules.ILLEGAL if self._is_illegal(segment) else None
        old, expired = uapi.TCP_CONNTRACK_NONE, None
        if entry is not None:
            if entry.deadline > now:
                old = entry.state
                if illegal:
                    return Step(illegal, old, old, INVALID, None, None)
                direction = ORIGINAL if entry.source == source else REPLY
                outcome = connections.advance(entry, self._book, now, direction, segment)
                if outcome[0] != rules.REOPENED:
                    return self._followed(entry, direction, old, outcome)
            else:
                expired = now - entry.deadline
            self._remove(entry)
        refused = illegal or self._unfit(segment)
        if refused:
            none = uapi.TCP_CONNTRACK_NONE
            return Step(refused, none, none, INVALID, None, None, expired)
        entry = Connection(source, target, now, policy)
        connections.begin(entry, self._book, segment)
        _, timeout, rule = connections.advance(entry, self._book, now, ORIGINAL, segment)
        if policy is not None and policy.by == "nft":
            timeout, rule = policy.tcp[uapi.TCP_CONNTRACK_SYN_SENT], rules.POLICY_START
            entry.deadline = now + timeout
        self._tcp[source, target] = self._tcp[target, source] = entry
        self._count += 1
        happened = rules.REOPENED if old else rules.OPENED if segment.event == SYN else rules.PICKED_UP
        return Step(happened, old, entry.state, NEW, timeout, rule, expired)

    def _is_illegal(self, segment: Segment) -> bool:
        if segment.event == ILLEGAL:
            return True
        return self._book.profile.counts_loose and ancient.is_illegal(segment.flags)

    def _unfit(self, segment: Segment) -> str | None:
        """Why a segment cannot begin an entry; None: it can."""
        if segment.event == SYN:
            return None
        if segment.event != ACK:
            return rules.NOT_AN_OPENING
        return None if self.settings.loose else rules.NOT_PICKED_UP

    def _followed(self, entry: Connection, direction: int, old: int, outcome: connections.Outcome) -> Step:
        happened, timeout, rule = outcome
        status = entry.status
        if happened in _REFUSED or (happened in connections.PASSED and not self._book.profile.tolerant):
            return Step(happened, old, old, INVALID, timeout, rule)
        verdict = ESTABLISHED
        if direction == REPLY:
            entry.status = status | uapi.IPS_SEEN_REPLY
        elif not status & uapi.IPS_SEEN_REPLY:
            verdict = NEW
        if happened == rules.OUT_OF_SYNC:
            verdict = DROPPED
        if happened in {rules.FORGOTTEN, rules.OUT_OF_SYNC}:
            self._remove(entry)
            return Step(happened, old, uapi.TCP_CONNTRACK_NONE, verdict, None, None)
        return Step(happened, old, entry.state, verdict, timeout, rule)

    def _remove(self, entry: Connection) -> None:
        del self._tcp[entry.source, entry.target]
        del self._tcp[entry.target, entry.source]
        self._count -= 1
