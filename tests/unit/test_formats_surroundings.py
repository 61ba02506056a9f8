"""What stands around the entries of files that people mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.formats.blocks import BLOCK, LONGEST_LINE
from halftrack.formats.repeats import once
from halftrack.formats.table import parse
from unit.formatted import fixture, rows

PROC = fixture("conntrack-proc.txt")
ENTRY = PROC.splitlines()[1]
UDP = PROC.splitlines()[3]


def test_crlf() -> None:
    """Files that went through Windows read the same."""
    crlf = parse([PROC.replace(b"\n", b"\r\n")])

    assert crlf.unreadable == 0
    assert rows(crlf.flows) == rows(parse([PROC]).flows)


@pytest.mark.parametrize(
    "prefix",
    [
        "node17: ",
        "/proc/net/nf_conntrack:",
        "Nov 23 06:58:28 node17 collect[4711]: ",
        "2026-11-23T06:58:28.123456+01:00 node17 ",
        "[pod/ds-x7f2k/debug] ",
        "root@node17:~# ",
        "\ufeff",
        "\t  ",
        "dump-1.txt-2: ",
    ],
)
def test_prefixes_are_passed_over(prefix: str) -> None:
    """What grep, syslog, kubectl and hosts put before an entry."""
    text = b"".join(prefix.encode() + line + b"\n" for line in PROC.splitlines() if not line.startswith(b"#"))

    parsed = parse([text])

    assert parsed.unreadable == 0, parsed.first_unreadable
    assert rows(parsed.flows) == rows(parse([PROC]).flows)


def test_mixed_formats_in_one_file() -> None:
    """One paste of everything: each line is read for itself."""
    names = ("conntrack-proc.txt", "conntrack-list.xml", "conntrack-save.txt", "conntrack-list.txt")

    parsed = parse([b"\n".join(fixture(name) for name in names)])

    assert parsed.unreadable == 0, parsed.first_unreadable
    assert len(parsed.flows) == 12 + 4 + 6 + 5
    assert not parsed.truncated


def test_xml_as_a_formatter_spreads_it() -> None:
    """A flow over many lines, and all flows on one."""
    xml = fixture("conntrack-list.xml")
    spread_out = xml.replace(b"><", b">\n    <")
    on_one_line = xml.replace(b"\n", b"")

    expected = rows(parse([xml]).flows)
    for text in (spread_out, on_one_line):
        parsed = parse([text])
        assert rows(parsed.flows) == expected
        assert parsed.unreadable == 0, parsed.first_unreadable


def test_unknown_words() -> None:
    """Vendors add their own."""
    words = b"swaccel=4 hwaccel=4 l7proto=http [SFE] mark=0x100 iqprio=-1"
    text = ENTRY.replace(b"mark=0", words) + b"\n"

    parsed = parse([text])

    assert parsed.unreadable == 0, parsed.first_unreadable
    assert parsed.flows.frame["mark"].to_list() == [256]


def test_unreadable_lines_never_stop_the_rest() -> None:
    """Counted, the first ten kept with their numbers, made printable."""
    bad = [b"line %d \x1b[31m\xff" % number for number in range(25)]
    text = b"\n".join(line for line in bad for line in (line, ENTRY)) + b"\n"

    parsed = parse([text])

    assert (parsed.unreadable, len(parsed.flows), parsed.lines) == (25, 25, 50)
    assert len(parsed.first_unreadable) == 10
    assert parsed.first_unreadable[1] == ("3: no entry of a connection-tracking table: line 1 \\x1b[31m\\xff")


@pytest.mark.parametrize("cut", [1, 4, 12, 30, 70, 120, 180, 205, 212, 213])
def test_a_truncated_last_line(cut: int) -> None:
    """The half of an entry is no entry, and the file is said to be cut short."""
    parsed = parse([UDP + b"\n" + ENTRY[:cut]])

    assert len(parsed.flows) == 1
    assert parsed.truncated
    assert parsed.unreadable == 1


def test_a_last_line_without_newline_is_whole() -> None:
    """Pasting loses the last newline; nothing else is missing."""
    parsed = parse([UDP + b"\n" + ENTRY])

    assert (len(parsed.flows), parsed.truncated, parsed.unreadable) == (2, False, 0)


def test_conntrack_says_how_many_it_showed() -> None:
    """Its last line betrays a list that lost some."""
    text = b"\n".join(
        [ENTRY, UDP, b"conntrack v1.4.6 (conntrack-tools): 3 flow entries have been shown.", b""]
    )

    parsed = parse([text])

    assert parsed.truncated
    assert parsed.lines == 3
    assert parsed.notes == ("conntrack(8) says that it showed 3 entries; 2 are here.",)


def test_what_else_a_paste_holds() -> None:
    """sysctl, uname and date beside the table, whatever the age of the names."""
    text = b"\n".join(
        [
            b"2.6.32-042stab092.1",
            b"Mon Nov 23 06:58:28 UTC 2026",
            b"net.netfilter.nf_conntrack_max = 262144",
            b"net.ipv4.netfilter.ip_conntrack_tcp_timeout_established = 432000",
            b"net.netfilter.nf_conntrack_buckets=65536",
            b"net.ipv4.tcp_syncookies: 1",
            ENTRY,
            b"",
        ]
    )

    parsed = parse([text])

    assert parsed.unreadable == 0, parsed.first_unreadable
    assert parsed.kernel == "2.6.32-042stab092.1"
    assert parsed.taken_at == datetime(2026, 11, 23, 6, 58, 28, tzinfo=UTC)
    assert parsed.settings == {
        "net.netfilter.nf_conntrack_max": "262144",
        "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
        "net.netfilter.nf_conntrack_buckets": "65536",
        "net.ipv4.tcp_syncookies": "1",
    }
    assert len(parsed.flows) == 1


@pytest.mark.parametrize(
    ("line", "kernel"),
    [
        ("Linux node17 6.18.44 #1 SMP PREEMPT_DYNAMIC Thu x86_64 GNU/Linux", "6.18.44"),
        ("5.10.0-28-amd64", "5.10.0-28-amd64"),
        ("10.0.0.1", None),
    ],
)
def test_kernel_release(line: str, kernel: str | None) -> None:
    """``uname -r`` and ``uname -a``; an address is no release."""
    assert parse([f"{line}\n".encode() + ENTRY + b"\n"]).kernel == kernel


def test_taken_at_from_start_times() -> None:
    """The newest start and the age printed beside it give the moment of the list."""
    parsed = parse([fixture("conntrack-list.txt")])

    assert parsed.taken_at == datetime(2026, 11, 23, 6, 58, 32, tzinfo=UTC)
    assert "Start times in the text name no time zone: taken as UTC." in parsed.notes


def test_an_endless_line_is_dropped() -> None:
    """A line of many megabytes is counted once, and what follows it is read."""
    text = [UDP + b"\n", *[b"x" * (1 << 20)] * 20, b"\n" + ENTRY + b"\n"]

    parsed = parse(text)

    assert (len(parsed.flows), parsed.unreadable, parsed.lines) == (2, 1, 3)
    assert parsed.first_unreadable[0].startswith("2: longer than any entry: xxxx")


def test_a_flow_that_never_ends_is_dropped() -> None:
    """An XML element without an end does not gather the rest of the file."""
    text = b"<flow><meta>\n" + b"<src>1.2.3.4</src>\n" * (LONGEST_LINE // 10) + ENTRY + b"\n"

    parsed = parse([text] + [ENTRY + b"\n"] * 3)

    assert len(parsed.flows) == 4


def test_no_more_entries_than_memory_allows() -> None:
    """Beyond the limit the table is cut, and said to be."""
    parsed = parse([ENTRY + b"\n"] * 20, most_entries=7)

    assert len(parsed.flows) == 7
    assert parsed.truncated
    assert parsed.notes == ("Only the first 7 entries were read.",)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=40))
def test_chunks_may_be_cut_anywhere(sizes: list[int]) -> None:
    """How a stream arrives does not matter."""
    text = (
        fixture("conntrack-list.xml")[:3000] + fixture("conntrack-proc.txt") + fixture("conntrack-save.txt")
    )
    at = 0
    chunks = []
    for size in sizes:
        chunks.append(text[at : at + size])
        at += size
    whole = parse([text])

    parts = parse([*chunks, text[at:]])

    assert rows(parts.flows) == rows(whole.flows)
    assert parts.unreadable == whole.unreadable


def test_blocks_join_seamlessly() -> None:
    """A table of several blocks keeps its order and its line numbers."""
    count = 3 * BLOCK // len(UDP)
    lines = [UDP.replace(b"sport=53000", b"sport=%d" % (number % 60000)) for number in range(count)]
    lines[count - 2] = b"broken"

    parsed = parse([b"\n".join([*lines, b""])])

    assert parsed.first_unreadable == (f"{count - 1}: no entry of a connection-tracking table: broken",)
    expected = [number % 60000 for number in range(count) if number != count - 2]
    assert parsed.flows.frame["orig_sport"].to_list() == expected


def test_pasted_settings_that_are_texts_and_dates_of_unclear_zones_are_no_broken_lines() -> None:
    pasted = (
        "net.netfilter.nf_log.0 = NONE\nnet.netfilter.nf_conntrack_max = 262144\n"
        "Thu Nov 26 18:47:08 CET 2026\nThu Nov 26 17:47:08 UTC 2026\n"
    )
    parsed = parse([pasted.encode()])

    assert (parsed.unreadable, parsed.settings) == (0, {"net.netfilter.nf_conntrack_max": "262144"})
    assert parsed.taken_at == datetime(2026, 11, 26, 17, 47, 8, tzinfo=UTC)


def test_what_stands_twice_is_counted_once_as_it_stands_last() -> None:
    later = ENTRY.replace(b" 431999 ", b" 431000 ")
    kept, notes = once(parse([PROC + later + b"\n" + PROC]).flows)

    assert rows(kept) == rows(parse([PROC]).flows)
    assert any("more than once" in note for note in notes)


def test_masked_entries_that_look_alike_may_be_two() -> None:
    masked = b"ipv4 2 tcp 6 300 ESTABLISHED src=10.0.0.x dst=192.0.2.x sport=80 dport=1024 src=192.0.2.x dst=10.0.0.x sport=1024 dport=80 mark=0 use=2\n"

    assert len(once(parse([masked * 2]).flows)[0]) == 2
