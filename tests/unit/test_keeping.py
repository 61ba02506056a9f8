"""Which setting keeps an entry is the same to who reads tables as to the tracker that makes them."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.diagnosis import entries
from halftrack.tcp import keeping, profiles, releases, settings, timeouts
from halftrack.tcp.keeping import Span
from halftrack.tcp.segments import Segment
from halftrack.tcp.table import TH_ACK, TH_SYN
from halftrack.tcp.tracker import Tracker
from unit.flowrows import ASSURED, ONE_SIDED, flows, row, udp

KERNELS: Final = (
    "2.6.18-028stab056",
    "2.6.32-042stab092.1",
    "2.6.32-042stab141.3",
    "2.6.32-754.el6",
    "3.10.0-1160.el7.x86_64",
    "4.18.0-394.el8.x86_64",
    "4.9.0",
    "5.15.0",
    "6.12.48",
    "6.18.44",
)
PREFIX: Final = "net.netfilter.nf_conntrack_"
SECONDS: Final = st.integers(1, 432_000)
_COOKIES: Final = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07"


def by_rule(kernel: str, given: dict[str, str]) -> tuple[Span | None, ...]:
    features = releases.features(kernel)
    known = timeouts.resolve(given, features)
    count = timeouts.whole(given.get(f"{PREFIX}tcp_max_retrans", "3"))
    assert count is not None
    return keeping.spans(known, features, clamps=features.clamps_one_sided, max_retrans=count)


def tracker(kernel: str, given: dict[str, str]) -> Tracker:
    profile = profiles.of(kernel)
    return Tracker(profile, settings.resolve(given, releases.features(kernel), profile))


@pytest.mark.parametrize("kernel", KERNELS)
@given(established=SECONDS, unacknowledged=SECONDS, max_retrans=SECONDS, count=st.sampled_from([0, 3]))
def test_what_a_packet_gives_is_what_the_tracker_gives(
    kernel: str, established: int, unacknowledged: int, max_retrans: int, count: int
) -> None:
    given = {
        f"{PREFIX}{timeouts.ESTABLISHED}": str(established),
        f"{PREFIX}{timeouts.UNACKNOWLEDGED}": str(unacknowledged),
        f"{PREFIX}{timeouts.MAX_RETRANS}": str(max_retrans),
        f"{PREFIX}tcp_max_retrans": str(count),
    }
    spans = by_rule(kernel, given)
    late = tracker(kernel, given).tcp(0.0, "server", "client", Segment(TH_ACK, 500, 700, 512, 100))
    one_sided = spans[keeping.ONE_SIDED]
    assert one_sided is not None
    assert one_sided == Span.exactly(one_sided.slow)
    assert late.timeout == one_sided.slow
    talk = tracker(kernel, given)
    talk.tcp(0.0, "client", "server", Segment(TH_SYN, 100, 0, 512, options=_COOKIES))
    talk.tcp(0.1, "server", "client", Segment(TH_SYN | TH_ACK, 900, 101, 512, options=_COOKIES))
    opened = talk.tcp(0.2, "client", "server", Segment(TH_ACK, 101, 901, 512))
    assert Span.exactly(opened.timeout or 0) == spans[keeping.ESTABLISHED]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_state_keeps_its_entry_by_its_own_setting(kernel: str) -> None:
    given = {f"{PREFIX}{name}": str(1_000 + n) for n, name in enumerate(timeouts.TCP_STATE_TIMEOUTS.values())}
    spans = by_rule(kernel, given)
    slots = tracker(kernel, given).settings.tcp
    for state, name in timeouts.TCP_STATE_TIMEOUTS.items():
        assert spans[keeping.number(name)] == Span.exactly(slots[state])


def test_a_kernel_that_is_not_known_leaves_both_ends_open() -> None:
    assert by_rule("unheard-of", {})[keeping.ONE_SIDED] == Span(300, None, 432_000)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (row(left=400_000), timeouts.ESTABLISHED),
        (row(left=200), ""),
        (row(left=200, flags=(0x31, 0x23)), timeouts.UNACKNOWLEDGED),
        (row(left=200, state="SYN_SENT", status=ONE_SIDED), "tcp_timeout_syn_sent"),
        (row(left=20, state="TIME_WAIT"), "tcp_timeout_time_wait"),
        (row(left=20, state="CLOSE_WAIT"), timeouts.CLOSE_WAIT),
        (udp(), timeouts.UDP),
        (udp(status=ASSURED), timeouts.UDP_STREAM),
        (row(proto="icmp", state=None, sport=None, dport=None), "icmp_timeout"),
        (row(proto=132, state="ESTABLISHED"), "sctp_timeout_established"),
        (row(proto=112, state=None, sport=None, dport=None), "generic_timeout"),
    ],
)
def test_the_rule_of_an_entry(entry: dict[str, object], name: str) -> None:
    frame = flows(entry).frame
    frame = frame.with_columns(entries.one_sided().alias("one_sided"))
    known = timeouts.resolve({}, releases.features("6.12.48"))
    found = keeping.rules(frame, known, keeping.seconds(known, 300))
    assert found.tolist() == [keeping.number(name) if name else keeping.UNTOLD]


def test_one_sided_is_a_rule_of_its_own() -> None:
    frame = flows(row(left=200, status=ONE_SIDED)).frame
    frame = frame.with_columns(entries.one_sided().alias("one_sided"))
    known = timeouts.resolve({}, releases.features("6.12.48"))
    found = keeping.rules(frame, known, keeping.seconds(known, 300))
    assert found.tolist() == [keeping.ONE_SIDED]
