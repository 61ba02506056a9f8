"""Counters of TCP and IP: by the names in their own header lines, whatever the text."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import stack
from halftrack.formats import netstat

SNMP = """Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 1205
Tcp: RtoAlgorithm RtoMin MaxConn ActiveOpens OutSegs RetransSegs
Tcp: 1 200 -1 160 5631 17
"""
NETSTAT = """TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops
TcpExt: 12 3 4 9
IpExt: InNoRoutes InTruncatedPkts
IpExt: 0 0
"""


def test_names_come_from_the_header() -> None:
    found = netstat.parse((SNMP, NETSTAT), 5.0)
    assert found.at_s == 5.0
    assert found.values["TcpExt.SyncookiesSent"] == 12
    assert found.values["Tcp.RetransSegs"] == 17
    assert found.values["Tcp.MaxConn"] == -1
    assert len(found.values) == 3 + 6 + 4 + 2


def test_a_pair_that_does_not_match_is_left_out() -> None:
    """Cut short, garbled, or of two groups; what is whole counts all the same."""
    for text in (
        "TcpExt: A B\nTcpExt: 1\n",
        "TcpExt: A B\nTcpExt: 1 x\n",
        "TcpExt: A B\nIpExt: 1 2\n",
        "TcpExt: A B\n",
        "TcpExt: 1 2\nTcpExt: 3 4\n",
    ):
        assert netstat.parse((text + SNMP,), 0.0).values.keys() == netstat.parse((SNMP,), 0.0).values.keys()


def test_rise_and_total() -> None:
    first = netstat.parse((NETSTAT,), 1.0)
    second = netstat.parse((NETSTAT.replace(" 12 3 ", " 20 3 "),), 3.5)
    readings = (first, second)
    assert stack.rise(readings, "TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv") == 8
    assert stack.total(readings, "TcpExt.SyncookiesSent") == 20
    assert stack.seconds(readings) == 2.5


def test_what_a_kernel_does_not_count_is_not_zero() -> None:
    readings = (netstat.parse((SNMP,), 1.0), netstat.parse((SNMP,), 2.0))
    assert stack.rise(readings, "TcpExt.TCPReqQFullDrop") is None
    assert stack.total(readings, "TcpExt.TCPReqQFullDrop") is None
    assert stack.rise(readings[:1], "Tcp.RetransSegs") is None
    assert stack.total((), "Tcp.RetransSegs") is None


WORDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=70)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.tuples(st.sampled_from(["Tcp", "TcpExt", "Ip"]), st.lists(WORDS, max_size=5)).map(
                lambda pair: f"{pair[0]}: {' '.join(pair[1])}"
            ),
        ),
        max_size=12,
    )
)
def test_any_text_is_read(lines: list[str]) -> None:
    for name, value in netstat.parse(("\n".join(lines),), 0.0).values.items():
        group, dot, counter = name.partition(".")
        assert group.isalnum()
        assert dot
        assert counter
        assert isinstance(value, int)


@given(
    st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,20}", fullmatch=True), st.integers(0, 2**64 - 1))
)
def test_what_is_written_is_read(counters: dict[str, int]) -> None:
    text = f"TcpExt: {' '.join(counters)}\nTcpExt: {' '.join(map(str, counters.values()))}\n"
    found = netstat.parse((text,), 0.0).values
    assert found == {f"TcpExt.{name}": value for name, value in counters.items()}


SENTENCES = """Ip:
    Forwarding: 1
    7 total packets received
Icmp:
    1 ICMP messages received
Tcp:
    886 active connection openings
    9 connection resets received
    28989 segments sent out
    9 segments retransmited
TcpExt:
    5 SYN cookies sent
    2 invalid SYN cookies received
    3 times the listen queue of a socket overflowed
    Quick ack mode was activated 46 times
    TCPReqQFullDrop: 4
    IPReversePathFilter: 12
    SYN cookies sent
    x SYN cookies received
5 SYN cookies received
IpExt:
    InOctets: 7
"""


def test_sentences_of_netstat_are_the_same_counters() -> None:
    """What it does not say is not known: it leaves out what is zero, and what it has no sentence for."""
    found = netstat.parse((netstat.from_sentences(SENTENCES),), 1.0).values
    assert found == {
        "Ip.Forwarding": 1,
        "Tcp.ActiveOpens": 886,
        "Tcp.EstabResets": 9,
        "Tcp.OutSegs": 28_989,
        "Tcp.RetransSegs": 9,
        "TcpExt.SyncookiesSent": 5,
        "TcpExt.SyncookiesFailed": 2,
        "TcpExt.ListenOverflows": 3,
        "TcpExt.TCPReqQFullDrop": 4,
        "TcpExt.IPReversePathFilter": 12,
        "IpExt.InOctets": 7,
    }
