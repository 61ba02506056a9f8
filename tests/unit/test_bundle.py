"""A bundle holds the evidence that was put into it, whole; anything else in its place is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack import formats
from halftrack.errors import UnreadableInput, UsageError
from halftrack.evidence.flows import SCHEMA
from halftrack.evidence.values import (
    Evidence,
    Namespace,
    Table,
)
from halftrack.formats import memory
from halftrack.formats.bundle import frames
from unit.bundles import packed, plain, whole

if TYPE_CHECKING:
    from pathlib import Path


def read(data: bytes) -> Evidence:
    return formats.read(["-"], stdin=io.BytesIO(data))


def test_what_is_read_is_what_was_written() -> None:
    written = whole()
    found = read(packed(written))
    assert (found.source, found.input.files, found.input.notes) == ("bundle", ("stdin",), ("something",))
    same = replace(found, source=written.source, input=written.input, seconds=written.seconds)
    assert plain(same) == plain(written)


def test_every_field_of_the_evidence_above_says_something() -> None:
    """So that the test above sees a field that is forgotten."""
    told = whole()
    bare = Evidence("node17", "live")
    assert [
        each.name
        for each in fields(bare)
        if plain(getattr(told, each.name)) == plain(getattr(bare, each.name))
    ] == ["source", "node"][::-1]
    table, nothing = told.tables[0], Table(Namespace("host"))
    unsaid = [
        each.name
        for each in fields(nothing)
        if plain(getattr(table, each.name)) == plain(getattr(nothing, each.name))
    ]
    assert unsaid == ["skipped"]


def test_a_bundle_is_read_by_itself(tmp_path: Path) -> None:
    one, other = tmp_path / "one.tgz", tmp_path / "other.tgz"
    for path in (one, other):
        path.write_bytes(packed(whole()))
    assert formats.read([str(one)]).node == "node17"
    with pytest.raises(UnreadableInput, match="read by itself"):
        formats.read([str(one), str(other)])
    with pytest.raises(UsageError, match="a bundle says it"):
        formats.read([str(one)], assume={"limit": "5"})


@given(st.data())
def test_a_damaged_bundle_is_refused_in_a_line(data: st.DataObject) -> None:
    """Or read, where what was damaged does not matter."""
    raw = bytearray(gzip.decompress(packed(whole())))
    for _ in range(data.draw(st.integers(1, 8))):
        # Within the first member's name it would be no bundle any more, but text.
        raw[data.draw(st.integers(30, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = raw[: data.draw(st.integers(600, len(raw)))]
    with contextlib.suppress(UnreadableInput):
        found = read(bytes(cut))
        assert all(set(table.flows.frame.columns) == set(SCHEMA) for table in found.tables if table.flows)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (None, "Evidence"),
        ({}, "something is missing"),
        ({"node": 5, "source": "live"}, "Evidence.node: Expected `str`"),
        ({"node": "n", "source": "rumour"}, "Evidence.source: Invalid"),
        ({"node": "n", "source": "live", "tables": [{}]}, "something is missing"),
        (
            {
                "node": "n",
                "source": "live",
                "owners": [{"name": "n", "id": "i", "runtime": "r", "addresses": 1}],
            },
            "addresses",
        ),
        (
            {"node": "n", "source": "live", "taken_at": "2026-11-23T03:12:00"},
            "taken_at: a time that tells no",
        ),
    ],
)
def test_values_that_are_no_evidence_are_named(evidence: object, why: str) -> None:
    with pytest.raises(UnreadableInput, match=why):
        read(archive(evidence))


def test_several_in_one_file_are_refused() -> None:
    """What they are together nobody knows, and to read the first alone would hide the others."""
    one = packed(whole())
    with pytest.raises(UnreadableInput, match="stdin holds several bundles: keep each in a file"):
        read(one + one)
    assert read(one + gzip.compress(b"halftrack-bundle.json")).gaps == read(one).gaps


def test_of_one_that_was_cut_what_is_there_is_read() -> None:
    """Wherever its end is missing: the entries that are there are so many at least, the others a gap."""
    evidence = whole()
    raw = gzip.decompress(packed(evidence))
    document = 512 + int(raw[124:135], 8)
    lengths = range(document + 512, len(raw) - 10_240, 1_000)
    assert len(lengths) > 2
    for length in (-(-document // 512) * 512, *lengths):
        found = read(raw[:length])
        missing = [
            one for one, was in zip(found.tables, evidence.tables, strict=True) if was.flows and not one.flows
        ]
        assert found.input.truncated == bool(missing)
        gaps = {gap.what for gap in found.gaps if gap.why == "the bundle was cut short on its way"}
        assert gaps >= {f"entries of {one.netns}" for one in missing}
        assert gaps
        assert [one.count for one in found.tables] == [one.count for one in evidence.tables]
        assert missing or length > document + 512
    for length in (600, document - 1):
        with pytest.raises(UnreadableInput, match="cut before its first part ended"):
            read(raw[:length])


@pytest.mark.parametrize("lines", [[1], [1, 2, 3, 4, 5], [1, None, 3, 4], ["a", "b", "c", "d"]])
def test_lines_of_entries_are_one_each_or_none(lines: list[Any]) -> None:
    told = whole()
    [table] = told.tables[:1]
    assert table.flows is not None
    odd = replace(table.flows, lines=pl.Series("line", lines))
    with pytest.raises(UnreadableInput, match="lines of its entries"):
        read(packed(replace(told, tables=(replace(table, flows=odd),))))


@pytest.mark.parametrize("taken", [[1], [1, None, 3, 4], ["a", "b", "c", "d"]])
def test_what_was_taken_is_told_of_each_entry_or_of_none(taken: list[Any]) -> None:
    told = whole()
    [table] = told.tables[:1]
    assert table.flows is not None
    odd = replace(table.flows, drained=pl.DataFrame({"taken_s": taken, "ago_s": [0] * len(taken)}))
    with pytest.raises(UnreadableInput, match="what was taken from its entries"):
        read(packed(replace(told, tables=(replace(table, flows=odd),))))


def test_what_a_later_version_adds_is_passed_over() -> None:
    found = read(archive({"node": "n", "source": "live", "weather": {"wind": 3}}))
    assert found.node == "n"


def test_links_and_devices_in_it_are_nothing() -> None:
    odd = tarfile.TarInfo("../../etc/passwd")
    odd.type, odd.linkname = tarfile.SYMTYPE, "/etc/shadow"
    assert read(archive({"node": "n", "source": "live"}, odd)).node == "n"


def archive(evidence: object, *more: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    body = msgspec.json.encode({"schema": "halftrack.bundle/1", "evidence": evidence})
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for each in (("halftrack-bundle.json", body), *more):
            if isinstance(each, tarfile.TarInfo):
                tar.addfile(each)
                continue
            member = tarfile.TarInfo(each[0])
            member.size = len(each[1])
            tar.addfile(member, io.BytesIO(each[1]))
    return file.getvalue()


_COLUMNS = {
    pl.UInt8: st.integers(0, 2**8 - 1),
    pl.UInt16: st.integers(0, 2**16 - 1),
    pl.UInt32: st.integers(0, 2**32 - 1),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Float64: st.floats(allow_nan=False),
    pl.String: st.text(max_size=5),
}


@given(st.data(), st.integers(0, 20))
def test_a_frame_comes_back_as_it_was(data: st.DataObject, height: int) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(_COLUMNS)), max_size=5))
    given_ = pl.DataFrame(
        [
            pl.Series(
                str(number),
                data.draw(st.lists(st.none() | _COLUMNS[kind], min_size=height, max_size=height)),
                dtype=kind,
            )
            for number, kind in enumerate(kinds)
        ]
    )
    found = frames.frame(b"".join(frames.pieces(given_)), 1 << 20)
    assert found.schema == given_.schema
    assert found.rows() == given_.rows()


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_refused(content: bytes) -> None:
    with pytest.raises(frames.Broken):
        frames.frame(content, 1 << 20)


def test_a_frame_of_a_billion_rows_takes_no_more_than_it_holds() -> None:
    head = b'{"height":1000000000,"columns":[{"name":"a","type":"UInt8"}]}\n'
    with pytest.raises(frames.Broken, match="1,000,000,000 rows"):
        frames.frame(head + bytes(100), 1 << 40)
    with pytest.raises(frames.Broken, match="ends too early"):
        frames.frame(head.replace(b"1000000000", b"101") + bytes(100), 1 << 40)
    nothing = b'{"height":1000000000,"columns":[{"name":"a","type":"UInt8","nulls":"all"}]}\n'
    with pytest.raises(frames.Broken, match="1,000,000,000 rows"):
        frames.frame(nothing, 1 << 40)
    with pytest.raises(frames.Broken, match="more than memory allows"):
        frames.frame(nothing.replace(b"1000000000", b"1000000"), 1 << 20)


def test_frames_take_no_more_than_memory_allows_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone is small enough, and what is in the archive is next to nothing."""
    bomb = b'{"height":5000,"columns":[{"name":"a","type":"UInt64","nulls":"all"}]}\n'
    evidence = {"node": "n", "source": "live"}
    monkeypatch.setattr(memory, "share", lambda: 4 << 20)
    assert read(archive(evidence, *[("frames/1", bomb)] * 3)).node == "n"
    with pytest.raises(UnreadableInput, match="more than memory allows"):
        read(archive(evidence, *[("frames/1", bomb)] * 200))


def test_no_more_than_memory_allows_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "share", lambda: 4 << 20)
    packed_ = gzip.compress(archive({"node": "n", "source": "live"}, ("x", bytes(64 << 20))))
    assert len(packed_) < 1 << 20
    with pytest.raises(UnreadableInput, match="more than the memory of this machine allows"):
        read(packed_)


def test_no_more_members_than_allowed() -> None:
    many = [(f"frames/{number}", b'{"height":0,"columns":[]}\n') for number in range(5_001)]
    with pytest.raises(UnreadableInput, match="more than 5,000 members"):
        read(archive({"node": "n", "source": "live"}, *many))


def test_a_document_that_is_nested_without_end_is_no_bundle() -> None:
    body = b'{"schema":"halftrack.bundle/1","evidence":' + b"[" * 100_000
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("halftrack-bundle.json")
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
    with pytest.raises(UnreadableInput, match="does not hold together"):
        read(file.getvalue())
