"""Journals of changes: what a crash leaves, what records come to, and what is shown of it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest

from halftrack.changes import folding, journal, places, records, showing
from halftrack.changes.journal import Journal
from halftrack.changes.writes import buckets, files
from halftrack.changes.writes.buckets import BucketsWrite
from halftrack.errors import PermissionMissing, UnreadableInput, UsageError
from halftrack.plans.actions import Drain, Where
from halftrack.plans.change import Changes, Who
from halftrack.plans.document import Plan, identified
from halftrack.reporters import changes as screen
from halftrack.reporters import json as documents
from halftrack.reporters import schema
from unit import plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from halftrack.changes.records import Record

AT = datetime(2026, 11, 23, 3, 19, tzinfo=UTC)
WHO = Who(user="root", uid=0, login="ops", sudo="ev\x1b[31mil", ssh="192.0.2.1 50000 192.0.2.2 22")
PLAN = identified(Plan(node="pod-03", source="live"))


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALFTRACK_STATE_DIR", str(tmp_path / "state"))


def begun() -> records.Begun:
    return records.Begun(at=AT, number=1, who=WHO, plan=PLAN, boot="b")


def writing(index: int = 0, path: str = "/nowhere") -> records.Writing:
    write = BucketsWrite(before=65536, after=131072, path=path)
    return records.Writing(at=AT, index=index, step=0, action=0, write=write)


def made(*found: Record) -> Journal:
    new = Journal.new()
    for record in found:
        new.append(record)
    return new


def test_records_come_back_as_they_were_written() -> None:
    wanted: list[Record] = [begun(), writing(), records.Wrote(at=AT, index=0), records.Undone(at=AT, why="x")]
    assert made(*wanted).records() == wanted


def test_only_root_may_read_it() -> None:
    new = made(begun())
    assert new.path.stat().st_mode & 0o777 == 0o600
    assert new.directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("torn", [b'{"record":"wro', b"\xff\xfe", b"\0" * 100])
def test_a_torn_last_line_says_nothing_and_is_written_over(torn: bytes) -> None:
    new = made(begun(), writing())
    with new.path.open("ab") as file:
        file.write(torn)
    assert len(new.records()) == 2
    new.append(records.Wrote(at=AT, index=0))
    assert [type(one) for one in new.records()] == [records.Begun, records.Writing, records.Wrote]


@pytest.mark.parametrize("line", [b"{}", b'{"a":' * 100_000], ids=["other", "nested"])
def test_a_broken_line_before_others_is_named(line: bytes) -> None:
    new = made(begun())
    with new.path.open("ab") as file:
        file.write(line + b"\n")
    new.append(writing())
    with pytest.raises(UnreadableInput, match=r"journal\.jsonl:2: "):
        new.records()


def test_what_never_began_is_no_change() -> None:
    Journal.new()
    assert list(journal.every()) == []
    with pytest.raises(UsageError, match="there is no change 1"):
        journal.find(1)
    assert Journal.new().number == 2


STATES: dict[str, tuple[Record, ...]] = {
    "begun": (begun(), writing()),
    "applied": (begun(), writing(), records.Applied(at=AT, done_s=5.0)),
    "trial": (begun(), records.Armed(at=AT, deadline_s=9.0, undone_at=AT, guardian=7), writing()),
    "stopped": (begun(), writing(), records.Failed(at=AT, step=0, why="it did not hold")),
    "undoing": (begun(), writing(), records.Undoing(at=AT, who=WHO, why="asked for")),
    "undone": (begun(), writing(), records.Restored(at=AT, index=0), records.Undone(at=AT, why="asked for")),
    "kept": (
        begun(),
        records.Armed(at=AT, deadline_s=9.0, undone_at=AT, guardian=7),
        writing(),
        records.Kept(at=AT, who=WHO, how="x"),
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_records_come_to_a_state(state: str) -> None:
    assert folding.fold(STATES[state]).state == state


def test_what_is_announced_but_not_restored_may_stand() -> None:
    folded = folding.fold((begun(), writing(0), writing(1), records.Restored(at=AT, index=1)))
    assert [entry.index for entry in folded.standing] == [0]


@pytest.mark.parametrize("found", [(), (writing(),), (begun(), records.Wrote(at=AT, index=4))])
def test_records_that_make_no_sense_are_refused(found: tuple[Record, ...]) -> None:
    with pytest.raises(UnreadableInput):
        folding.fold(found)


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_shown_on_narrow_lines_and_in_its_schema(state: str, tmp_path: Path) -> None:
    parameter = tmp_path / "hashsize"
    parameter.write_text("131072\n", encoding="ascii")
    found = [
        writing(path=str(parameter)) if isinstance(one, records.Writing) else one for one in STATES[state]
    ]
    change = showing.show(folding.fold(found))
    assert change.holds == ("gone" if state == "undone" else "yes")
    assert change.undone_at == (AT if state == "trial" else None)
    assert change.was_undone_at == (AT if state == "undone" else None)
    for text in (screen.listed((change,)), screen.one(change), screen.outcome(change)):
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "\x1b" not in text
    document = json.loads(documents.pretty(Changes(changes=(change,))))
    jsonschema.Draft202012Validator(schema.changes()).validate(document)


def test_each_file_of_drained_entries_is_shown_with_its_command() -> None:
    drains = [Drain(where=Where(netns=name), filter=("one-sided",)) for name in ("host", "gone-ns")]
    clear = plans.plan(plans.step("clear", *drains, title="drain both"))
    change = showing.show(
        folding.fold(
            (
                msgspec.structs.replace(begun(), plan=clear),
                records.Drained(at=AT, step=0, action=0, entries=1_200, file="/x/drain-1/drained.conntrack"),
                records.Drained(at=AT, step=0, action=1, entries=34, file="/x/drain-2/drained.conntrack"),
            )
        )
    )
    commands = [each.put_back for each in change.drained_files]
    assert str(commands[0]).endswith("conntrack -R /x/drain-1/drained.conntrack")
    assert commands[1] is None
    flat = " ".join(screen.one(change).split())
    assert f"drained 1,234 entries; conntrack puts in again what it can: {commands[0]}" in flat
    assert "/x/drain-2/drained.conntrack; the way into its namespace, gone-ns, is not known any more" in flat


def test_a_drain_that_was_cut_short_names_its_file() -> None:
    clear = plans.plan(plans.step("clear", Drain(filter=("one-sided",))))
    file = "/x/drain-1/drained.conntrack"
    change = showing.show(
        folding.fold(
            (
                msgspec.structs.replace(begun(), plan=clear),
                records.Draining(at=AT, step=0, action=0, file=file),
            )
        )
    )
    assert "a drain was cut short" in screen.one(change)
    assert f"conntrack -R {file}\n" in screen.outcome(change)


@pytest.mark.parametrize(
    ("now", "wanted", "alike"), [(65536, 65536, True), (512, 1, True), (1024, 512, False)]
)
def test_buckets_are_compared_as_the_kernel_rounds_them(now: int, wanted: int, *, alike: bool) -> None:
    assert buckets.same(now, wanted) is alike


def test_a_file_that_was_absent_is_absent_again_with_its_directories(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c.conf"
    write = files.prepare(path, b"x\n")
    write.do()
    write.do()
    assert path.read_bytes() == b"x\n"
    assert path.stat().st_mode & 0o777 == 0o644
    write.undo()
    write.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_keeps_nobody_from_the_others() -> None:
    made(begun(), writing())
    damaged = made(begun())
    with damaged.path.open("ab") as file:
        file.write(b"{}\n")
    made(begun())
    said: list[str] = []
    assert [one.number for one, _ in journal.every(said)] == [3, 1]
    assert len(said) == 1
    assert said[0].startswith("change 2 cannot be read (")
    with pytest.raises(UnreadableInput, match=r"change 2 cannot be read .* moved away, it is forgotten"):
        list(journal.every())


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_journal_that_is_no_file_is_a_damaged_one(make: Callable[[Path], None]) -> None:
    made(begun())
    damaged = made(begun())
    damaged.path.unlink()
    make(damaged.path)
    said: list[str] = []
    assert [one.number for one, _ in journal.every(said)] == [1]
    assert said[0].startswith("change 2 cannot be read (")
    assert "is no plain file" in said[0]
    with pytest.raises(UnreadableInput, match="is no plain file"):
        journal.find(2)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_what_others_may_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    made(begun())
    (tmp_path / "state/changes").chmod(mode)
    for ask in (lambda: list(journal.every()), lambda: journal.find(1), Journal.new):
        with pytest.raises(PermissionMissing, match="not believed"):
            ask()


@pytest.mark.parametrize(
    ("variable", "ask"),
    [
        ("HALFTRACK_STATE_DIR", places.state),
        ("HALFTRACK_RUN_DIR", places.run),
        ("HALFTRACK_ETC_DIR", places.etc),
        ("HALFTRACK_CONFIG_DIR", places.config),
    ],
)
def test_a_place_is_the_same_from_everywhere(
    monkeypatch: pytest.MonkeyPatch, variable: str, ask: Callable[[], Path]
) -> None:
    monkeypatch.setenv(variable, "./here")
    with pytest.raises(UsageError, match=f"{variable} is './here': write the whole path"):
        ask()
