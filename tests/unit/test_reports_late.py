"""A support report whose time is up while it is read: in the middle of a file, of an archive in another."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from halftrack import formats
from halftrack.errors import UnreadableInput
from halftrack.formats import members
from halftrack.formats.members import Member, Walk
from halftrack.live import reports
from unit.reports import LISTED, TOP, archive, entries, table, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from halftrack.evidence.values import Evidence

LOG = "sos_commands/kernel/dmesg"
LINES = 400_000
_NOTE = "The time was up before all of it was read."


def log() -> bytes:
    return b"[    1.000000] nf_conntrack: table full, dropping packet\n" * LINES


def read_until(path: str, files: Mapping[str, str | bytes], step: int) -> tuple[Evidence | None, Walk]:
    """With no time left once the first bytes of this file were read; ``step``: bytes of a piece."""
    content = archive(files)
    walk = Walk()

    def ending(member: Member) -> Iterator[bytes]:
        yield next(member.pieces)
        walk.deadline = 0.0
        yield from member.pieces

    def given() -> Iterator[Member]:
        pieces = (content[at : at + step] for at in range(0, len(content), step))
        for member in members.of_archive(pieces, walk):
            yield Member(member.path, ending(member)) if member.path.endswith(path) else member

    return reports.read(given(), walk, by_mark=False), walk


@pytest.mark.parametrize("packed", [False, True])
def test_what_came_until_then_counts(packed: bool) -> None:
    """Also of a file that is packed, all of which was there at once."""
    files = whole() | {LOG: gzip.compress(log()) if packed else log()}
    found, walk = read_until(LOG, files, 1 << 30 if packed else 1 << 20)

    assert found is not None
    assert found.log is not None
    assert 0 < found.log.lines[0].count < LINES
    assert table(found, "host").count == 30
    assert found.input.truncated
    assert ("the rest of the report", "the time was up") in [(gap.what, gap.why) for gap in found.gaps]
    assert walk.notes == [_NOTE, f"{TOP}/{LOG} was not read to its end."]


def test_a_table_of_which_there_is_a_part() -> None:
    files = {"inner.tar": archive(whole() | {LISTED: entries(20_000)})}
    found, walk = read_until(LISTED, files, 1 << 18)

    assert found is not None
    host = table(found, "host")
    assert host.flows is not None
    assert 0 < len(host.flows) < 20_000
    path = f"{TOP}/inner.tar/{TOP}/{LISTED}"
    assert walk.notes == [
        _NOTE,
        f"{path} was not read to its end.",
        f"{TOP}/inner.tar was not read to its end.",
    ]
    assert found.input.truncated
    [other] = [note for note in found.input.notes if note not in walk.notes]
    assert other.endswith("entries: the rest was cut off.")


def test_nothing_was_read_yet(tmp_path: Path) -> None:
    path = tmp_path / "report.tar"
    path.write_bytes(archive(whole()))
    with pytest.raises(UnreadableInput, match="the time was up before anything about connection tracking"):
        formats.read([str(path)], budget_s=0, reported=reports.read)
