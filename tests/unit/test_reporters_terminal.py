"""The doctor's screen: what its rules promise, on every kind of diagnosis."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest

from halftrack.diagnosis.document import Advice, Cause, Diagnosis, Effect, Forecast, Input, Risk, Timeline
from halftrack.reporters.layout import Page, cells
from halftrack.reporters.phrases.table import ahead
from halftrack.reporters.terminal import FIRST_SCREEN, render
from unit.documents import EMPTY, HEALTHY, diagnosis, table
from unit.screens import MASKED, SCREENS, UNPRIVILEGED
from unit.sick import SICK_NEW, SICK_OLD

HOSTILE = "web\x1b[2J\x07\r\n\u202e\x9b31mÄ"


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [20, 40, 66, 80, 200])
@pytest.mark.parametrize("name", SCREENS)
def test_lines_are_ascii_and_fit(name: str, width: int, *, verbose: bool) -> None:
    text = render(SCREENS[name], width=width, verbose=verbose)

    assert text.isascii()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert max(map(len, text.splitlines())) <= min(max(width, 40), 80)


@pytest.mark.parametrize("name", SCREENS)
def test_line_1_is_the_verdict(name: str) -> None:
    shown = SCREENS[name]
    lines = render(shown).splitlines()

    assert lines[0].startswith(f"{shown.severity.upper()}  {shown.node}: {shown.verdict[:30]}")


@pytest.mark.parametrize("name", ["sick-old", "sick-new", "masked"])
def test_what_matters_stands_within_the_first_screen(name: str) -> None:
    """Dropping now, full when, whose, why, what to type."""
    first = "\n".join(render(SCREENS[name]).splitlines()[:FIRST_SCREEN])
    main = next(each for each in SCREENS[name].findings if each.groups)

    assert "ropped" in first
    assert "ull" in first
    assert main.groups[0].address in first
    assert main.groups[0].service in first
    assert "ause: " in first
    for kind in {advice.kind for each in SCREENS[name].findings for advice in each.remedies}:
        block = first[first.index(f"\n{kind.upper()} ") :]
        commands = [
            advice.commands[0]
            for each in SCREENS[name].findings
            for advice in each.remedies
            if advice.kind == kind
        ]
        assert any(command in block for command in commands)


def test_remedies_stand_in_the_order_relief_cure_clear() -> None:
    lines = [line.split(" ")[0] for line in render(SICK_OLD).splitlines()]

    assert [word for word in lines if word in ("RELIEF", "CURE", "CLEAR")] == ["RELIEF", "CURE", "CLEAR"]


def test_a_healthy_node_takes_four_lines_at_most() -> None:
    lines = render(HEALTHY).splitlines()

    assert len(lines) <= 4
    assert "five" not in lines[0]
    assert "Whole picture: yes." in render(HEALTHY)


def test_an_empty_table_on_a_terminal_takes_three_lines_and_names_the_example() -> None:
    assert render(EMPTY, terminal=True).splitlines()[2:] == ["See it at work: halftrack doctor --example"]
    assert "--example" not in render(EMPTY)
    assert "--example" not in render(HEALTHY, terminal=True)


def test_ok_is_said_only_of_the_whole_picture() -> None:
    shown = msgspec.structs.replace(HEALTHY, complete=False)

    assert render(shown).startswith("PARTIAL  pod-11: ")
    assert "OK" not in render(shown)
    assert "Whole picture: no." in render(shown)


def test_what_was_not_seen_names_what_would_show_it() -> None:
    text = render(UNPRIVILEGED)

    assert "NOT SEEN" in text
    assert "CAP_NET_ADMIN" in text
    assert "14 times" in text
    assert "sudo halftrack" in text
    assert "User=ops" in text


def test_a_dump_says_what_to_ask_for_and_what_is_assumed() -> None:
    text = render(MASKED)

    assert "ASK FOR sysctl net.netfilter; uname -r; date" in text
    assert "ASSUMED tcp_timeout_established ~432000" in text
    assert "MASKS" in text
    assert "46.202.252.61 is NOT masked" in text
    assert "19 h 4 min - 19 h 11 min" in text
    assert "halftrack doctor dump.txt -v" in render(MASKED, again="halftrack doctor dump.txt")


@pytest.mark.parametrize(
    ("told", "words"), [(True, "Full: not in sight (few)."), (False, "Full when: cannot be told (few).")]
)
def test_whether_a_table_fills_is_what_the_forecast_says_of_it(told: bool, words: str) -> None:
    """As `halftrack check` goes by it: a screen and a check of one scan say the same."""
    shown = table(stuck=12, forecast=Forecast(told=told, basis="few"))
    assert ahead(shown, diagnosis(tables=(shown,)), basis=True) == words


def test_a_growth_in_steps_is_not_shown_as_a_rate() -> None:
    assert "in steps" in render(SICK_NEW)


def test_verbose_shows_every_group_cause_and_command() -> None:
    text = render(SICK_OLD, verbose=True)
    joined = " ".join(text.split())

    for finding in SICK_OLD.findings:
        assert finding.title in joined
        for group in finding.groups:
            assert f"{group.entries:,}" in text
        for cause in finding.causes:
            assert cause.cause in text
            assert all(missing in joined for missing in cause.missing)
        for enabled in finding.enabled_by:
            assert enabled.setting in text
        for advice in finding.remedies:
            assert advice.remedy in text
            assert all(why in joined for why in advice.risk.why)
    assert text.count("conntrack -D") == 9


def test_hostile_text_reaches_the_terminal_as_escapes() -> None:
    """Names and lines come from outside; a terminal must obey none of them."""
    spoilt = msgspec.json.decode(
        msgspec.json.encode(SICK_OLD).decode().replace("web-1", "@@").replace("203.0.113.73", "@@").encode()
    )
    text = msgspec.json.encode(spoilt).decode().replace("@@", msgspec.json.encode(HOSTILE).decode()[1:-1])
    shown = msgspec.json.decode(text, type=Diagnosis)
    for ascii_only in (True, False):
        for verbose in (True, False):
            page = render(shown, ascii=ascii_only, verbose=verbose)
            assert all(line.isprintable() for line in page.splitlines())
            assert "\\x1b" in page
            assert page.isascii() is ascii_only


def test_colour_changes_nothing_but_colour() -> None:
    plain = render(SICK_OLD)
    coloured = render(SICK_OLD, color=True)

    assert "\x1b[1;31mCRITICAL\x1b[0m" in coloured
    assert "\x1b[1mRELIEF\x1b[0m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_utf8_terminal_gets_blocks() -> None:
    assert "\u2588" in render(SICK_OLD, ascii=False)


def test_unreadable_lines_are_counted_and_the_first_ones_shown() -> None:
    shown = msgspec.structs.replace(
        MASKED,
        input=Input(lines=9000, unreadable=1234, first_unreadable=("a.txt:3: no tuple: foo\x1b", "b", "c")),
    )

    text = render(shown)

    assert "1,234 of 9,000 lines could not be read" in text
    assert "a.txt:3: no tuple: foo\\x1b" in text


def test_a_node_without_any_table_still_gets_a_screen() -> None:
    shown = diagnosis(tables=(), complete=False, verdict="no connection table could be read.")

    assert render(shown).startswith("PARTIAL  pod-11: no connection table could be read.")


def test_wide_characters_are_counted_as_two_columns() -> None:
    lines = Page(40, ascii=False).wrap("\u6f22" * 50, "x ")

    assert all(cells(line) <= 40 for line in lines)
    assert "".join(lines).count("\u6f22") == 50


def test_strict_pick_up_cannot_be_pasted_before_the_clearing() -> None:
    """Its entries would be cleared next: what goes by mistake then could not come back."""
    strict = Advice(
        remedy="strict-pickup",
        kind="cure",
        title="no entries from packets in mid-stream",
        effect=Effect(),
        risk=Risk(level="medium"),
        commands=("sysctl -w net.netfilter.nf_conntrack_tcp_loose=0", "mkdir -p /etc\necho x > /etc/y"),
        after="clear",
    )
    clear = msgspec.structs.replace(strict, remedy="drain", kind="clear", commands=("true",), after=None)
    finding = msgspec.structs.replace(MASKED.findings[0], remedies=(strict, clear))
    text = render(msgspec.structs.replace(MASKED, findings=(finding,)))

    assert "CURE    Only after CLEAR: " in text
    assert "        # sysctl -w net.netfilter.nf_conntrack_tcp_loose=0\n" in text
    assert "\n        sysctl" not in text
    narrow = render(msgspec.structs.replace(MASKED, findings=(finding,)), width=40)
    assert max(map(len, narrow.splitlines())) <= 40
    assert "\n        sysctl" not in narrow


def test_the_command_that_shows_all_is_whole_and_pasteable() -> None:
    again = "halftrack doctor /var/tmp/a/rather/long/name.txt --assume limit=262144 --assume kernel=6.18"
    lines = render(MASKED, again=again).splitlines()
    begin = next(n for n, line in enumerate(lines) if "halftrack doctor" in line)
    typed = "\n".join(lines[begin : begin + 2]).replace("\\\n", "")

    assert " ".join(typed.split()) == f"{again} -v"
    assert begin < FIRST_SCREEN
    assert "once more with -v" in render(MASKED, again=None)


def test_a_timeline_tells_ranges_and_folds_empty_rows() -> None:
    line = Timeline(clock="timeout", bucket_s=3_600, start=None, entries=(31, 0, 0, 0, 0, 9))
    finding = msgspec.structs.replace(MASKED.findings[0], timeline=line)
    text = render(msgspec.structs.replace(MASKED, findings=(finding,)), verbose=True)

    assert "6 h - 5 h before        31 #" in text
    assert "0  (4 rows)" in text
    assert "1 h - 0 s before         9 #" in text


def test_others_are_told_with_the_total() -> None:
    assert "10 other services  17,916    7 %  of 214,318 in all" in render(SICK_OLD)


def test_where_nothing_fits_the_screen_says_so_and_what_would_help_to_know() -> None:
    finding = msgspec.structs.replace(SICK_OLD.findings[0], remedies=())
    cause = Cause(cause="slow-path", confidence=0.3, missing=("what the far end sees",))
    bare = msgspec.structs.replace(SICK_OLD, findings=(msgspec.structs.replace(finding, causes=(cause,)),))
    flat = " ".join(render(bare).split())
    assert f"Nothing to type fits {finding.symptom} as it is seen here." in flat
    assert "What would help to know: what the far end sees." in flat
    assert "Nothing to type" not in render(SICK_OLD)


def test_an_unread_namespace_with_entries_does_not_hide_the_example() -> None:
    (own,) = EMPTY.tables
    other = msgspec.structs.replace(own, netns="other", entries=5, read=False)
    seen = render(msgspec.structs.replace(EMPTY, tables=(own, other)), terminal=True)
    assert "See it at work: halftrack doctor --example" in seen


def test_of_many_empty_tables_their_number_is_told() -> None:
    spare = [
        msgspec.structs.replace(SICK_OLD.tables[0], netns=f"pod-{number}", entries=0, read=False, owner=None)
        for number in range(11)
    ]
    few = msgspec.structs.replace(SICK_OLD, tables=(*SICK_OLD.tables, *spare[:10]))
    many = msgspec.structs.replace(SICK_OLD, tables=(*SICK_OLD.tables, *spare))

    assert all(f"  {each.netns}: 0" in render(few, verbose=True) for each in spare[:10])
    assert "  and 11 more, without an entry (all of them: --json)" in render(many, verbose=True)
    assert "pod-" not in render(many, verbose=True)


def test_rows_of_seconds_are_told_apart() -> None:
    start = SICK_OLD.taken_at - timedelta(seconds=40)
    short = Timeline(start=start, bucket_s=10, entries=(5, 6, 7, 8), clock="timeout")
    found = msgspec.structs.replace(SICK_OLD.findings[0], timeline=short)
    shown = msgspec.structs.replace(SICK_OLD, findings=(found, *SICK_OLD.findings[1:]))

    chart = render(shown, verbose=True).split("10 s a row:")[1].splitlines()[1:5]

    assert len({line.split(" - ")[0] for line in chart}) == 4
    assert all(re.search(r" \d\d:\d\d:\d\d - \d\d:\d\d:\d\d  ", line) for line in chart), chart
