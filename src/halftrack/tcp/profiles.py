"""How the trackers of different kernels differ, as data: one profile per family of releases.

A profile is whole, unlike ``releases.Features``, which keeps what nobody compared as unknown: a tracker
has to decide about every packet. A release between two trees that were compared gets the older one's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from halftrack.tcp import releases, table

if TYPE_CHECKING:
    from halftrack.tcp.releases import Release, Vendor
    from halftrack.tcp.table import Table


@dataclass(frozen=True, slots=True)
class Profile:
    """What one family of kernels does; defaults are those of 6.18.

    ``trees``: the releases whose nf_conntrack_proto_tcp.c and nf_conntrack_proto_udp.c it was read from.

    ``table``: the transitions. ``unacknowledged``: data that nobody acknowledged shortens the timeout,
    and a RST older than what its receiver has acknowledged is invalid. ``clamps_one_sided``: ESTABLISHED
    without a reply lasts no longer than such data.

    RST: ``exact_rst``: in an assured connection only one at exactly the expected number closes.
    ``rst_closes_timer``: every accepted one brings the timeout of CLOSE. ``rst_unacknowledged``: one that
    does not close brings the one for unacknowledged data. ``closing_takes_rst``: a connection that is
    closing takes any, and ``tcp_ignore_invalid_rst`` exists. ``rst_of_challenge``: one that answers a
    challenge ACK removes a SYN_SENT entry. ``rst_from_other``: one that answers an ignored SYN comes from
    the other side than that did.

    Opening: ``challenge_ack``: an ACK answering a SYN in LAST_ACK is no last ACK. ``simultaneous_open``:
    both sides' SYNs crossing are understood. ``syn_keeps_timer``: a repeated SYN does not prolong.
    ``reopens_by_syn``: nothing but a SYN begins a side's windows anew. ``scale_by_answer``: a SYN that
    nobody answered does not decide about window scaling. ``keeps_liberal``: a side stays liberal where
    the entry gets in step with an ignored SYN.

    Windows: ``tolerant``: segments that come late or exceed the window a little are ignored, not
    invalid, and a FIN or RST out of window from either side shortens the timeout. ``one_way``: a side
    that offered no window yet bounds nothing. ``keepalive``: the answer to a keepalive at a picked-up
    connection fits. ``learns_peer``: a side that was not seen yet is known by what is acknowledged to it.
    ``empty_fits``: the sequence number of a segment without data is not looked at. ``raw_window``: windows
    are remembered as they stand in the header; scaled ones do not fit into what they are kept in.
    ``zero_window``: a window of nothing shortens the timeout.

    ``counts_loose``: the tracker of 2.6.18 (``ancient``). ``udp_waits``: a UDP exchange is a stream only
    once it has lasted two seconds.
    """

    name: str
    trees: str
    table: Table = table.MODERN
    unacknowledged: bool = True
    clamps_one_sided: bool = True
    exact_rst: bool = True
    rst_closes_timer: bool = True
    rst_unacknowledged: bool = False
    closing_takes_rst: bool = True
    rst_of_challenge: bool = True
    rst_from_other: bool = True
    challenge_ack: bool = True
    simultaneous_open: bool = True
    syn_keeps_timer: bool = True
    reopens_by_syn: bool = True
    scale_by_answer: bool = True
    keeps_liberal: bool = True
    tolerant: bool = True
    one_way: bool = True
    keepalive: bool = True
    learns_peer: bool = True
    empty_fits: bool = False
    raw_window: bool = True
    zero_window: bool = True
    counts_loose: bool = False
    udp_waits: bool = True


PRESENT: Final = Profile("6.1", trees="6.1, 6.14, 6.18, 7.0-rc; held against a running 6.18.44")
LATE_6_12: Final = replace(
    PRESENT, name="6.12", trees="6.12.117", rst_closes_timer=False, rst_unacknowledged=True
)
V5_15: Final = replace(
    PRESENT,
    name="5.15",
    trees="5.15, 5.18",
    tolerant=False,
    reopens_by_syn=False,
    scale_by_answer=False,
    rst_of_challenge=False,
)
V5_4: Final = replace(
    V5_15,
    name="5.4",
    trees="5.4.124, 5.10.13",
    closing_takes_rst=False,
    rst_from_other=False,
    syn_keeps_timer=False,
    keeps_liberal=False,
)
EL8: Final = replace(
    V5_4,
    name="el8",
    trees="4.18.0-394.el8",
    syn_keeps_timer=True,
    keeps_liberal=True,
    reopens_by_syn=True,
)
V4_9: Final = replace(
    V5_4,
    name="4.9",
    trees="4.9",
    exact_rst=False,
    rst_closes_timer=False,
    zero_window=False,
    simultaneous_open=False,
    keepalive=False,
    raw_window=False,
    udp_waits=False,
)
EL7: Final = replace(V4_9, name="el7", trees="3.10.0-514.el7, 3.10.0-1160.el7")
VIRTUOZZO_7: Final = replace(
    EL7,
    name="virtuozzo7",
    trees="vzkernel on top of 3.10.0-1160.el7",
    syn_keeps_timer=True,
    tolerant=True,
    reopens_by_syn=True,
    keeps_liberal=True,
    rst_of_challenge=True,
    keepalive=True,
    raw_window=True,
)
V3_18: Final = replace(V4_9, name="3.18", trees="3.18", challenge_ack=False)
V3_16: Final = replace(V3_18, name="3.16", trees="3.10.108, 3.16", table=table.BEFORE_3_18)
V3_2: Final = replace(
    V3_16, name="3.2", trees="3.2.40, 3.6 to 3.9.6, 3.10.4", clamps_one_sided=False, one_way=False
)
EL6: Final = replace(
    V3_2,
    name="el6",
    trees="2.6.32-042stab141.3, which is 2.6.32-754.el6",
    table=table.OF_2_6_32,
    clamps_one_sided=True,
    challenge_ack=True,
    learns_peer=False,
    empty_fits=True,
)
EL6_EARLY: Final = replace(
    EL6,
    name="el6-early",
    trees="042stab092.1 and 2.6.32-431.el6 as to the clamp, el6's as to the rest",
    clamps_one_sided=False,
)
V2_6_32: Final = replace(EL6_EARLY, name="2.6.32", trees="el6's, less what came later", challenge_ack=False)
V2_6_18: Final = replace(
    V2_6_32,
    name="2.6.18",
    trees="2.6.18-028stab056, 2.6.24",
    table=table.OF_2_6_18,
    unacknowledged=False,
    counts_loose=True,
)

ALL: Final = (
    PRESENT,
    LATE_6_12,
    V5_15,
    V5_4,
    EL8,
    V4_9,
    EL7,
    VIRTUOZZO_7,
    V3_18,
    V3_16,
    V3_2,
    EL6,
    EL6_EARLY,
    V2_6_32,
    V2_6_18,
)

_SINCE: Final = (
    ((6, 12, 117), LATE_6_12),
    ((6, 1, 0), PRESENT),
    ((5, 15, 0), V5_15),
    ((5, 4, 0), V5_4),
    ((4, 9, 0), V4_9),
    ((3, 18, 0), V3_18),
    ((3, 11, 0), V3_16),
    ((3, 2, 0), V3_2),
    ((2, 6, 31), V2_6_32),
    ((0, 0, 0), V2_6_18),
)
"""Upstream releases, newest first."""
_BY_VENDOR: Final[dict[Vendor, Profile]] = {
    "openvz5": V2_6_18,
    "el5": V2_6_18,
    "openvz6": EL6,
    "el6": EL6,
    "el7": EL7,
    "virtuozzo7": VIRTUOZZO_7,
    "el8": EL8,
}


def of(release: str | None) -> Profile:
    """The profile of a kernel by what ``uname -r`` prints; the present one where that says nothing."""
    parsed = releases.parse(release) if release else None
    if parsed is None:
        return PRESENT
    found = _BY_VENDOR.get(parsed.vendor) if parsed.vendor else None
    if found is EL6 and releases.features(release).clamps_one_sided is not True:
        return EL6_EARLY
    return found or _upstream(parsed)


def _upstream(release: Release) -> Profile:
    version = release.version
    if version[:2] == (3, 10) and version[2] >= 108:
        return V3_16
    for since, profile in _SINCE:
        # What came into 6.12.117 is not in later series.
        if version >= since and (profile is not LATE_6_12 or version[:2] == (6, 12)):
            return profile
    return V2_6_18
