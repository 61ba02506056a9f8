"""``halftrack doctor``: exit codes, forms of output, the founding case, what is refused."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cli.conftest import FOUNDING, process
from halftrack.evidence.values import Counters, Gap
from halftrack.reporters.schema import schema
from unit.flowrows import evidence, one_sided, row, table, udp

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from halftrack.evidence.values import Evidence

COUNTERS = (Counters(1.0, {"drop": 0, "early_drop": 0}), Counters(2.0, {"drop": 0, "early_drop": 0}))
DROPPING = (Counters(1.0, {"drop": 0, "early_drop": 0}), Counters(2.0, {"drop": 9, "early_drop": 3}))
LIMITS = {"limit": 262_144, "buckets": 65_536, "counters": COUNTERS}
STUCK = tuple(one_sided(dst=f"198.51.{n // 250}.{n % 250}", left=360_000 + n) for n in range(2000))
GAP = Gap("entries of shop", "no permission", ("CAP_SYS_ADMIN",), ("one-sided",), "shop")


def node(**fields: object) -> Evidence:
    return evidence(**fields)


OK = evidence(table(udp(), row(left=431_990), **LIMITS))
SEEN = {
    "ok": (OK, 0),
    "ok but incomplete": (evidence(table(udp(), **LIMITS), gaps=(GAP,)), 3),
    "warning": (evidence(table(*STUCK, **LIMITS), kernel="2.6.32-042stab092.1"), 1),
    "warning and incomplete": (
        evidence(table(*STUCK, **LIMITS), kernel="2.6.32-042stab092.1", gaps=(GAP,)),
        1,
    ),
    "critical": (evidence(table(*STUCK, limit=2000, buckets=512, counters=DROPPING), kernel="2.6.32"), 2),
}


@pytest.mark.parametrize("name", SEEN)
def test_the_exit_code_says_what_was_found(run: Run, name: str) -> None:
    seen, code = SEEN[name]

    assert run("doctor", seen=seen).code == code
    assert run("doctor", "--json", seen=seen).code == code
    assert run("doctor", "--exit-zero", seen=seen).code == 0


@pytest.mark.parametrize("name", SEEN)
def test_every_document_validates(run: Run, name: str) -> None:
    document = json.loads(run("doctor", "--json", seen=SEEN[name][0]).out)

    jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(document)


@pytest.mark.parametrize("name", SEEN)
def test_every_screen_obeys_the_rules(run: Run, name: str) -> None:
    """At most 80 columns of ASCII, the verdict first, OK only where nothing was unread."""
    lines = run("doctor", seen=SEEN[name][0]).out.splitlines()
    word = {"ok": "OK", "ok but incomplete": "PARTIAL", "critical": "CRITICAL"}.get(name, "WARNING")

    assert lines[0].startswith(f"{word}  node17: ")
    assert all(len(line) <= 80 and line.isascii() for line in lines)
    assert ("Whole picture: yes." in "\n".join(lines)) is ("incomplete" not in name)


def test_options_count_on_either_side_of_the_verb(run: Run) -> None:
    before = run("--json", "doctor", seen=OK)
    behind = run("doctor", "--json", seen=OK)
    form = run("doctor", "--format", "json", seen=OK)
    line = run("doctor", "--jsonl", seen=OK)

    assert before == behind == form
    assert json.loads(line.out) == json.loads(before.out)
    assert line.out.count("\n") == 1


def test_without_a_verb_it_is_the_doctor(run: Run) -> None:
    assert run(seen=OK).out == run("doctor", seen=OK).out
    assert json.loads(run("--json", seen=OK).out)["node"] == "node17"


def founding(run: Run) -> dict[str, object]:
    document: dict[str, object] = json.loads(run("doctor", "--json", str(FOUNDING)).out)
    return document


def test_the_founding_case(run: Run) -> None:
    """The three lines exactly as they were published."""
    ran = run("doctor", "--json", str(FOUNDING))
    document = json.loads(ran.out)
    (finding,) = [each for each in document["findings"] if each["symptom"] == "one-sided"]
    (group,) = finding["groups"]

    assert ran.code == 1
    assert group["address"] == "xx.xx.xx.73"
    assert group["service"] == "tcp/80"
    assert group["side"] == "server"
    assert group["entries"] == 3
    assert group["peers"] == 3
    assert (group["idle_min_s"], group["idle_max_s"]) == (68_688, 69_092)
    assert document["input"]["masked"] == "visible"
    assert any("46.202.252.61" in note for note in document["input"]["notes"])
    assert document["complete"] is False
    assert document["kernel"] is None
    assert document["taken_at"] is None
    assert finding["causes"][0]["cause"] == "unknown"


def test_the_founding_case_on_the_screen(run: Run) -> None:
    text = run("doctor", str(FOUNDING)).out
    first = "\n".join(text.splitlines()[:24])

    assert first.startswith("WARNING  founding.txt: 3 entries")
    for wanted in (
        "xx.xx.xx.73 tcp/80 (server side)",
        "19 h 4 min - 19 h 11 min",
        "ause: ",
        "CURE ",
        "Dropped now",
    ):
        assert wanted in first
    for wanted in (
        "ASSUMED",
        "~432000",
        "MASKS",
        "46.202.252.61",
        "ASK FOR",
        "uname -r",
        "Whole picture: no.",
    ):
        assert wanted in text


def test_the_example_is_the_founding_case(run: Run) -> None:
    assert json.loads(run("doctor", "--example", "--json").out)["findings"] == founding(run)["findings"]
    assert run("doctor", "--example").code == 1


def test_what_a_file_does_not_say_can_be_assumed(run: Run) -> None:
    document = json.loads(
        run(
            *("doctor", "--json", str(FOUNDING), "--assume", "kernel=2.6.32-042stab092.1"),
            *("--assume", "limit=262144", "--assume", "taken-at=2016-05-17T09:00:00Z"),
        ).out
    )

    assert document["kernel"] == "2.6.32-042stab092.1"
    assert document["tables"][0]["limit"] == 262_144
    assert document["taken_at"] == "2016-05-17T09:00:00Z"
    assert document["input"]["assumed"]["limit"] == "262144"


def test_standard_input_several_files_and_compression(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "table.gz"
    packed.write_bytes(gzip.compress(FOUNDING.read_bytes()))

    piped = json.loads(process("doctor", "-", "--json", stdin=FOUNDING.read_bytes()).stdout)
    both = json.loads(run("doctor", str(packed), str(FOUNDING), "--json").out)

    assert piped["findings"][0]["groups"][0]["idle_max_s"] == 69_092
    assert both["input"]["lines"] == 6
    assert sum(each["entries"] for each in both["tables"]) == 6


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["doctor", "/nonexistent"], 65, "/nonexistent"),
        (["doctor", "/"], 65, "--root"),
        (["doctor", "--format", "pdf"], 64, "pdf"),
        (["doctor", "--example", "x"], 64, "--example"),
        (["doctor", "--assume", "limit=5"], 64, "SOURCE"),
        (["doctor", "--listen", "30s", str(FOUNDING)], 64, "--listen"),
        (["doctor", "--listen", "soon"], 64, "--listen 10m"),
        (["doctor", "--assume", "colour=red", str(FOUNDING)], 64, "colour"),
        (["doctor", "--netns", "self", str(FOUNDING)], 64, "--netns"),
        (["doctr"], 64, "did you mean doctor?"),
        ([str(FOUNDING)], 64, "halftrack doctor"),
        (["--frobnicate"], 64, "--frobnicate"),
    ],
)
def test_errors_are_one_line_with_their_code(run: Run, words: list[str], code: int, error: str) -> None:
    ran = run(*words)

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("\n") == 1
    assert error in ran.err


def test_what_is_no_table_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(bytes(range(256)) * 40)

    ran = run("doctor", str(rubbish))

    assert ran.code == 65
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


def test_hostile_files_are_shown_as_escapes(run: Run, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    first, _, rest = FOUNDING.read_bytes().partition(b"\n")
    hostile.write_bytes(first.replace(b"xx.xx", b"\xe2\x80\xaexx") + b"\n" + rest + b"\x1b[2J what?\n" * 3)

    for words in ([], ["-v"], ["--json"]):
        ran = run("doctor", str(hostile), *words)
        assert ran.code in (1, 3)
        assert all(line.isprintable() for line in ran.out.splitlines())


def test_the_command_that_shows_all_repeats_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file.txt").write_bytes(FOUNDING.read_bytes())
    text = run("doctor", "a file.txt", "--assume", "limit=700", "--assume", "kernel=6.18").out
    typed = " ".join(text.replace("\\\n", "").split())

    assert "doctor 'a file.txt' --assume limit=700 --assume kernel=6.18 -v" in typed


def test_the_command_that_shows_all_keeps_the_namespace(run: Run) -> None:
    assert "doctor --netns edge -v" in run("doctor", "--netns", "edge", seen=SEEN["warning"][0]).out
