"""The connection tracker of one namespace as a value: packets in, what becomes of them out.

A model of ``nf_conntrack_in`` (``net/netfilter/nf_conntrack_core.c``) and of the protocols' own rules, by
kernel profile, held against a running kernel packet by packet (``tests/kernel/test_tracker*.py``); the
profiles of other kernels were only read from their trees. Not modelled: NAT, helpers, expectations,
offload, SYN proxies, ICMP errors (which belong to the entry of the packet they quote and leave it as it
is), and packets that rules drop before their entry is confirmed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi
from halftrack.tcp import ancient, connections, datagrams, rules
from halftrack.tcp.entries import Entries
from halftrack.tcp.entry import Connection, Exchange
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.settings import Rulebook, Settings
from halftrack.tcp.table import ACK, ILLEGAL, ORIGINAL, REPLY, SYN

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator

    from halftrack.tcp.connections import Outcome
    from halftrack.tcp.entry import Entry
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.segments import Segment
    from halftrack.tcp.settings import Policy

# What rules see of a packet (``ct state``), or that they never see it.
INVALID: Final = "invalid"
NEW: Final = "new"
ESTABLISHED: Final = "established"
UNTRACKED: Final = "untracked"
DROPPED: Final = "dropped"

_REFUSED: Final = frozenset((rules.SEQ_TOO_HIGH, rules.ACK_TOO_HIGH, rules.RST_STALE, rules.OUT_OF_PLACE))
"""Events of invalid packets. Late segments are, too, where the profile does not tolerate them."""
_REMOVING: Final = frozenset((rules.FORGOTTEN, rules.OUT_OF_SYNC))
_NONE: Final = uapi.TCP_CONNTRACK_NONE


class Step(NamedTuple):
    """What became of one packet.

    ``event``: of ``rules.EVENTS``. ``old``, ``new``: TCP states (uapi.TCP_CONNTRACK_*) before and after,
    NONE where there is no entry or the protocol has none. ``verdict``: what ``ct state`` matches, or
    DROPPED. ``timeout``: seconds that the entry was given, None: it keeps what it had. ``rule``: of
    ``rules.TIMEOUTS``, what chose that. ``expired_s``: for how long the entry that this packet belonged
    to had run out; None where there was none.
    """

    event: str
    old: int
    new: int
    verdict: str
    timeout: int | None
    rule: str | None
    expired_s: float | None = None


EXEMPT: Final = Step(rules.UNTRACKED, _NONE, _NONE, UNTRACKED, None, None)
"""Of a packet that rules exempt from tracking (``notrack``), which no tracker has to be asked about."""


class Tracker:
    """Entries of one namespace.

    Ends are whatever names them, the same for a packet and its answer: an address with a port, for
    protocols without ports an address. ``settings`` may be replaced at any time: what it changes applies
    from the next packet on. ``limit``: most entries (``nf_conntrack_max``), None: as many as come.
    """

    def __init__(
        self, profile: Profile = PRESENT, settings: Settings | None = None, limit: int | None = None
    ) -> None:
        self._book = Rulebook(profile, Settings() if settings is None else settings)
        self._entries = Entries(limit)

    @property
    def settings(self) -> Settings:
        return self._book.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._book = replace(self._book, settings=settings)

    def __len__(self) -> int:
        """Entries, those that have run out and were not collected among them, as in the kernel's count."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def made(self) -> int:
        """How many entries were made so far; the ``serial`` of the latest."""
        return self._entries.made

    @property
    def connections(self) -> Collection[Connection]:
        """The TCP entries, oldest first, those that have run out and were not collected among them."""
        return self._entries.connections.values()

    @property
    def exchanges(self) -> Collection[Exchange]:
        """Likewise all others."""
        return self._entries.exchanges.values()

    def adopt(self, entry: Entry) -> None:
        """Hold an entry as it stands, as if its packets had been seen; there is none between its ends."""
        if isinstance(entry, Exchange):
            self._entries.add_exchange(entry)
        elif isinstance(entry, Connection):
            self._entries.add_connection(entry)

    def collect(self, now: float) -> int:
        """Remove what has run out, as the kernel does by and by; how many that were."""
        return self._entries.collect(now)

    def connection(self, source: Hashable, target: Hashable) -> Connection | None:
        """The TCP entry between two ends, by whichever end; it may have run out."""
        return self._entries.tcp.get((source, target))

    def exchange(self, l4proto: int, source: Hashable, target: Hashable) -> Exchange | None:
        """The entry of ``datagram`` between two ends, by whichever end; it may have run out."""
        return self._entries.others.get((l4proto, source, target))

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

        ``now``: seconds, never less than before. ``source``, ``target``: its ends, not the same.
        ``policy``: what rules attach to a new entry. ``broken``: the segment is truncated, or its
        checksum is wrong and is looked at.
        """
        entry = self._entries.tcp.get((source, target))
        illegal = rules.BROKEN if broken else rules.ILLEGAL if self._is_illegal(segment) else None
        old, expired = _NONE, None
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
            self._entries.remove(entry)
        if not self._entries.has_room(now):
            return Step(rules.TABLE_FULL, _NONE, _NONE, DROPPED, None, None, expired)
        refused = illegal or self._unfit(segment)
        if refused:
            return Step(refused, _NONE, _NONE, INVALID, None, None, expired)
        made = Connection(source, target, now, policy)
        connections.begin(made, self._book, segment)
        _, timeout, rule = connections.advance(made, self._book, now, ORIGINAL, segment)
        if policy is not None and policy.by == "nft":
            timeout, rule = policy.tcp[uapi.TCP_CONNTRACK_SYN_SENT], rules.POLICY_START
            made.deadline = now + timeout
        self._entries.add_connection(made)
        happened = rules.REOPENED if old else rules.OPENED if segment.event == SYN else rules.PICKED_UP
        return Step(happened, old, made.state, NEW, timeout, rule, expired)

    def datagram(
        self,
        now: float,
        l4proto: int,
        source: Hashable,
        target: Hashable,
        *,
        policy: Policy | None = None,
        broken: bool = False,
    ) -> Step:
        """Track one packet of UDP, GRE, or any protocol that the kernel knows nothing special about.

        Raises ValueError for protocols that have states of their own, see ``datagrams``, and for ICMP.
        """
        if l4proto in datagrams.WITH_RULES:
            raise ValueError(f"protocol {l4proto} has rules of its own")
        return self._exchange(
            now, (l4proto, source, target), (l4proto, target, source), policy, broken=broken
        )

    def icmp(
        self,
        now: float,
        source: Hashable,
        target: Hashable,
        kind: int,
        *,
        ident: Hashable = None,
        l4proto: int = uapi.IPPROTO_ICMP,
        policy: Policy | None = None,
    ) -> Step:
        """Track an ICMP or ICMPv6 request or its answer, no error.

        ``kind``: its type. ``ident``: its identifier and its code.
        """
        if l4proto == uapi.IPPROTO_ICMPV6 and kind in datagrams.ICMPV6_UNTRACKED:
            return EXEMPT
        other = datagrams.COUNTERPARTS[l4proto].get(kind)
        if other is None:
            return Step(rules.NOT_AN_OPENING, _NONE, _NONE, INVALID, None, None)
        key = (l4proto, source, target, kind, ident)
        begins = kind in datagrams.REQUESTS[l4proto]
        return self._exchange(now, key, (l4proto, target, source, other, ident), policy, begins=begins)

    def _exchange(
        self,
        now: float,
        key: tuple[Hashable, ...],
        reply_key: tuple[Hashable, ...],
        policy: Policy | None,
        *,
        begins: bool = True,
        broken: bool = False,
    ) -> Step:
        """Follow a packet with this tuple; ``reply_key``: the tuple of its answer."""
        entry = self._entries.others.get(key)
        expired = None
        if entry is not None and entry.deadline <= now:
            expired = now - entry.deadline
            self._entries.remove(entry)
            entry = None
        if entry is None and not self._entries.has_room(now):
            return Step(rules.TABLE_FULL, _NONE, _NONE, DROPPED, None, None, expired)
        if broken:
            return Step(rules.BROKEN, _NONE, _NONE, INVALID, None, None, expired)
        happened = rules.CONTINUED
        if entry is None:
            if not begins:
                return Step(rules.NOT_AN_OPENING, _NONE, _NONE, INVALID, None, None, expired)
            happened = rules.OPENED
            entry = Exchange(key, reply_key, now, policy)
            self._entries.add_exchange(entry)
        verdict = ESTABLISHED if entry.status & uapi.IPS_SEEN_REPLY or key != entry.key else NEW
        timeout, rule = datagrams.prolong(entry, self._book, now)
        if key == entry.key:
            entry.packets_original += 1
        else:
            entry.packets_reply += 1
            entry.status |= uapi.IPS_SEEN_REPLY
        return Step(happened, _NONE, _NONE, verdict, timeout, rule, expired)

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

    def _followed(self, entry: Connection, direction: int, old: int, outcome: Outcome) -> Step:
        happened, timeout, rule = outcome
        status = entry.status
        if happened in _REFUSED or (happened in connections.PASSED and not self._book.profile.tolerant):
            return Step(happened, old, old, INVALID, timeout, rule)
        verdict = ESTABLISHED
        if direction == REPLY:
            entry.status = status | uapi.IPS_SEEN_REPLY
        elif not status & uapi.IPS_SEEN_REPLY:
            verdict = NEW
        if happened in _REMOVING:
            self._entries.remove(entry)
            verdict = DROPPED if happened == rules.OUT_OF_SYNC else verdict
            return Step(happened, old, _NONE, verdict, None, None)
        return Step(happened, old, entry.state, verdict, timeout, rule)
