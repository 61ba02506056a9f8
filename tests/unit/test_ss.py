"""ss(8)'s output of several ages: what it leaves out where it is zero, and any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import addresses
from halftrack.evidence.tcp_sockets import SCHEMA
from halftrack.formats import ss

NEW = """State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN 3      128    0.0.0.0:80           0.0.0.0:*
\t cubic cwnd:10
ESTAB  0      14480  10.88.0.14:80        198.51.100.7:50123 timer:(on,1.2sec,3) ino:4711 sk:1 <->
\t skmem:(r0,rb131072) ts sack cubic wscale:7,7 rto:1632 backoff:2 rtt:812.5/40.25 ato:40 mss:1448 cwnd:1 bytes_sent:90000 bytes_retrans:4500 bytes_acked:70000 segs_out:70 segs_in:40 send 14.3kbps lastsnd:800 lastrcv:9000 lastack:5000 pacing_rate 17.1kbps delivery_rate 1.5Mbps busy:90000ms rwnd_limited:120ms(0.1%) unacked:10 retrans:1/7 lost:9 rcv_space:14600 notsent:1000 minrtt:210.125 snd_wnd:64256
CLOSE-WAIT 1  0      [2001:db8::1]:443    [2001:db8::2]:50000 timer:(persist,5min,0)
\t cubic rto:204 rtt:0.5/0.25 cwnd:10 lastsnd:1 lastrcv:2 lastack:3
TIME-WAIT 0   0      10.88.0.14:80        198.51.100.8:50124 timer:(timewait,30sec,0)
"""
OLD = """State      Recv-Q Send-Q      Local Address:Port        Peer Address:Port
ESTAB      0      0                      ::1:8081                ::1:40000
\t cubic wscale:4,7 rto:204 rtt:1.5/0.75 cwnd:10 send 7.7Mbps rcv_space:14600
ESTAB      0      0       ::ffff:10.88.0.14:80       ::ffff:198.51.100.7:50125
"""


def address(row: dict[str, int], side: str) -> str:
    return addresses.to_text(row[f"{side}_hi"], row[f"{side}_lo"])


def test_what_it_says_of_a_stalled_connection() -> None:
    listener, stalled, closing = ss.parse(NEW).frame.rows(named=True)
    assert (listener["state"], listener["rqueue"], listener["wqueue"], listener["local_port"]) == (
        10,
        3,
        128,
        80,
    )
    assert listener["rtt_us"] is None
    assert listener["lost"] is None
    assert (address(stalled, "local"), address(stalled, "remote")) == ("10.88.0.14", "198.51.100.7")
    told = {name: value for name, value in stalled.items() if not name.startswith(("local", "remote"))}
    assert told == {
        "state": 1, "timer": 1, "retransmits": 3, "rqueue": 0, "wqueue": 14480,
        "rto_us": 1_632_000, "unacked": 10, "lost": 9, "last_data_sent_ms": 800,
        "last_data_recv_ms": 9000, "last_ack_recv_ms": 5000, "rtt_us": 812_500, "rttvar_us": 40_250,
        "snd_cwnd": 1, "total_retrans": 7, "segs_out": 70, "notsent_bytes": 1000, "min_rtt_us": 210_125,
        "delivery_rate": 187_500, "rwnd_limited_us": 120_000, "bytes_sent": 90_000,
        "bytes_retrans": 4_500, "snd_wnd": 64_256, "rcv_wnd": None,
    }  # fmt: skip
    assert (address(closing, "remote"), closing["timer"]) == ("2001:db8::2", 4)
    assert (closing["unacked"], closing["total_retrans"]) == (0, 0)
    assert closing["bytes_retrans"] is None


def test_an_old_one_knows_less() -> None:
    six, four = ss.parse(OLD).frame.rows(named=True)
    assert (address(six, "local"), six["local_port"], six["rtt_us"], six["segs_out"]) == (
        "::1",
        8081,
        1500,
        None,
    )
    assert (address(four, "remote"), four["remote_port"], four["rtt_us"]) == ("198.51.100.7", 50125, None)


def test_one_line_and_other_sockets_among_it() -> None:
    """``ss -O``, and what sos asks for, which shows sockets of every kind."""
    one_line = NEW.replace("\n\t", "\t")
    assert ss.parse(one_line).frame.equals(ss.parse(NEW).frame)
    mixed = "Netid State Recv-Q Send-Q\nu_str ESTAB 0 0 * 1 * 2\nudp UNCONN 0 0 0.0.0.0:53 0.0.0.0:*\n"
    mixed += "".join(f"tcp   {line}\n" if line[0] != "\t" else f"{line}\n" for line in NEW.splitlines()[1:])
    assert ss.parse(mixed).frame.equals(ss.parse(NEW).frame)


def test_names_of_services_cannot_be_read_back() -> None:
    assert ss.parse("ESTAB 0 0 10.0.0.1:http 10.0.0.2:50000\n\t cubic rtt:1/1\n").frame.height == 0


def test_more_than_are_wanted() -> None:
    lines = "ESTAB 0 0 10.0.0.1:80 10.0.0.2:50000\n" * (ss.MOST + 5)
    found = ss.parse(lines)
    assert (found.frame.height, found.whole) == (ss.MOST, False)


WORDS = st.sampled_from(
    ["ESTAB", "LISTEN", "tcp", "0", "14480", "999999999999", "10.0.0.1:80", "[::1]:80", "*:*", ":", "a%b:1",
     "rtt:1/2", "rtt:./.", "retrans:0/99999999999", "timer:(on,1,999)", "\t", "\n", "\n\t", "\0", "minrtt:1e9",
     "delivery_rate 1Gbps", "99999:99999"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=40).map(" ".join)))
def test_any_text_gives_sockets(text: str) -> None:
    found = ss.parse(text).frame
    assert found.schema == SCHEMA
    assert found.height <= text.count("\n") + 1
    assert not found["local_lo"].null_count()
