"""Tables with one of everything, and what a reader must make of them."""

from __future__ import annotations

import socket

from halftrack.evidence import uapi
from kernel.inject import End, Entries

ANSWERED = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
SERVER, CLIENT, INNER = (bytes([192, 0, 2, 1]), bytes([198, 51, 100, 7]), bytes([10, 88, 0, 14]))
SERVER6, CLIENT6 = (socket.inet_pton(socket.AF_INET6, text) for text in ("2001:db8::1", "2001:db8:1::7"))


def there_and_back(src: bytes, dst: bytes, sport: int, dport: int) -> tuple[End, End]:
    return End(src, dst, sport, dport), End(dst, src, dport, sport)


def one_of_everything() -> tuple[Entries, ...]:
    """Every protocol, both families, translation, zones of all directions, marks, labels, states."""
    echo = (End(CLIENT, SERVER, 77, 0x0800), End(SERVER, CLIENT, 77, 0x0000))
    echo6 = (End(CLIENT6, SERVER6, 78, 0x8000), End(SERVER6, CLIENT6, 78, 0x8100))
    plain = (End(CLIENT, SERVER), End(SERVER, CLIENT))
    return (
        Entries(*there_and_back(SERVER, CLIENT, 80, 60440), state=3, tcp_flags=(0x0A, 0x0A), wscale=(0, 0)),
        Entries(
            *there_and_back(CLIENT, SERVER, 4001, 80),
            state=3,
            status=ANSWERED,
            tcp_flags=(0x23, 0x23),
            wscale=(7, 9),
            timeout=431_000,
        ),
        *(
            Entries(*there_and_back(CLIENT, SERVER, 4100 + state, 443), state=state, timeout=600)
            for state in range(1, 10)
        ),
        Entries(*there_and_back(CLIENT6, SERVER6, 4002, 443), state=3, family=uapi.AF_INET6, status=ANSWERED),
        Entries(End(CLIENT, SERVER, 4003, 80), End(INNER, CLIENT, 8080, 4003), state=3, status=ANSWERED),
        Entries(*there_and_back(CLIENT, SERVER, 5001, 53), l4proto=uapi.IPPROTO_UDP),
        Entries(*there_and_back(CLIENT6, SERVER6, 5002, 53), l4proto=uapi.IPPROTO_UDP, family=uapi.AF_INET6),
        Entries(*there_and_back(CLIENT, SERVER, 5003, 53), l4proto=uapi.IPPROTO_UDPLITE),
        Entries(*there_and_back(CLIENT, SERVER, 6000, 6001), l4proto=uapi.IPPROTO_SCTP, state=4, timeout=200),
        Entries(*there_and_back(CLIENT, SERVER, 7, 99), l4proto=uapi.IPPROTO_GRE),
        Entries(*echo, l4proto=uapi.IPPROTO_ICMP),
        Entries(*echo6, l4proto=uapi.IPPROTO_ICMPV6, family=uapi.AF_INET6),
        Entries(*plain, l4proto=112),
        Entries(*there_and_back(CLIENT, SERVER, 4004, 80), state=3, mark=0xDEADBEEF),
        Entries(*there_and_back(CLIENT, SERVER, 4005, 80), state=3, zone=7),
        Entries(End(CLIENT, SERVER, 4006, 80, zone=6), End(SERVER, CLIENT, 80, 4006), state=3),
        Entries(End(CLIENT, SERVER, 4007, 80), End(SERVER, CLIENT, 80, 4007, zone=5), state=3),
        Entries(*there_and_back(CLIENT, SERVER, 4005, 80), state=3, timeout=777),
    )
