"""Sections of what the collecting script prints, however it is cut into pieces."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import formats
from halftrack.errors import UnreadableInput
from halftrack.formats import collection
from halftrack.formats.collection import Collection
from halftrack.live import collected
from unit.reports import entries

WORD = "5b0c-42"
_CONTENT = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"\n", b"a\n", b"\n\n", b"5b0c-42 end 0 x\n", b"5b0c-4", b"\n5b0c-42x", b"begin 1 y"]
    ),
)


def written(sections: list[tuple[str, bytes]], *, complete: bool = True) -> bytes:
    text = f"halftrack-collection 1 {WORD}\n".encode()
    for name, content in sections:
        text += f"\n{WORD} begin 12.50 {name}\n".encode() + content + f"\n{WORD} end 0 {name}\n".encode()
    return text + (f"\n{WORD} complete\n".encode() if complete else b"")


def pieces(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@given(
    st.lists(st.tuples(st.sampled_from(["about", "ns/1/net/tcp", "file/etc/a b"]), _CONTENT), max_size=5),
    st.integers(1, 50),
)
def test_each_section_has_what_was_put_there(sections: list[tuple[str, bytes]], size: int) -> None:
    if any(f"\n{WORD} ".encode() in b"\n" + content + b"\n" for _, content in sections):
        return  # no content knows the token
    read = Collection(iter(pieces(written(sections), size)), "x")
    found = [(each.name, each.raw(1 << 20)) for each in read.sections()]
    assert found == sections
    assert read.complete


@given(st.data(), st.integers(1, 50))
def test_one_that_was_cut_gives_what_there_is(data: st.DataObject, size: int) -> None:
    whole = written([("about", b"kernel 6\n"), ("log", b"line\n" * 10)])
    length = data.draw(st.integers(len(f"halftrack-collection 1 {WORD}\n"), len(whole) - 12))
    read = Collection(iter(pieces(whole[:length], size)), "x")
    found = {each.name: each.raw(1 << 20) for each in read.sections()}
    # What was cut within a mark still shows as content.
    assert f"kernel 6\n\n{WORD} end".encode().startswith(found.get("about", b""))
    assert not read.complete


@given(st.booleans(), st.booleans(), st.integers(0, 30), st.integers(1, 300))
def test_several_in_one_file_are_refused(again: bool, cut: bool, short: int, size: int) -> None:
    first = written([("about", b"kernel 6\n"), ("log", b"line\n" * 10)])
    second = first if again else first.replace(WORD.encode(), b"77aa-9")
    read = Collection(iter(pieces((first[: -30 - short] if cut else first) + second, size)), "x")
    with pytest.raises(UnreadableInput, match="x holds several collections"):
        list(read.sections())


@given(st.integers(1, 300))
def test_content_that_looks_like_another_collection_is_content(size: int) -> None:
    content = b"a\nhalftrack-collection 1 77aa-9\n\n77aa-9 begin 1.0 about\nkernel 7\n"
    read = Collection(iter(pieces(written([("log", content), ("about", b"x\n")]) + b"\nlogout\n", size)), "x")
    assert [(each.name, each.raw(1 << 20)) for each in read.sections()] == [
        ("log", content),
        ("about", b"x\n"),
    ]
    assert read.complete


def test_a_table_that_did_not_arrive_is_called_cut() -> None:
    sections = [("about", b"own 7\nfirst 7\n"), ("ns/7/about", b"read yes\ncount 40\n")]
    found = collected.read(iter([written(sections, complete=False)]), "x")
    assert found.input.truncated
    [gap] = [each for each in found.gaps if each.what.startswith("the rest of the entries of")]
    assert gap.why == "the script was stopped, or its output cut"


def test_one_that_its_own_time_ended_says_so() -> None:
    sections = [("about", b"own 7\nfirst 7\n"), ("ns/7/about", b"read yes\ncount 40\n")]
    text = written(sections, complete=False)
    text += f"\n{WORD} begin 70 ns/7/entries/nf_conntrack\n".encode() + entries(20).encode()
    found = collected.read(iter([text + f"\n{WORD} stopped 60\n".encode()]), "x")
    cut = {each.why for each in found.gaps if each.what.startswith("the rest of")}
    assert cut == {"the time of the script was up after 60 s"}
    [table] = found.tables
    assert len(table.flows or ()) == 20


def test_the_time_for_reading_is_told_from_that_of_the_script() -> None:
    """What did not come by then may be on its way still."""
    sections = [("about", b"own 7\nfirst 7\n"), ("ns/7/about", b"read yes\ncount 40\n")]
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin, os.fdopen(writer, "wb", buffering=0) as never_closed:
        never_closed.write(written(sections, complete=False))
        found = formats.read(["-"], stdin=stdin, budget_s=0.5, collected=collected.read)
    cut = {each.why for each in found.gaps if each.what.startswith("the rest of")}
    assert cut == {"the time for reading it was up (--budget)"}


def test_a_section_whose_command_was_killed_does_not_hide_the_next() -> None:
    text = written([("a", b"1\n")]).replace(f"\n{WORD} complete\n".encode(), b"")
    text += f"\n{WORD} begin 13.00 b\nhalf\n{WORD} begin 14.00 c\n".encode() + b"whole"
    text += f"\n{WORD} end 0 c\n\n{WORD} complete\n".encode()
    read = Collection(iter([text]), "x")
    found = [(each.name, each.raw(9), each.code) for each in read.sections()]
    assert found == [("a", b"1\n", 0), ("b", b"half", None), ("c", b"whole", 0)]
    assert read.complete


def test_who_was_not_looked_at_and_who_did_not_answer_is_said() -> None:
    spaces = [(f"ns/{number}/about", b"read no\ncount 1\n") for number in (7, 8)]
    sections = [("about", b"own 7\nfirst 7\n"), *spaces, ("unseen", b"8\n9\n")]
    text = written(sections, complete=False)
    text += f"\n{WORD} begin 20 owners/docker\n\n{WORD} end 137 owners/docker\n\n{WORD} complete\n".encode()
    gaps = {each.what: each.why for each in collected.read(iter([text]), "x").gaps}
    assert gaps["sockets, queues and second counters of 1 namespace"] == "the time was up"
    assert gaps["names of containers of docker"] == "it did not answer in time, or not at all"


@pytest.mark.parametrize(
    ("kernel", "sections", "rules_tell"),
    [
        ("6.1.0", [], ("hooks-off",)),
        ("6.1.0", [("ns/7/save/iptables-nft", b"*filter\nCOMMIT\n")], ()),
        ("2.6.32-042stab092.1", [], ()),
    ],
    ids=["no rules", "rules of iptables", "before nftables"],
)
def test_each_tool_that_was_missing_is_said_with_what_it_would_tell(
    kernel: str, sections: list[tuple[str, bytes]], rules_tell: tuple[str, ...]
) -> None:
    about = ("about", f"own 7\nfirst 7\nkernel {kernel}\n".encode())
    text = written([about, ("ns/7/about", b"read yes\n"), *sections, ("missing", b"ip\nnft\nconntrack\n")])
    gaps = {each.what: each for each in collected.read(iter([text]), "x").gaps}
    assert gaps["what ip shows"].why == "ip is not installed there"
    assert gaps["what ip shows"].would_tell == ("asymmetric-path",)
    assert gaps["what nft shows"].why == "nft is not installed there"
    assert gaps["what nft shows"].would_tell == rules_tell
    assert "what ss shows" not in gaps


def test_sections_that_nobody_reads_are_passed_over() -> None:
    read = Collection(iter([written([("a", b"1"), ("b", b"2"), ("c", b"3")])]), "x")
    assert [each.name for each in read.sections()] == ["a", "b", "c"]
    assert read.complete


def test_all_sections_together_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written([(f"ns/{number}/x", b"y" * 100) for number in range(10)])
    read = Collection(iter([text]), "x")
    read.room.text = 250
    assert [len(each.raw(1_000)) for each in read.sections()] == [100, 100, 50, 0, 0, 0, 0, 0, 0, 0]
    assert read.room.short
    monkeypatch.setattr(collection, "_MOST_SECTIONS", 4)
    few = Collection(iter([text]), "x")
    assert len(list(few.sections())) == 4
    assert (few.room.short, few.complete) == (True, False)


def test_entries_of_all_tables_together_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said that there were more."""
    tables = [(f"ns/{number}/entries/nf_conntrack", entries(40).encode()) for number in (7, 8)]
    monkeypatch.setattr(collection.Room, "__init__", _bounded)
    about = [("about", b"own 7\nfirst 7\n"), *((f"ns/{number}/about", b"read yes\n") for number in (7, 8))]
    found = collected.read(iter([written([*about, *tables])]), "x")
    assert [len(table.flows or ()) for table in found.tables] == [40, 20]
    assert found.input.truncated
    assert any(gap.what.startswith("the rest of the entries") for gap in found.gaps)


def _bounded(room: collection.Room) -> None:
    room.text, room.entries, room.short = 1 << 20, 60, False


def test_more_namespaces_than_any_node_has_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected, "_MOST_SPACES", 3)
    many = [(f"ns/{number}/about", b"read yes\ncount 1\n") for number in range(1, 9)]
    found = collected.read(iter([written(many)]), "x")
    assert len(found.tables) == 3
    assert "it holds more than any node has" in {gap.why for gap in found.gaps}


@pytest.mark.parametrize(
    "text", [b"", b"halftrack-collection 2 abc\n", b"halftrack-collection 1 ../..\n", b"x" * 5_000]
)
def test_of_no_known_kind(text: bytes) -> None:
    with pytest.raises(UnreadableInput, match="does not know"):
        Collection(iter([text]), "x")
