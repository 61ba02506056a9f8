"""Every number names the file and the line that it was read in."""

from __future__ import annotations

import io
import lzma
from typing import TYPE_CHECKING

import pytest

from halftrack import formats
from halftrack.diagnosis import examine
from halftrack.evidence.provenance import ADDRESSES, COUNTERS, ENTRIES, SOCKETS, TCP, Origin
from halftrack.formats import bundle
from halftrack.live import collected, reports
from unit.reports import LISTED, SYSCTL, archive, entries, settings, whole
from unit.test_collection import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Diagnosis
    from halftrack.evidence.values import Evidence

PREFIX = "net.netfilter.nf_conntrack_"
TAILED = "sos_strings/conntrack/conntrack_-L_-o_extended.tailed"


def read(data: bytes, assume: Mapping[str, str] | None = None) -> Evidence:
    return formats.read(
        ["-"], stdin=io.BytesIO(data), reported=reports.read, collected=collected.read, assume=assume
    )


def diagnosis(evidence: Evidence) -> Diagnosis:
    return examine(evidence).diagnosis


def line_of(text: str, begins: str) -> int:
    """Counted from 1."""
    (found,) = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith(begins)]
    return found


def told(found: Diagnosis) -> dict[str, tuple[object, list[tuple[str, int | None, int | None]]]]:
    """What each value is and where it stood, by what it is."""
    return {
        each.what: (each.value, [(at.file, at.first_line, at.last_line) for at in each.at])
        for each in found.sources
    }


def test_a_text_with_settings_beside_its_table() -> None:
    text = (
        "# pasted\nLinux node17 5.14.0-427.el9.x86_64 #1 SMP\nFri Nov 27 13:02:08 UTC 2026\n"
        f"net.netfilter.nf_conntrack_max = 262144\n\n{entries(12)}some noise that is no entry\n{entries(20)[-300:]}"
    )
    found = diagnosis(read(text.encode()))
    values = told(found)
    assert values["kernel"] == ("5.14.0-427.el9.x86_64", [("stdin", 2, 2)])
    assert values["taken_at"] == ("2026-11-27T13:02:08Z", [("stdin", 3, 3)])
    assert values["limit"] == (262_144, [("stdin", 4, 4)])
    assert values["entries"][1] == [("stdin", 6, len(text.splitlines()))]
    finding = found.findings[0]
    assert finding.first_lines == (6, 7, 8)
    assert (finding.at[0].first_line, finding.at[0].last_line) == (6, len(text.splitlines()))
    assert all(reason.at for cause in finding.causes for reason in (*cause.for_, *cause.against))


def test_only_the_lines_of_a_finding() -> None:
    """Other entries stand before and behind those that are stuck."""
    other = "ipv4     2 udp      17 20 src=10.9.9.9 dst=10.9.9.8 sport={} dport=53 src=10.9.9.8 dst=10.9.9.9"
    others = [f"{other.format(port)} sport=53 dport={port} mark=0 use=1\n" for port in range(1, 41)]
    stuck = entries(30).splitlines(keepends=True)
    text = "".join((*others[:7], *stuck[:10], *others[7:20], *stuck[10:], *others[20:]))
    found = diagnosis(read(text.encode()))
    finding = next(each for each in found.findings if each.symptom == "one-sided")
    assert finding.first_lines == (8, 9, 10)
    assert (finding.at[0].first_line, finding.at[0].last_line) == (8, 50)


@pytest.mark.parametrize("rows", [3, 40_000])
def test_lines_go_on_from_block_to_block(rows: int) -> None:
    """And where entries stand twice, it is their last line."""
    text = entries(rows) * 2
    [table] = read(text.encode()).tables
    assert table.flows is not None
    assert table.flows.lines is not None
    assert table.flows.lines.to_list() == list(range(rows + 1, 2 * rows + 1))
    assert table.read_from[ENTRIES] == (Origin("stdin", rows + 1, 2 * rows),)


def flow(number: int, spread: bool) -> str:
    """A one-sided entry as XML, in one line or over several."""
    tuples = (("original", f"10.1.0.{number}", "203.0.113.9", 40_000, 80),
              ("reply", "203.0.113.9", f"10.1.0.{number}", 80, 40_000))  # fmt: skip
    metas = "".join(
        f'<meta direction="{way}"><layer3 protonum="2" protoname="ipv4"><src>{src}</src><dst>{dst}</dst></layer3>'
        f'<layer4 protonum="6" protoname="tcp"><sport>{sport}</sport><dport>{dport}</dport></layer4></meta>'
        for way, src, dst, sport, dport in tuples
    )
    last = (
        '<meta direction="independent"><state>ESTABLISHED</state><timeout>431999</timeout><unreplied/></meta>'
    )
    text = f"<flow>{metas}{last}</flow>\n"
    return text.replace("><", ">\n  <") if spread else text


@pytest.mark.parametrize("spread", [False, True])
def test_entries_of_xml_have_the_lines_that_they_begin_in(spread: bool) -> None:
    text = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n\n'
    begins = []
    for number in range(30):
        begins.append(text.count("\n") + 1)
        text += flow(number, spread)
    broken = text.count("\n") + 1
    text += f"<flow>nothing</flow>\n{flow(77, spread)}</conntrack>\n"
    evidence = read(text.encode())
    [table] = evidence.tables
    assert table.flows is not None
    assert table.flows.lines is not None
    assert table.flows.lines.to_list() == [*begins, broken + 1]
    assert evidence.input.first_unreadable[0].startswith(f"stdin:{broken}: ")
    finding = diagnosis(evidence).findings[0]
    assert finding.first_lines == tuple(begins[:3])
    assert (finding.at[0].first_line, finding.at[0].last_line) == (4, broken + 1)


@pytest.mark.parametrize("rows", [3, 14_000])
def test_lines_of_xml_go_on_from_block_to_block(rows: int) -> None:
    text = "".join(
        flow(number % 250, spread=number % 2 == 0).replace("40000", str(number)) for number in range(1, rows)
    )
    begins = [at for at, line in enumerate(text.splitlines(), 1) if line.startswith("<flow>")]
    [table] = read(text.encode()).tables
    assert table.flows is not None
    assert table.flows.lines is not None
    assert table.flows.lines.to_list() == begins


def test_a_table_out_of_several_files_has_the_lines_of_each() -> None:
    """As conntrack(8) prints it, one family after the other."""
    six = (
        entries(25)
        .replace("ipv4     2", "ipv6     10")
        .replace("10.1.0.", "2001:db8::")
        .replace("203.0.113.9", "2001:db8:9::9")
    )
    about = b"inode 1\nwhere own\ncount 55\nread yes\ncomm init\n"
    collection = written(
        [
            ("about", b"kernel 6.1\nfirst 1\nown 1\n"),
            ("ns/1/about", about),
            ("ns/1/entries/ipv4", entries(30).encode()),
            ("ns/1/entries/ipv6", b"# nothing\n" + six.encode()),
        ]
    )
    evidence = read(collection)
    found = diagnosis(evidence)
    places = [("ns/1/entries/ipv4", 1, 30), ("ns/1/entries/ipv6", 2, 26)]
    assert told(found)["entries"] == (55, places)
    by_file = {at.file: (at.first_line, at.last_line) for finding in found.findings for at in finding.at}
    assert by_file.items() >= {(file, (first, last)) for file, first, last in places}
    again = io.BytesIO()
    bundle.write(evidence, "a test", again)
    assert read(again.getvalue()).tables[0].flows.parts == (30, 25)


def test_a_report_names_its_members() -> None:
    found = diagnosis(read(lzma.compress(archive(whole()))))
    values = told(found)
    for name, value in (("max", "262144"), ("count", "30"), ("buckets", "65536"), ("tcp_loose", "1")):
        line = line_of(settings(30), f"{PREFIX}{name} =")
        assert values[PREFIX + name] == (value, [(SYSCTL, line, line)])
    assert values["limit"][1] == values[f"{PREFIX}max"][1]
    assert values["entries"] == (30, [(LISTED, 1, 30)])
    assert values["node"] == ("node", [("sos_commands/host/hostname", 1, 1)])
    assert values["kernel"][1] == [("sos_commands/kernel/uname_-a", 1, 1)]
    assert values["taken_at"][1] == [("sos_commands/date/date_--utc", 1, 1)]
    by_symptom = {each.symptom: each for each in found.findings}
    assert [at.file for at in by_symptom["one-sided"].at] == [LISTED]
    assert {at.file for at in by_symptom["settings"].at} == {SYSCTL}


def test_the_end_of_a_table_keeps_the_lines_of_its_file() -> None:
    """The first line of what sos cut is the rest of one."""
    files = whole(**{TAILED: "91 use=1\n" + entries(30)})
    files.pop(LISTED)
    assert told(diagnosis(read(archive(files))))["entries"] == (30, [(TAILED, 2, 31)])


def test_counters_sockets_and_addresses_of_a_report() -> None:
    counted = "cpu=0 found=1 insert_failed=0 drop=4 early_drop=1\ncpu=1 found=0 insert_failed=0 drop=3 early_drop=0\n"
    shown = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\ntcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:*\n"
    more = {
        "sos_commands/conntrack/conntrack_-S": counted,
        "sos_commands/networking/ss_-peaonmi": shown,
        "sos_commands/networking/ip_-o_addr": "1: lo    inet 127.0.0.1/8 scope host lo\n",
    }
    evidence = read(archive(whole() | more))
    [table] = evidence.tables
    assert table.read_from[COUNTERS] == (Origin("sos_commands/conntrack/conntrack_-S", 1, 2),)
    for key in (TCP, SOCKETS):
        assert table.read_from[key] == (Origin("sos_commands/networking/ss_-peaonmi", 1, 2),)
    assert table.read_from[ADDRESSES] == (Origin("sos_commands/networking/ip_-o_addr", 1, 1),)
    assert told(diagnosis(evidence))["drop"] == (7, [("sos_commands/conntrack/conntrack_-S", 1, 2)])


def test_a_collection_names_its_sections() -> None:
    sysctls = f"{PREFIX}tcp_loose:1\n{PREFIX}max:262144\n"
    sections = {
        "about": "first 1\nnode node17\nkernel 5.14.0\ntaken_at 2026-11-27T13:02:08Z\n",
        "ns/1/about": "where 1\ncount 30\nread yes\n",
        "ns/1/settings": sysctls,
        "ns/1/entries": entries(30),
    }
    text = written([(name, content.encode()) for name, content in sections.items()])
    values = told(diagnosis(read(text)))
    assert values["limit"] == (262_144, [("ns/1/settings", 2, 2)])
    assert values["entries"] == (30, [("ns/1/entries", 1, 30)])
    assert values["kernel"] == ("5.14.0", [("about", 3, 3)])
    assert values["taken_at"][1] == [("about", 4, 4)]


def test_what_the_user_said_stands_nowhere() -> None:
    assumed = {"limit": "1000", "kernel": "2.6.32", "taken-at": "2026-11-27T13:00Z"}
    for source in (archive(whole()), settings(30).encode() + entries(30).encode()):
        values = told(diagnosis(read(source, assumed)))
        assert values["limit"] == (1_000, [(f"--assume {PREFIX}max", None, None)])
        assert values["kernel"] == ("2.6.32", [("--assume kernel", None, None)])
        assert values["taken_at"][1] == [("--assume taken_at", None, None)]
