"""One line for Nagios: status, ranges, performance data."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from halftrack.diagnosis.document import Forecast, Gap
from halftrack.reporters import nagios, plugin, ranges
from halftrack.reporters.ranges import MEASURES, Limits
from unit.documents import NOW, diagnosis, table
from unit.screens import SCREENS

if TYPE_CHECKING:
    from halftrack.reporters.ranges import Measure

LINE = re.compile(r"HALFTRACK (OK|WARNING|CRITICAL|UNKNOWN) - ([ -{}~]+?)( \| (?P<data>.+))?")
DATUM = re.compile(r"'[a-z_]+'=-?\d+(\.\d+)?(%|s|c)?(;[^; ]*){4}")


@pytest.mark.parametrize(
    ("text", "quiet", "alarming"),
    [
        ("10", (0, 5, 10), (-1, 10.1)),
        ("10:", (10, 1e9, float("inf")), (9.9, 0)),
        ("~:10", (-1e9, 10), (10.1,)),
        ("10:20", (10, 20), (9, 21)),
        ("@10:20", (9, 21), (10, 15, 20)),
        ("@5", (6, -1), (0, 5)),
        (":7", (0, 7), (8, -1)),
        ("-5:-1", (-5, -1), (0, -6)),
        ("1.5:2.5", (1.5, 2), (1.4,)),
        ("0", (0,), (1,)),
    ],
)
def test_ranges_as_plugins_write_them(
    text: str, quiet: tuple[float, ...], alarming: tuple[float, ...]
) -> None:
    found = ranges.parsed(text)
    assert not any(found.alarms(value) for value in quiet)
    assert all(found.alarms(value) for value in alarming)


@pytest.mark.parametrize(
    "text", ["", "@", "~", "x", "20:10", "10:~", "1:2:3", "10%", " 10", "1e3", "٣", "10:x", "@@1"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        ranges.parsed(text)


def limits(measure: Measure, warning: str | None, critical: str | None) -> Limits:
    return Limits(measure, *(ranges.parsed(one) if one else None for one in (warning, critical)))


@pytest.mark.parametrize(
    ("severity", "complete", "code"),
    [("ok", True, 0), ("ok", False, 3), ("warning", False, 1), ("critical", True, 2)],
)
def test_without_ranges_the_doctors_word_counts(severity: str, complete: bool, code: int) -> None:
    gaps = () if complete else (Gap(what="entries of web", why="x"),)
    found = nagios.check(diagnosis(severity=severity, complete=complete, gaps=gaps), Limits())
    assert found[0] == code
    assert complete or "entries of web" in found[1]


@pytest.mark.parametrize(
    ("measure", "warning", "critical", "code"),
    [
        ("used", "80", "90", 0),
        ("used", "40", "90", 1),
        ("used", "40", "45", 2),
        ("used", None, "@50:50", 2),
        ("fullest", "80", "95", 1),
        ("stuck", "0", None, 1),
        ("stuck", "7", "7", 0),
        ("full-in", "7200:", "600:", 1),
        ("full-in", "600:", None, 0),
    ],
)
def test_with_ranges_the_measure_counts(
    measure: Measure, warning: str | None, critical: str | None, code: int
) -> None:
    ahead = Forecast(full_at=NOW + timedelta(hours=1), basis="")
    tables = (
        table(entries=50, limit=100, stuck=3, forecast=ahead),
        table(netns="web", entries=90, limit=100, stuck=4),
    )
    found = diagnosis(tables=tables, severity="critical")
    assert nagios.check(found, limits(measure, warning, critical))[0] == code


def test_a_table_that_is_not_in_sight_of_being_full() -> None:
    code, line = nagios.check(diagnosis(), limits("full-in", "86400:", "3600:"))
    assert code == 0
    assert "full-in not in sight" in line
    assert "'full_in'" not in line


UNTOLD = Forecast(told=False, basis="no clock")


@pytest.mark.parametrize(
    ("measure", "warning", "code"),
    [("used", "80", 0), ("fullest", "80", 3), ("stuck", "5", 3), ("full-in", "60:", 3)],
)
def test_what_was_not_all_seen_is_not_judged_to_be_well(measure: Measure, warning: str, code: int) -> None:
    found = diagnosis(complete=False, gaps=(Gap(what="tables of others", why="x"),), tables=(table(stuck=1),))
    assert nagios.check(found, limits(measure, warning, None))[0] == code
    assert nagios.check(found, limits(measure, None, warning))[0] == code
    told, line = nagios.check(found, limits("stuck", "0", None))
    assert (told, "tables of others" in line) == (1, True)  # what was seen is more than enough


@pytest.mark.parametrize("ranges", [("86400:", "7200:"), ("@~:60", None), (None, "@0:")])
def test_a_table_that_nobody_can_foretell_is_not_judged(ranges: tuple[str | None, str | None]) -> None:
    found = diagnosis(tables=(table(), table(netns="web", forecast=UNTOLD)))
    code, line = nagios.check(found, limits("full-in", *ranges))
    assert code == 3
    assert "full-in not known (of web it cannot be told: no clock)" in line


@pytest.mark.parametrize(("warning", "code"), [("7200:", 1), ("600:", 3)])
def test_a_table_that_fills_is_told_of_whatever_cannot_be_told_of_another(warning: str, code: int) -> None:
    ahead = Forecast(full_at=NOW + timedelta(hours=1), basis="")
    found = diagnosis(tables=(table(forecast=ahead), table(netns="web", forecast=UNTOLD)))
    assert nagios.check(found, limits("full-in", warning, None))[0] == code


def test_a_table_too_small_to_be_read_is_not_in_doubt() -> None:
    small = table(netns="web", entries=12, read=False, stuck=None, forecast=UNTOLD)
    found = diagnosis(tables=(table(stuck=0), small))
    for measure, warning in (("full-in", "7200:"), ("stuck", "5"), ("fullest", "80")):
        assert nagios.check(found, limits(measure, warning, None))[0] == 0


def test_what_is_not_known_is_unknown() -> None:
    unread = table(entries=None, limit=None, stuck=None)
    for measure in MEASURES[:3]:
        code, line = nagios.check(diagnosis(tables=(unread,)), limits(measure, "1", None))
        assert (code, "not known" in line) == (3, True)


def test_both_numbers_are_there_what_counts_and_what_would_give_way() -> None:
    data = nagios.check(diagnosis(tables=(table(entries=50, limit=100, reclaimable=40),)), Limits())[1]
    assert "'used'=50%;;;0;100" in data
    assert "'entries'=50;;;0;100" in data
    assert "'reclaimable'=40;;;0;" in data


def test_ranges_stand_beside_the_number_that_they_are_of() -> None:
    data = nagios.check(diagnosis(), limits("stuck", "10", "@20:30"))[1]
    assert "'used'=1.2%;;;0;100" in data
    found = diagnosis(tables=(table(stuck=5),))
    assert "'stuck'=5;10;@20:30;0;" in nagios.check(found, limits("stuck", "10", "@20:30"))[1]


@pytest.mark.parametrize("name", SCREENS)
def test_every_line_has_the_form(name: str) -> None:
    found = LINE.fullmatch(nagios.check(SCREENS[name], Limits())[1])
    assert found is not None
    assert all(DATUM.fullmatch(one) for one in (found["data"] or "").split(" ") if one)


@given(some.text(), some.integers(0, 3))
def test_no_text_breaks_the_line(text: str, code: int) -> None:
    line = plugin.line(code, text, "'a'=1;;;0;")
    assert line.isascii()
    assert line.isprintable()
    assert line.count("|") == 1
