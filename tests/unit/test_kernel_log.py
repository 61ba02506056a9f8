"""What lines of the kernel's log say, in every form in which logs are kept, and what is no such line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.kernel_log import Kind, Stamp
from halftrack.formats import kernel_log
from halftrack.formats.log_lines import Clock
from halftrack.formats.moments import offset_of, up_s

AT = datetime(2026, 11, 23, 2, 12, 1, tzinfo=UTC)
CLOCK = Clock(AT + timedelta(minutes=2), 1_120.5, timedelta(hours=1))
FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"


def read(text: str, clock: Clock = CLOCK) -> kernel_log.KernelLog:
    return kernel_log.understood([kernel_log.scan([text.encode()], "log")], clock)


@pytest.mark.parametrize(
    "head",
    [
        "[ 1000.500000] ",
        "<4>[ 1000.500000] ",
        "[ 1000.500000] [  T117] ",
        "4,331,1000500000,-;",
        "4,331,1000500000,-,caller=T1;",
        "[Mon Nov 23 03:12:01 2026] ",
        "Nov 23 03:12:01 node kernel: ",
        "Nov 23 03:12:01 node kernel: [77001.000123] ",
        "2026-11-23T03:12:01.123456+01:00 node kernel: ",
        "2026-11-23T03:12:01+0100 node kernel: ",
        "2026-11-23T02:12:01,5+00:00 ",
        "Mon 2026-11-23 03:12:01 CET node kernel: ",
        "Mon 2026-11-23 02:12:01 UTC node kernel: ",
        "1795399921.000001 node kernel: ",
    ],
)
def test_every_way_of_telling_when(head: str) -> None:
    [lines] = read(f"{head}{FULL}\n").lines
    assert (lines.kind, lines.count, lines.source, lines.text) == ("table-full", 1, "log:1", FULL)
    assert lines.last.at is not None
    assert abs(lines.last.at - AT) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "kind", "whose"),
    [
        ("nf_conntrack: table full, dropping packet.", "table-full", (None, None, None)),
        ("ip_conntrack: table full, dropping packet.", "table-full", (None, None, None)),
        ("ip_conntrack: CT 101: table full, dropping packet.", "table-full", (None, "101", None)),
        ("VE101: nf_conntrack: table full, dropping packet.", "table-full", (None, "101", None)),
        ("VEweb-1: nf_conntrack table full, dropping packet", "table-full", (None, "web-1", None)),
        (
            "nf_conntrack: nf_conntrack: table full in netns 4026532210, dropping packet",
            "table-full",
            (4_026_532_210, None, None),
        ),
        ("nf_ct_sip: dropping packet: cannot mangle message IN= OUT=eth0", "helper-dropped", (None,) * 3),
        ("TCP: Possible SYN flooding on port 80. Sending cookies.", "syn-flood", (None, None, 80)),
        ("TCP: request_sock_TCP: Possible SYN flooding on port 443. Dropping request.  Check SNMP counters.",
         "syn-flood", (None, None, 443)),
        ("TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.",
         "syn-flood", (None, None, 80)),
        ("TCP: request_sock_TCPv6: Possible SYN flooding on port [::]:80. Sending cookies.",
         "syn-flood", (None, None, 80)),
        ("possible SYN flooding on port 25. Sending cookies.", "syn-flood", (None, None, 25)),
        ("neighbour: arp_cache: neighbor table overflow!", "neighbours-full", (None,) * 3),
        ("Neighbour table overflow.", "neighbours-full", (None,) * 3),
        ("ipv4: Neighbour table overflow.", "neighbours-full", (None,) * 3),
    ],
)  # fmt: skip
def test_every_age_of_the_messages(text: str, kind: Kind, whose: tuple[object, ...]) -> None:
    [lines] = read(f"[ 5.000000] {text}\n").lines
    assert (lines.kind, (lines.netns_inode, lines.container, lines.port)) == (kind, whose)


@pytest.mark.parametrize(
    "line",
    [
        f"Nov 23 03:12:01 node sshd[44]: {FULL}",
        f"12,331,1000500000,-;{FULL}",
        f"<12>[ 1000.500000] {FULL}",
        f"Nov 23 03:12:01 node halftrack: kernel: {FULL}",
        f"2026-11-23T03:12:01+01:00 node app: {FULL}",
        f"[ 5.000000] audit: comm={FULL}",
        "[ 5.000000] systemd-journald: 3 messages suppressed",
        "[ 5.000000] squashfs table full",
    ],
)
def test_what_somebody_else_says_is_not_the_kernels(line: str) -> None:
    assert read(f"{line}\n").lines == ()


def test_lines_that_were_held_back_are_counted_by_themselves() -> None:
    text = f"[ 5.000000] {FULL}\n[ 9.000000] net_ratelimit: 41 callbacks suppressed\n[ 9.000001] {FULL}\n"
    text += "[ 12.000000] net_ratelimit: 2 callbacks suppressed\n"
    found = {each.kind: each for each in read(text).lines}
    assert (found["table-full"].count, found["suppressed"].count) == (2, 43)
    assert (found["table-full"].first.up_s, found["table-full"].last.up_s) == (5.0, 9.000001)
    assert (found["table-full"].source, found["suppressed"].source) == ("log:3", "log:4")


def test_without_times_they_are_counted() -> None:
    """As kernels write that were told so: printk.time=0."""
    found = read(f"eth0: up\n{FULL}\n{FULL}\n")
    [lines] = found.lines
    assert (lines.count, lines.first, lines.last, found.begins) == (2, Stamp(), Stamp(), Stamp())


def test_how_far_it_goes_back() -> None:
    assert read(f"-- Journal begins --\n[ 0.500000] Linux\n[ 5.000000] {FULL}\n").begins.up_s == 0.5


def test_the_year_is_the_last_in_which_it_can_have_been_written() -> None:
    clock = Clock(datetime(2027, 1, 2, tzinfo=UTC), None, timedelta())
    found = read(f"Dec 31 23:00:00 n kernel: {FULL}\nJan  1 01:00:00 n kernel: {FULL}\n", clock)
    assert found.lines[0].first.at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert found.lines[0].last.at == datetime(2027, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("head", ["Nov 23 03:12:01 node kernel: ", "[Mon Nov 23 03:12:01 2026] "])
def test_local_time_of_nobody_knows_where_is_no_time(head: str) -> None:
    [lines] = read(f"{head}{FULL}\n", Clock(AT, 5.0)).lines
    assert lines.last == Stamp()


def test_of_logs_that_tell_the_same_the_fullest_counts() -> None:
    ring = kernel_log.scan([f"[ 1000.500000] {FULL}\n".encode()], "dmesg")
    file = kernel_log.scan([f"Nov 22 03:12:01 node kernel: {FULL}\n".encode() * 3], "messages")
    found = kernel_log.understood([ring, file], CLOCK)
    [lines] = found.lines
    assert (lines.count, lines.source) == (3, "messages:3")
    assert (lines.first.at, lines.last.at) == (AT - timedelta(days=1), AT)
    assert found.sources == ("dmesg", "messages")


_LINES = st.sampled_from(
    [f"[ 5.000000] {FULL}\n", "[ 6.000000] eth0: up\n", "\n", f"[ 7.000000] x {FULL}\n", "x" * 3_000 + "\n"]
)


@given(st.lists(_LINES, max_size=30), st.integers(1, 400), st.booleans())
def test_however_it_is_cut_into_pieces(lines: list[str], size: int, ended: bool) -> None:
    text = "".join(lines).encode()
    text = text if ended else text.removesuffix(b"\n")
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = kernel_log.understood([kernel_log.scan(pieces, "log")], CLOCK).lines
    said = [number for number, line in enumerate(lines, 1) if line.startswith("[ 5")]
    assert [(each.count, each.source) for each in found] == ([(len(said), f"log:{said[-1]}")] if said else [])


def test_ports_without_end_take_no_memory_without_end() -> None:
    text = "".join(
        f"[ 5.0] TCP: Possible SYN flooding on port {port}. Sending cookies.\n" for port in range(5_000)
    )
    found = read(text).lines
    assert sum(each.count for each in found) == 5_000
    assert len(found) <= 1_001


@pytest.mark.parametrize(
    ("texts", "hours"),
    [
        (["Fri Nov 27 14:02:08 CET 2026", "Fri Nov 27 13:02:08 UTC 2026"], 1),
        (["Fri Nov 27 18:31:58 IST 2026", "Fri Nov 27 13:02:08 UTC 2026"], 5.5),
        (["Fri Nov 27 13:02:08 UTC 2026"], 0),
        (["Fri Nov 27 14:02:08 CET 2026"], None),
        (["Fri Nov 31 14:02:08 CET 2026", "x"], None),
    ],
)
def test_where_local_time_is(texts: list[str], hours: float | None) -> None:
    assert offset_of(texts) == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1120.50 8800.11\n", 1120.5),
        (" 14:02:08 up 12 days,  3:04,  2 users,  load average: 0.1", 12 * 86_400 + 3 * 3_600 + 4 * 60),
        (" 14:02:08 up 1 day, 7 min,  1 user", 86_400 + 420),
        (" 14:02:08 up  3:04,  2 users", 11_040),
        ("up late", None),
    ],
)
def test_since_the_boot(text: str, seconds: float | None) -> None:
    assert up_s(text) == seconds
