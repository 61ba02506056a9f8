"""How the trackers of different kernels differ, as data: one profile per family of releases.

A profile is whole, unlike ``releases.Features``, which keeps what nobody compared as unknown: a tracker
has to decide about every packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.tcp import table

if TYPE_CHECKING:
    from halftrack.tcp.table import Table


@dataclass(frozen=True, slots=True)
class Profile:
    """What one family of kernels does; defaults are those of 6.18.

    ``table``: the transitions. ``unacknowledged``: data that nobody acknowledged shortens the timeout,
    and a RST older than what its receiver has acknowledged is invalid. ``clamps_one_sided``: so does
    ESTABLISHED without a reply. ``challenge_ack``: an ACK answering a SYN in LAST_ACK is no last ACK.
    ``exact_rst``: in an assured connection only a RST at exactly the expected number closes.
    ``rst_closes_timer``: every accepted RST brings the timeout of CLOSE. ``rst_unacknowledged``: one that
    does not close brings the one for unacknowledged data instead. ``zero_window``: a window of nothing
    shortens the timeout. ``simultaneous_open``: both sides' SYNs crossing are understood.
    ``syn_keeps_timer``: a repeated SYN does not prolong its entry. ``closing_takes_rst``: a connection
    that is closing takes any RST, and ``tcp_ignore_invalid_rst`` exists. ``rst_of_challenge``: a RST that
    answers a challenge ACK removes a SYN_SENT entry. ``rst_from_other``: one that answers an ignored SYN
    comes from the other side than that did. ``tolerant``: segments that come late or exceed the
    window a little are ignored, not invalid, and a FIN or RST out of window from either side shortens
    the timeout. ``reopens_by_syn``: only a SYN begins a side's windows anew. ``keeps_liberal``: so does
    getting in step with an ignored SYN, but liberal sides stay liberal. ``keepalive``: the answer to a
    keepalive at a picked-up connection fits.
    """

    name: str
    table: Table = table.MODERN
    unacknowledged: bool = True
    clamps_one_sided: bool = True
    challenge_ack: bool = True
    exact_rst: bool = True
    rst_closes_timer: bool = True
    rst_unacknowledged: bool = False
    zero_window: bool = True
    simultaneous_open: bool = True
    syn_keeps_timer: bool = True
    closing_takes_rst: bool = True
    rst_of_challenge: bool = True
    rst_from_other: bool = True
    tolerant: bool = True
    reopens_by_syn: bool = True
    keeps_liberal: bool = True
    keepalive: bool = True
    udp_waits: bool = True


PRESENT = Profile("6.18")
