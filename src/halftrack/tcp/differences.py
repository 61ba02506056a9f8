"""What tells the trackers of different kernels apart, in words: one sentence for each field of a profile."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp import profiles, table

if TYPE_CHECKING:
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.table import Table

WORDS: Final = MappingProxyType(
    {
        "clamps_one_sided": "What is established without an answer gets no more than"
        " `tcp_timeout_unacknowledged`",
        "unacknowledged": "Data that nobody has acknowledged shortens the time; a RST older than what its"
        " receiver has acknowledged is invalid",
        "zero_window": "A window of nothing, or none ever seen, shortens the time to"
        " `tcp_timeout_max_retrans`",
        "exact_rst": "Of an assured connection only a RST at exactly the expected number is the end",
        "rst_closes_timer": "Every RST that is taken leaves `tcp_timeout_close`, whatever the state",
        "rst_unacknowledged": "A RST that does not end an established connection leaves"
        " `tcp_timeout_unacknowledged`",
        "closing_takes_rst": "A connection that is closing takes any RST; there is `tcp_ignore_invalid_rst`",
        "rst_of_challenge": "A RST that answers a challenging ACK ends a connection that was only asked for",
        "rst_from_other": "A RST answers an ignored SYN only if it comes from the other end",
        "challenge_ack": "An ACK that challenges a SYN of the client in LAST_ACK is not the last one",
        "simultaneous_open": "Two SYNs that cross lead to ESTABLISHED",
        "syn_keeps_timer": "A repeated SYN does not prolong the wait for an answer",
        "reopens_by_syn": "Only a SYN begins the windows of an end anew",
        "scale_by_answer": "A SYN that crosses another one does not yet decide about window scaling",
        "keeps_liberal": "An end whose windows are not enforced stays so when the entry begins again with an"
        " ignored SYN",
        "tolerant": "What comes late, or exceeds the window a little, is let pass and is not invalid; FIN or"
        " RST out of window from both ends shorten the time",
        "one_way": "An end that has offered no window yet bounds nothing",
        "keepalive": "The answer to a keepalive fits a connection that was picked up",
        "learns_peer": "An end that was not seen yet is known by what is acknowledged to it",
        "empty_fits": "The number of a segment without data is not looked at",
        "raw_window": "Repetitions are recognized in connections with scaled windows, too",
        "counts_loose": "`tcp_loose` is a count: so many packets of either end of a connection that was"
        " picked up may be anywhere",
        "udp_waits": "An exchange of UDP is a stream only after two seconds",
    }
)
"""By field of ``profiles.Profile``; of its transitions see ``transitions``."""
_EVENTS: Final = ("SYN", "SYN-ACK", "FIN", "ACK", "RST")


def holders(field: str) -> tuple[list[Profile], list[Profile]]:
    """The profiles that have this, and those that do not, newest first."""
    having = [profile for profile in profiles.ALL if getattr(profile, field)]
    return having, [profile for profile in profiles.ALL if profile not in having]


def tables() -> list[tuple[list[Profile], Table]]:
    """The transition tables that are not today's, each with the profiles that have it, newest first."""
    others: dict[Table, list[Profile]] = {}
    for profile in profiles.ALL:
        if profile.table != table.MODERN:
            others.setdefault(profile.table, []).append(profile)
    return [(holding, each) for each, holding in others.items()]


def transitions(other: Table) -> list[str]:
    """What a table has in the place of today's, as ``SYN of the other end in TIME_WAIT: invalid``."""
    found = []
    for direction, end in enumerate(("the original side", "the other end")):
        for event, name in enumerate(_EVENTS):
            now, then = table.MODERN[direction][event], other[direction][event]
            by_cell: dict[int, list[str]] = {}
            for state, cell in enumerate(then):
                if cell != now[state]:
                    by_cell.setdefault(cell, []).append(uapi.TCP_STATES[state])
            found += [
                f"{name} of {end} in {', '.join(states)}: {_cell(cell)}" for cell, states in by_cell.items()
            ]
    return found


def _cell(cell: int) -> str:
    return {table.INVALID: "invalid", table.IGNORE: "let pass without effect"}.get(cell) or uapi.TCP_STATES[
        cell
    ]
