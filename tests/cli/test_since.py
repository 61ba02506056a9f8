"""``halftrack doctor --since``: as it is typed, and what is refused."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cli.conftest import FOUNDING, process
from cli.pages import ROOT
from halftrack.reporters.schema import schema
from unit import reports
from unit.bundles import packed, whole
from unit.flowrows import TAKEN_AT

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

LEAK = str(ROOT / "docs/examples/leak.txt")
FIXED = str(ROOT / "docs/examples/leak-fixed.txt")
HOUR = 3_600
MONDAY, LATER = "2026-11-16T09:00Z", "2026-11-16T12:00Z"


def line(number: int, left: int) -> str:
    client = f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return (
        f"ipv4     2 tcp      6 {left} ESTABLISHED src=203.0.113.73 dst={client} sport=80 dport=4000"
        f" [UNREPLIED] src={client} dst=203.0.113.73 sport=4000 dport=80 mark=0 use=2\n"
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A table, and the same a day later: half of it left, as many came."""
    then, now = tmp_path / "then.txt", tmp_path / "now.txt"
    then.write_text("".join(line(n, 400_000 - 60 * n) for n in range(100)), encoding="ascii")
    stayed = [line(n, 400_000 - 60 * n - 24 * HOUR) for n in range(50)]
    new = [line(1_000 + n, 432_000 - 1_000 * n) for n in range(50)]
    now.write_text("".join(stayed + new), encoding="ascii")
    return str(then), str(now)


def document(run: Run, *words: str) -> dict[str, Any]:
    ran = run("doctor", "--json", *words)
    assert ran.code < 4, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(found)
    return found


def test_without_it_there_is_no_such_part(run: Run) -> None:
    assert document(run, LEAK)["since"] is None


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned around"])
def test_a_fix_before_and_after(run: Run, *, turned: bool) -> None:
    """However they are named the later one is examined: its old entries have three hours less left."""
    words = (LEAK, "--since", FIXED) if turned else (FIXED, "--since", LEAK)
    found = document(run, *words)
    since = found["since"]
    assert found["node"] == "leak-fixed.txt"
    assert [each["name"] for each in since["moments"]] == ["leak.txt", "leak-fixed.txt"]
    assert (since["order"], since["seconds"]) == ("entries", 3 * HOUR)
    [one_sided] = [each for each in since["findings"] if each["symptom"] == "one-sided"]
    assert (one_sided["course"], one_sided["before"], one_sided["now"]) == ("smaller", 144, 34)
    assert (one_sided["new"], one_sided["stayed"], one_sided["left"]) == (4, 30, 114)
    [setting] = since["settings"]
    assert (setting["before"], setting["now"]) == ("432000", "7440")


def test_it_is_on_the_first_screen(run: Run) -> None:
    text = run("doctor", FIXED, "--since", LEAK).out
    lines = text.splitlines()
    assert all(len(each) <= 80 and each.isascii() for each in lines)
    first = "\n".join(lines[:24])
    for wanted in (
        "SINCE   leak.txt, 3 h before by what their entries have left.",
        "  smaller  one-sided/",
        "432000 -> 7440",
    ):
        assert wanted in first
    assert f"--since={LEAK}" in text.replace(" \\\n          ", " ")


def test_times_can_be_assumed_of_both(run: Run, files: tuple[str, str]) -> None:
    then, now = files
    since = document(run, now, "--since", then, "--assume", f"taken-at={LATER},{MONDAY}")["since"]
    assert (since["order"], since["seconds"]) == ("times", 3 * HOUR)
    assert [each["taken_at"] for each in since["moments"]] == ["2026-11-16T09:00:00Z", "2026-11-16T12:00:00Z"]
    since = document(run, now, "--since", then, "--assume", "limit=500")["since"]
    assert (since["order"], since["seconds"], since["settings"]) == ("entries", 24 * HOUR, [])


def test_where_nothing_tells_the_order_given_counts(run: Run) -> None:
    found = document(run, str(FOUNDING), "--since", str(FOUNDING))
    assert found["since"]["order"] == "given"
    assert found["since"]["seconds"] is None
    assert "taken as named" in run("doctor", str(FOUNDING), "--since", str(FOUNDING)).out.replace(
        "\n        ", " "
    )


def test_several(run: Run, files: tuple[str, str], tmp_path: Path) -> None:
    middle = tmp_path / "middle.txt"
    rows = [line(n, 400_000 - 60 * n - 12 * HOUR) for n in range(75)]
    middle.write_text("".join(rows), encoding="ascii")
    dates = {"now.txt": "18", "then.txt": "16", "middle.txt": "17"}
    for name, day in dates.items():
        file = tmp_path / name
        file.write_text(
            f"Mon Nov {day} 09:00:00 UTC 2026\n{file.read_text(encoding='ascii')}", encoding="ascii"
        )
    found = document(run, files[1], "--since", str(middle), "--since", files[0])["since"]
    assert [each["name"] for each in found["moments"]] == ["then.txt", "middle.txt", "now.txt"]
    assert [each["left"] for each in found["moments"]] == [None, 25, 25]
    text = run("doctor", "-v", files[1], "--since", str(middle), "--since", files[0]).out
    assert "middle.txt: 75, stuck 75 (0 new, 75 stayed, 25 left)" in text.replace("\n          ", " ")


def test_one_of_them_may_come_through_a_pipe(files: tuple[str, str]) -> None:
    then, now = files
    with open(now, "rb") as file:  # noqa: PTH123  # as a shell does
        ran = process("doctor", "-", "--since", then, "--json", stdin=file.read())
    assert ran.returncode == 1, ran.stderr
    [table] = json.loads(ran.stdout)["since"]["tables"]
    assert (table["new"], table["stayed"], table["left"]) == (50, 50, 50)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("-", "--since", "-"), 64, "standard input"),
        (("{then}", "--since", "/nowhere"), 65, "/nowhere"),
        (("--example", "--since", "{then}"), 64, "--example"),
        (("{now}", "--since", "{then}", "--assume", f"taken-at={MONDAY},{MONDAY},{MONDAY}"), 64, "--assume"),
        (("{masked}", "--since", "{then}"), 64, "masked otherwise"),
    ],
)
def test_what_cannot_be(
    run: Run, files: tuple[str, str], words: tuple[str, ...], code: int, why: str
) -> None:
    told = [each.format(then=files[0], now=files[1], masked=FOUNDING) for each in words]
    ran = run("doctor", *told)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("marked", [True, False], ids=["sos", "plain outputs"])
def test_archives_and_directories_are_called_as_they_are_named(
    run: Run, tmp_path: Path, *, marked: bool
) -> None:
    """And not by one of the many files in them."""
    files = {
        reports.LISTED: reports.entries(30),
        "sos_commands/networking/ip_-o_addr": "2: eth0    inet 10.0.0.5/24 scope global eth0\\\n",
    } | (reports.whole() if marked else {})
    if not marked:
        files = {name.rpartition("/")[2]: text for name, text in files.items()}
    (tmp_path / "monday.tar").write_bytes(reports.archive(files, reports.TOP if marked else ""))
    wednesday = str(reports.tree(tmp_path, files, "wednesday"))
    found = document(run, wednesday, "--since", str(tmp_path / "monday.tar"))
    assert [each["name"] for each in found["since"]["moments"]] == ["monday.tar", "wednesday"]
    screen = run("doctor", wednesday, "--since", str(tmp_path / "monday.tar"))
    assert "monday.tar" in screen.out
    assert "and 1 more" not in screen.out
    assert "conntrack_-L" not in screen.out.partition("SINCE")[2].partition("\n\n")[0]


def test_two_moments_without_it_are_told_how_to_be_compared(run: Run, tmp_path: Path) -> None:
    """What is printed can be typed as it stands."""
    then, now = tmp_path / "then.tgz", tmp_path / "now 2.tgz"
    for path, at in ((then, TAKEN_AT), (now, TAKEN_AT + timedelta(hours=1))):
        path.write_bytes(packed(replace(whole(), taken_at=at)))
    ran = run("doctor", str(then), str(now))
    assert ran.code == 65
    told, _, typed = ran.err.strip().partition("; moments of one node are compared by: ")
    assert told.endswith("then.tgz is a bundle: it is read by itself")
    _, _, words = typed.partition(" doctor ")
    assert f"--since={now}" in shlex.split(words)
    assert document(run, *shlex.split(words))["since"]["seconds"] == HOUR
    assert "--since" not in run("list", "--from", str(then), "--from", str(now)).err
