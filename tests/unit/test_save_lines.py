"""Lines for ``conntrack --load-file`` say what our own reader of such lines takes them for."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.formats import save_lines
from halftrack.formats.table import parse
from unit.flowrows import flows, one_sided, row, udp

_SAID = (
    "family", "l4proto", "state", "timeout", "mark", "zone",
    *(f"{end}_{half}" for end in ("orig_src", "orig_dst", "reply_src", "reply_dst") for half in ("hi", "lo")),
    "orig_sport", "orig_dport", "reply_sport", "reply_dport", "orig_type", "orig_code", "orig_icmp_id",
)  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        one_sided(),
        one_sided(src="2001:db8::1", dst="2001:db8::2"),
        row(reply_src="10.0.0.5", reply_sport=8080),
        row(mark=5, zone=7),
        row(state="CLOSE_WAIT"),
        udp(),
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=77),
    ],
)
def test_a_line_is_read_as_the_entry_that_it_was_made_of(entry: dict[str, object]) -> None:
    made = flows(entry)
    (line,) = save_lines.text(made)
    read = parse([line]).flows.frame
    assert read.height == 1
    for name in _SAID:
        assert (read[name][0] or 0) == (made.frame[name][0] or 0), (name, line)
    bits = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
    assert read["status"][0] & bits == made.frame["status"][0] & bits


def test_what_cannot_be_put_in_again_is_left_out() -> None:
    made = flows(one_sided(id=7, orig_packets=3, helper="ftp", labels="3"))
    (line,) = save_lines.text(made)
    assert line == (
        b"-A -t 363312 -u UNSET -s 192.0.2.1 -d 198.51.100.7 -r 198.51.100.7 -q 192.0.2.1"
        b" -p tcp --sport 80 --dport 60440 --reply-port-src 60440 --reply-port-dst 80 --state ESTABLISHED\n"
    )
