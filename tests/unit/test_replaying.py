"""Frames of packets through the tracker: moments, sizes over time, ends, and what is kept of them."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from halftrack.evidence import addresses, packets, uapi
from halftrack.evidence.flows import SCHEMA
from halftrack.formats.pcap.reading import Capture
from halftrack.formats.sources import source
from halftrack.replaying import ends, passing, table
from halftrack.replaying.flows import Flow, parse
from halftrack.replaying.following import MOST, Following
from halftrack.replaying.timeline import MOST as POINTS
from halftrack.replaying.tracking import Replay
from halftrack.tcp import rules
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.settings import Settings
from halftrack.tcp.table import TH_ACK, TH_SYN
from unit import stories

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_CLIENT = addresses.parse("10.0.0.1")
_SERVER = addresses.parse("192.0.2.1")
_S = 1_000_000_000


def frame(at_s: Sequence[float], ports: Sequence[int], **columns: Any) -> pl.DataFrame:
    """TCP packets of one client's ports; SYNs unless it is said otherwise."""
    count = len(at_s)
    given = {
        "number": np.arange(1, count + 1),
        "at_ns": [round(at * _S) for at in at_s],
        "family": [uapi.AF_INET] * count,
        "l4proto": [uapi.IPPROTO_TCP] * count,
        "src_hi": [_CLIENT[0]] * count,
        "src_lo": [_CLIENT[1]] * count,
        "dst_hi": [_SERVER[0]] * count,
        "dst_lo": [_SERVER[1]] * count,
        "sport": list(ports),
        "dport": [80] * count,
        "length": [0] * count,
        "broken": [False] * count,
        "flags": [TH_SYN] * count,
        "seq": [1] * count,
        "ack": [0] * count,
        "window": [500] * count,
    }
    return packets.frame(given | columns)


def of_capture(data: bytes, **given: Any) -> Replay:
    replay = Replay(PRESENT, Settings(), **given)
    capture = Capture(source("-", io.BytesIO(data)))
    for each in capture.frames():
        replay.feed(each)
    replay.close(capture.tally.last_ns)
    return replay


def test_a_short_capture_has_a_point_a_second_and_one_at_its_end() -> None:
    replay = Replay(PRESENT, Settings())
    replay.feed(frame([0, 0.5, 1.5, 2.5], [1, 2, 3, 4]))
    end = replay.close()
    assert [(point.at_s, point.entries) for point in replay.timeline.points] == [(1, 2), (2, 3), (2.5, 4)]
    assert end is replay.timeline.points[-1]
    assert end.states == {uapi.TCP_CONNTRACK_SYN_SENT: 4}


@pytest.mark.parametrize("span_s", [59.9, 60.0, 61.0, 7_200.0, 432_000.5, 4e9])
def test_a_long_one_has_as_many_points_and_never_more(span_s: float) -> None:
    replay = Replay(PRESENT, Settings())
    moments = np.linspace(0, span_s, 500)
    replay.feed(frame(list(moments), [1 + number for number in range(500)]))
    replay.close()
    points = replay.timeline.points
    assert POINTS / 2 <= len(points) <= POINTS
    assert points[-1].at_s == pytest.approx(span_s)
    apart = {round(later.at_s - one.at_s, 6) for one, later in pairwise(points[:-1])}
    assert apart == {replay.timeline.interval_s}
    for point in points:
        begun = moments[moments < point.at_s] if point is not points[-1] else moments
        assert point.entries == int(((begun + 120) > point.at_s).sum())


def test_a_silence_of_days_is_no_work() -> None:
    replay = Replay(PRESENT, Settings())
    replay.feed(frame([0, 1, 4e9], [1, 2, 3]))
    replay.close()
    assert [point.entries for point in replay.timeline.points][-1] == 1
    assert len(replay.timeline.points) <= POINTS


def test_a_clock_that_goes_back_stands_still() -> None:
    replay = Replay(PRESENT, Settings())
    replay.feed(frame([10, 5, 12], [1, 2, 3]))
    replay.feed(frame([3, 13], [4, 5]))
    replay.close()
    assert replay.end_s == 3.0
    assert sorted(entry.created for entry in replay.tracker) == [0, 0, 2, 2, 3]


def test_what_is_kept_grows_with_what_is_there_and_not_with_the_packets() -> None:
    replay = Replay(PRESENT, Settings())
    for block in range(20):
        moments = 1_000.0 * block + np.arange(5_000) / 10
        replay.feed(frame(list(moments), range(1, 5_001)))
    assert replay.tracker.made == 100_000
    assert len(replay.tracker) <= 25_000
    assert len(replay.numbers) <= 25_000
    replay.close()
    assert len(replay.tracker) == len(replay.numbers) == replay.timeline.points[-1].entries


def test_a_table_of_all_protocols_has_the_schema_and_the_numbers_of_first_packets() -> None:
    replay = of_capture(
        stories.file(stories.founding(), stories.founding(ipv6=True), others=stories.datagrams(3.0))
    )
    flows = table.table(replay).frame
    assert dict(flows.schema) == dict(SCHEMA)
    assert flows["id"].to_list() == [16, 17, 13, 15]
    assert flows["family"].to_list() == [uapi.AF_INET, uapi.AF_INET6, uapi.AF_INET, uapi.AF_INET]
    assert flows["orig_packets"].to_list() == [2, 2, 1, 1]
    icmp = flows.row(3, named=True)
    assert (icmp["orig_type"], icmp["reply_type"], icmp["orig_icmp_id"], icmp["orig_sport"]) == (
        8,
        0,
        7,
        None,
    )
    assert flows["tcp_flags_orig"].to_list()[:2] == [0x0A, 0x0A]
    assert len(table.table(Replay(PRESENT, Settings()))) == 0


@pytest.mark.parametrize("address", ["10.1.2.3", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::", "::1"])  # noqa: S104  # no socket is bound
def test_ends_are_what_they_were_made_of(address: str) -> None:
    there = addresses.parse(address)
    one = ends.end(there, 65_535)
    assert ends.parts(one) == (there, 65_535)
    assert ends.text(one) == (f"[{address}]:65535" if ":" in address else f"{address}:65535")
    back = ends.columns([one, ends.end(_CLIENT, 1)], "src", "sport")
    assert [series[0] for series in back.values()] == [*there, 65_535]
    family = uapi.AF_INET6 if ":" in address else uapi.AF_INET
    row = frame([0], [65_535], src_hi=[there[0]], src_lo=[there[1]], family=[family])
    assert ends.of(row, "src", "sport") == [one]


def test_what_no_tracker_is_asked_about_is_counted() -> None:
    rows = frame(
        [0, 1, 2, 3],
        [1, 2, 80, 4],
        l4proto=[uapi.IPPROTO_SCTP, uapi.IPPROTO_DCCP, uapi.IPPROTO_TCP, uapi.IPPROTO_TCP],
        dst_lo=[_SERVER[1], _SERVER[1], _CLIENT[1], _SERVER[1]],
        outgoing=[False, False, False, True],
    )
    replay = Replay(PRESENT, Settings())
    replay.feed(rows)
    assert +replay.skipped == {passing.NOT_MODELLED: 2, passing.TO_ITSELF: 1}
    assert replay.events == {rules.OPENED: 1}
    incoming = Replay(PRESENT, Settings(), at="in")
    incoming.feed(rows)
    assert +incoming.skipped == {passing.NOT_MODELLED: 2, passing.TO_ITSELF: 1, passing.OTHER_WAY: 1}
    outgoing = Replay(PRESENT, Settings(), at="out")
    outgoing.feed(rows)
    assert +outgoing.skipped == {passing.OTHER_WAY: 3}
    assert outgoing.events == {rules.OPENED: 1}


def test_broken_packets_are_invalid_and_change_nothing() -> None:
    rows = frame(
        [0, 1, 2], [1, 1, 1], broken=[False, True, True], flags=[TH_SYN, None, None], sport=[1, 1, None]
    )
    replay = Replay(PRESENT, Settings())
    replay.feed(rows)
    assert replay.events == {rules.OPENED: 1, rules.BROKEN: 2}
    assert replay.verdicts["invalid"] == 2


def test_of_an_elephant_the_beginning_and_the_end_are_kept() -> None:
    flow = parse("10.0.0.1:1-192.0.2.1:80")
    following = Following(flow, alone=True)
    replay = Replay(PRESENT, Settings(), following=following)
    count = MOST + 500
    rows = frame(list(np.arange(count) / 100), [1] * count, flags=[TH_ACK] * count)
    replay.feed(rows)
    assert len(following.seen) == MOST
    assert following.left_out == 500
    numbers = [one.packet.number for one in following.seen]
    assert (numbers[0], numbers[MOST // 2 - 1], numbers[MOST // 2], numbers[-1]) == (
        1,
        MOST // 2,
        MOST // 2 + 501,
        count,
    )


def test_under_a_limit_a_flow_is_told_with_all_others_passing() -> None:
    flow = parse("10.0.0.1:1-192.0.2.1:80")
    following = Following(flow, alone=False)
    replay = Replay(PRESENT, Settings(), limit=1, following=following)
    replay.feed(frame([0, 1, 2], [1, 2, 1]))
    assert [one.step.event for one in following.seen if one.step] == [rules.OPENED, rules.OPENED]
    assert len(following.seen) == 2


def test_a_packet_belongs_to_its_flow_whoever_sends_it() -> None:
    flow = Flow(ends.end(_SERVER, 80), ends.end(_CLIENT, 5), uapi.IPPROTO_TCP)
    assert flow.takes(frame([0, 1], [5, 6])).to_list() == [True, False]
    assert Flow(flow.source, flow.target, uapi.IPPROTO_UDP).takes(frame([0], [5])).to_list() == [False]
    assert str(flow) == "192.0.2.1:80-10.0.0.1:5"
