"""What one packet does to a TCP entry.

Source: ``tcp_new``, ``nf_conntrack_tcp_packet`` and ``nf_tcp_handle_invalid`` in
``net/netfilter/nf_conntrack_proto_tcp.c``. The entry is changed in place; what it came to is an
``Outcome``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import (
    IP_CT_TCP_FLAG_BE_LIBERAL,
    IP_CT_TCP_FLAG_CLOSE_INIT,
    IP_CT_TCP_FLAG_SACK_PERM,
    IPS_ASSURED,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    TCP_CONNTRACK_CLOSE,
    TCP_CONNTRACK_ESTABLISHED,
    TCP_CONNTRACK_FIN_WAIT,
    TCP_CONNTRACK_LAST_ACK,
    TCP_CONNTRACK_SYN_RECV,
    TCP_CONNTRACK_SYN_SENT,
    TCP_CONNTRACK_SYN_SENT2,
    TCP_CONNTRACK_TIME_WAIT,
)
from halftrack.tcp import ancient, lifetimes, resets, rules, window
from halftrack.tcp.entry import EXP_CHALLENGE_ACK, SIMULTANEOUS_OPEN
from halftrack.tcp.options import opening
from halftrack.tcp.table import ACK, FIN, IGNORE, INVALID, ORIGINAL, REPLY, RST, SYN, SYNACK

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.segments import Segment
    from halftrack.tcp.settings import Rulebook

Outcome = tuple[str, int | None, str | None]
"""The event, and the seconds that the entry was given with the rule that chose them, None: none."""

_PICKED_UP_FLAGS: Final = IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_BE_LIBERAL
_LIVELY_S: Final = 120
"""A timeout below this is not shortened by what is out of step."""
PASSED: Final = frozenset((rules.SEQ_EXCEEDS, rules.SEQ_TOO_LOW, rules.ACK_TOO_LOW))
"""Broken bounds that are ignored where the profile is tolerant; all others are invalid."""


def begin(entry: Connection, book: Rulebook, segment: Segment) -> None:
    """Set up an entry by its first packet, a SYN or one that is picked up in mid-stream."""
    side = entry.original
    side.td_end = segment.end
    side.td_maxwin = segment.window or 1
    if segment.event == SYN:
        side.td_maxend = segment.end
        window.announce(side, segment.options)
    else:
        side.td_maxend = (segment.end + side.td_maxwin) & window.MASK
        side.flags = entry.reply.flags = _PICKED_UP_FLAGS
    if book.profile.counts_loose:
        ancient.pick_up(entry, 0 if segment.event == SYN else book.settings.loose)


def advance(  # noqa: C901, PLR0911, PLR0912  # the kernel's cases, in the kernel's order
    entry: Connection, book: Rulebook, now: float, direction: int, segment: Segment
) -> Outcome:
    """Follow one packet. ``REOPENED``, ``FORGOTTEN`` and ``OUT_OF_SYNC`` say: remove the entry."""
    profile, event = book.profile, segment.event
    old = entry.state
    new = profile.table[direction][event][old]
    happened = rules.FOLLOWED
    judged = True
    if new == TCP_CONNTRACK_SYN_SENT and old >= TCP_CONNTRACK_TIME_WAIT:
        if profile.counts_loose:
            reopened = ancient.may_reopen(entry, direction, segment.seq)
            return rules.REOPENED if reopened else rules.OUT_OF_PLACE, None, None
        if _may_reopen(entry, direction):
            return rules.REOPENED, None, None
        new = IGNORE
    if new == IGNORE:
        if (
            event == SYNACK
            and entry.last_index == SYN
            and entry.last_dir != direction
            and segment.ack == entry.last_end
        ):
            if profile.counts_loose:
                return rules.OUT_OF_SYNC, None, None
            _resync(entry, profile, direction)
            old, new, happened = TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_SYN_RECV, rules.RESYNCED
        else:
            _remember(entry, profile, direction, segment)
            return rules.IGNORED, None, None
    elif new == INVALID:
        return rules.OUT_OF_PLACE, None, None
    elif new == TCP_CONNTRACK_TIME_WAIT:
        if old == TCP_CONNTRACK_LAST_ACK and event == ACK and _is_challenge(entry, profile, direction):
            entry.last_flags &= ~EXP_CHALLENGE_ACK
            return rules.CHALLENGED, None, None
    elif new == TCP_CONNTRACK_SYN_SENT2:
        entry.last_flags |= SIMULTANEOUS_OPEN
    elif new == TCP_CONNTRACK_SYN_RECV:
        if (
            direction == REPLY
            and event == ACK
            and profile.simultaneous_open
            and entry.last_flags & SIMULTANEOUS_OPEN
        ):
            new = TCP_CONNTRACK_ESTABLISHED
    elif new == TCP_CONNTRACK_CLOSE and event == RST:
        found = resets.judge(entry, book, direction, segment)
        if found == resets.STALE:
            return rules.RST_STALE, None, None
        judged = not found & resets.UNSEEN
        if found & resets.INEXACT:
            new, happened = old, rules.RST_INEXACT

    if judged:
        broken = (
            ancient.judge(entry, direction, segment)
            if profile.counts_loose
            else window.judge(entry, profile, direction, segment)
        )
        if broken != rules.IN_WINDOW:
            sender = entry.reply if direction else entry.original
            if not (book.settings.liberal or sender.flags & IP_CT_TCP_FLAG_BE_LIBERAL):
                return _refuse(entry, book, now, direction, event, broken=broken)
            happened = rules.LIBERAL

    entry.last_index = event
    if not profile.counts_loose:
        entry.last_dir = direction
    entry.state = new
    if new != old and (
        new == TCP_CONNTRACK_FIN_WAIT or (profile.counts_loose and new == TCP_CONNTRACK_CLOSE)
    ):
        (entry.reply if direction else entry.original).flags |= IP_CT_TCP_FLAG_CLOSE_INIT
    return _prolong(entry, book, now, direction, event, old=old, happened=happened)


def _prolong(
    entry: Connection, book: Rulebook, now: float, direction: int, event: int, *, old: int, happened: str
) -> Outcome:
    """Give an entry that has followed its packet its time, and its status."""
    profile, settings = book.profile, book.settings
    timeouts = entry.policy.tcp if entry.policy else settings.tcp
    timeout, rule = lifetimes.choose(entry, profile, timeouts, settings.max_retrans, event)
    new = entry.state
    status = entry.status
    if not status & IPS_SEEN_REPLY:
        if event == RST:
            return rules.FORGOTTEN, None, None
        if event == SYN and old == TCP_CONNTRACK_SYN_SENT and profile.syn_keeps_timer:
            return happened, None, rules.KEPT
        if new == TCP_CONNTRACK_ESTABLISHED and profile.clamps_one_sided:
            timeout, rule = lifetimes.clamp(timeouts, timeout, rule)
    elif (
        not status & IPS_ASSURED
        and new == TCP_CONNTRACK_ESTABLISHED
        and (old in (TCP_CONNTRACK_SYN_RECV, TCP_CONNTRACK_ESTABLISHED))
    ):
        entry.status = status | IPS_ASSURED
    if direction == ORIGINAL:
        entry.packets_original += 1
    else:
        entry.packets_reply += 1
    if status & IPS_FIXED_TIMEOUT:
        return happened, None, rules.KEPT
    entry.deadline = now + timeout
    return happened, timeout, rule


def _may_reopen(entry: Connection, direction: int) -> bool:
    """Only what a side began to close, or what this very side has reset."""
    if (entry.original.flags | entry.reply.flags) & IP_CT_TCP_FLAG_CLOSE_INIT:
        return True
    return entry.last_dir == direction and entry.last_index == RST


def _is_challenge(entry: Connection, profile: Profile, direction: int) -> bool:
    return (
        profile.challenge_ack
        and entry.last_dir != direction
        and entry.last_index == SYN
        and bool(entry.last_flags & EXP_CHALLENGE_ACK)
    )


def _resync(entry: Connection, profile: Profile, direction: int) -> None:
    """Believe the SYN that was ignored, as this packet answers it."""
    opener, answerer = (entry.original, entry.reply) if direction == REPLY else (entry.reply, entry.original)
    opener.td_end = opener.td_maxend = entry.last_end
    opener.td_maxwin = entry.last_win or 1
    opener.td_scale = entry.last_wscale
    entry.last_flags &= ~EXP_CHALLENGE_ACK
    opener.flags = entry.last_flags
    answerer.forget()
    if not profile.keeps_liberal:
        answerer.flags = 0


def _remember(entry: Connection, profile: Profile, direction: int, segment: Segment) -> None:
    """Keep of an ignored packet what its answer will be held against."""
    event = segment.event
    entry.last_index = event
    entry.last_dir = direction
    entry.last_seq = segment.seq
    entry.last_end = segment.end
    entry.last_win = segment.window
    if event == SYN and direction == ORIGINAL:
        entry.last_wscale, entry.last_flags = opening(segment.options)
        if entry.state == TCP_CONNTRACK_LAST_ACK and profile.challenge_ack:
            entry.last_flags |= EXP_CHALLENGE_ACK
    elif (
        event == ACK
        and direction == REPLY
        and profile.rst_of_challenge
        and entry.state == TCP_CONNTRACK_SYN_SENT
    ):
        entry.last_ack = segment.ack


def _refuse(
    entry: Connection, book: Rulebook, now: float, direction: int, event: int, *, broken: str
) -> Outcome:
    """Leave an entry as it is; but once both sides want to close out of step, let it go sooner."""
    if not book.profile.tolerant or broken in PASSED or event not in (FIN, RST):
        return broken, None, None
    if not entry.status & IPS_ASSURED or entry.status & IPS_FIXED_TIMEOUT:
        return broken, None, None
    if entry.last_dir == direction or entry.last_index not in (FIN, RST):
        entry.last_index = event
        entry.last_dir = direction
        return broken, None, None
    timeouts = entry.policy.tcp if entry.policy else book.settings.tcp
    shorter = lifetimes.unacknowledged(timeouts)
    left = entry.deadline - now
    if left < _LIVELY_S or left <= shorter:
        return broken, None, None
    entry.deadline = now + shorter
    return broken, shorter, rules.OUT_OF_STEP
