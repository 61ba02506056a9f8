"""The rules that the tracker decides by, each a slug with words that say what it means.

``EVENTS``: what became of a packet. ``TIMEOUTS``: which rule chose how long its entry lives on.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

OPENED: Final = "opened"
CONTINUED: Final = "continued"
PICKED_UP: Final = "picked-up"
REOPENED: Final = "reopened"
FOLLOWED: Final = "followed"
RESYNCED: Final = "resynced"
OUT_OF_SYNC: Final = "out-of-sync"
LIBERAL: Final = "liberal"
FORGOTTEN: Final = "forgotten"
RST_INEXACT: Final = "rst-inexact"
IGNORED: Final = "ignored"
CHALLENGED: Final = "challenge-ack"
SEQ_EXCEEDS: Final = "seq-exceeds"
SEQ_TOO_LOW: Final = "seq-too-low"
ACK_TOO_LOW: Final = "ack-too-low"
SEQ_TOO_HIGH: Final = "seq-too-high"
ACK_TOO_HIGH: Final = "ack-too-high"
RST_STALE: Final = "rst-stale"
OUT_OF_PLACE: Final = "out-of-place"
ILLEGAL: Final = "illegal"
BROKEN: Final = "broken"
NOT_AN_OPENING: Final = "not-an-opening"
NOT_PICKED_UP: Final = "not-picked-up"
UNTRACKED: Final = "untracked"
TABLE_FULL: Final = "table-full"

IN_WINDOW: Final = FOLLOWED

BEGINNING: Final = frozenset((OPENED, PICKED_UP, REOPENED))
"""Events of packets that make an entry."""

EVENTS: Final = MappingProxyType(
    {
        OPENED: "a new entry, by its first packet",
        CONTINUED: "one more packet of a protocol without connections",
        PICKED_UP: "a new entry, by a packet in mid-stream whose connection was not known",
        REOPENED: "the closed entry was removed and this SYN begins a new one",
        FOLLOWED: "the packet fits; the entry follows it",
        RESYNCED: "the answer to a SYN that was ignored before: the entry begins again with the two",
        OUT_OF_SYNC: "the answer to a SYN that was ignored before: the entry was removed, the answer dropped",
        LIBERAL: "the packet fits no window, but windows are not enforced for its sender",
        FORGOTTEN: "the only answer is a RST: the entry was removed",
        RST_INEXACT: "a RST not at exactly the expected number: the state stays, the far end will tell",
        IGNORED: "let pass without effect: the far end will tell whether it is right",
        CHALLENGED: "an ACK that challenges a SYN, not the last one of the connection: without effect",
        SEQ_EXCEEDS: "let pass although it exceeds the offered window a little",
        SEQ_TOO_LOW: "sends again what was acknowledged long ago",
        ACK_TOO_LOW: "acknowledges what was acknowledged long ago",
        SEQ_TOO_HIGH: "lies beyond the window that was offered to its sender",
        ACK_TOO_HIGH: "acknowledges data that was not seen",
        RST_STALE: "a RST older than what its receiver has acknowledged",
        OUT_OF_PLACE: "a packet of this kind has no place in this state",
        ILLEGAL: "carries flags that exclude each other",
        BROKEN: "truncated, or with a wrong checksum",
        NOT_AN_OPENING: "belongs to no entry and cannot begin one",
        NOT_PICKED_UP: "belongs to no entry, and picking up is off (tcp_loose=0)",
        UNTRACKED: "exempt from tracking: by a rule, or as IPv6 neighbours talking",
        TABLE_FULL: "a new entry was needed and the table is full",
    }
)

RETRANSMITTED: Final = "retransmitted"
RESET: Final = "reset"
UNACKNOWLEDGED: Final = "unacknowledged"
ZERO_WINDOW: Final = "zero-window"
BY_STATE: Final = "state"
ONE_SIDED: Final = "one-sided"
OUT_OF_STEP: Final = "out-of-step"
POLICY_START: Final = "policy-start"
KEPT: Final = "kept"
STREAM: Final = "stream"
SINGLE: Final = "single"

TIMEOUTS: Final = MappingProxyType(
    {
        RETRANSMITTED: "the same packet came tcp_max_retrans times again: tcp_timeout_max_retrans",
        RESET: "a RST: tcp_timeout_close",
        UNACKNOWLEDGED: "data was sent that nobody has acknowledged: tcp_timeout_unacknowledged",
        ZERO_WINDOW: "the last window was nothing, or no packet ever fitted one: tcp_timeout_max_retrans",
        BY_STATE: "the timeout of the new state",
        ONE_SIDED: "established without a reply: at most tcp_timeout_unacknowledged",
        OUT_OF_STEP: "FIN or RST out of window from both sides: tcp_timeout_unacknowledged",
        POLICY_START: "the policy's timeout of SYN_SENT until the second packet, as nft attached it",
        KEPT: "not prolonged",
        STREAM: "an exchange: the stream timeout",
        SINGLE: "the protocol's timeout",
    }
)
