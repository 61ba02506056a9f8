"""Files and streams: packed, damaged, hostile or missing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from halftrack import formats
from halftrack.errors import UnreadableInput, UsageError
from halftrack.formats import pcap
from halftrack.formats.blocks import BLOCK, blocks
from halftrack.formats.packed import unpacked
from halftrack.formats.sources import source
from unit.formatted import fixture

PROC = fixture("conntrack-proc.txt")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
Packer = Callable[[bytes], bytes]


@pytest.fixture(params=PACKERS.values(), ids=PACKERS)
def pack(request: pytest.FixtureRequest) -> Packer:
    packer: Packer = request.param
    return packer


def plain(path: Path, **more: int) -> bytes:
    return b"".join(source(str(path), **more).chunks())


def test_packed_files(tmp_path: Path, pack: Packer) -> None:
    """Known by their first bytes, whatever their name; members one after the other; packed twice."""
    path = tmp_path / "table.txt"
    for packed, expected in (
        (pack(PROC), PROC),
        (pack(PROC) + pack(PROC), PROC + PROC),
        (pack(PROC) + b"\0" * 512, PROC),
        (gzip.compress(pack(PROC)), PROC),
        (pack(b""), b""),
    ):
        path.write_bytes(packed)
        assert plain(path) == expected


def test_large_packed_files(tmp_path: Path, pack: Packer) -> None:
    """More than one chunk in and out."""
    text = b"".join(b"%d %s\n" % (number * 2654435761 % 2**32, PROC[:80]) for number in range(150_000))
    path = tmp_path / "table"
    path.write_bytes(pack(text))

    assert plain(path) == text


def test_packed_files_that_end_early(tmp_path: Path, pack: Packer) -> None:
    """What could be unpacked is read, and the rest is said to be missing."""
    text = b"".join(PROC.replace(b"10.9", b"10.%d" % (number % 250)) for number in range(5000))
    packed = pack(text)
    path = tmp_path / "table"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    opened = source(str(path))

    got = b"".join(opened.chunks())

    assert opened.truncated
    assert text.startswith(got)
    assert opened.notes == [f"{path} ends in the middle of its packed data."]


def test_damaged_packed_files(tmp_path: Path, pack: Packer) -> None:
    """One clear error where nothing came out, a note where something did; no traceback."""
    packed = bytearray(pack(PROC * 50))
    path = tmp_path / "table"
    for place in range(6, len(packed), 37):
        damaged = packed.copy()
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        opened = source(str(path))
        try:
            got = b"".join(opened.chunks())
        except UnreadableInput as error:
            assert str(path) in str(error)  # noqa: PT017  # either outcome is right
        else:
            assert opened.truncated or got == PROC * 50


def test_bombs_are_cut(tmp_path: Path, pack: Packer) -> None:
    """A small file that unpacks to very much is read up to the limit, chunk by chunk."""
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(pack(b"\0" * (64 << 20))))
    opened = source(str(path), most_bytes=10 << 20)

    largest = total = 0
    for chunk in opened.chunks():
        largest, total = max(largest, len(chunk)), total + len(chunk)

    assert total == 10 << 20
    assert largest <= 16 << 20
    assert opened.truncated
    assert opened.notes == [f"{path} holds more than 10,485,760 bytes: the rest was not read."]


def test_many_members_that_hold_next_to_nothing(tmp_path: Path, pack: Packer) -> None:
    """Each costs as if it were large: so many are read, and a file of nothing else is refused in one line."""
    path = tmp_path / "table"
    path.write_bytes(pack(b"") * 20_000 + pack(PROC))
    assert plain(path) == PROC
    path.write_bytes(pack(b"") * 100_001 + pack(PROC))
    with pytest.raises(UnreadableInput, match="100,000 streams in it hold next to nothing"):
        plain(path)


def test_what_follows_a_member_is_not_copied_for_each(pack: Packer) -> None:
    """It is as long as what was given: members of a few bytes are given a few bytes."""
    copied = 0

    class Counted(bytes):
        """Slices of a piece are what is given."""

        def __getitem__(self, place: Any) -> Any:
            nonlocal copied
            found = super().__getitem__(place)
            copied += len(found) if isinstance(found, bytes) else 0
            return found

    whole = pack(b"x") * 5_000
    assert b"".join(unpacked(iter([Counted(whole)]))) == b"x" * 5_000
    assert 0 < copied < 100 * len(whole)


def test_xz_that_asks_for_much_memory(tmp_path: Path) -> None:
    """A window of a gigabyte is refused instead of granted."""
    # The header's dictionary size is one byte, guarded by the header's checksum.
    packed = bytearray(lzma.compress(PROC, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]))
    assert packed[14] == lzma.FILTER_LZMA2
    packed[16] = 36
    packed[20:24] = zlib.crc32(packed[12:20]).to_bytes(4, "little")
    path = tmp_path / "wide.xz"
    path.write_bytes(packed)

    with pytest.raises(UnreadableInput, match="cannot be unpacked"):
        plain(path)


def test_utf16(tmp_path: Path) -> None:
    """What PowerShell redirects into a file."""
    path = tmp_path / "table.txt"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes(("\ufeff" + PROC.decode()).encode(encoding))
        assert len(formats.read([str(path)]).tables[0].flows or ()) == 12


def test_standard_input() -> None:
    """``-`` is whatever stream is given, packed or not; it stays open."""
    stream = io.BytesIO(gzip.compress(PROC))

    evidence = formats.read(["-"], stdin=stream)

    assert (evidence.node, evidence.source, evidence.input.files) == ("stdin", "dump", ("stdin",))
    assert len(evidence.tables[0].flows or ()) == 12
    assert not stream.closed


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """One line that names the file and what is wrong with it."""
    with pytest.raises(UnreadableInput, match=r"absent cannot be read: No such file"):
        formats.read([str(tmp_path / "absent")])
    with pytest.raises(UnreadableInput, match="is a directory"):
        formats.read([str(tmp_path)])
    with pytest.raises(UnreadableInput, match="no standard input"):
        formats.read(["-"])
    with pytest.raises(UnreadableInput, match="cannot be the name of a file"):
        formats.read(["a\0b"])


@pytest.mark.parametrize("content", [b"hello\n", bytes(range(256)) * 40, b"\x7fELF" + b"\0" * 5000, b"{}"])
def test_files_without_a_table(tmp_path: Path, content: bytes) -> None:
    """Nothing that can be read is an error that says what could have been."""
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(
        UnreadableInput, match=r"not one of .* can be read .*understood are /proc/net"
    ) as raised:
        formats.read([str(path)])
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("length", [1, 3_000, 20_000])
def test_a_file_of_nothing_but_nul_is_no_empty_table(tmp_path: Path, length: int) -> None:
    path = tmp_path / "after-a-crash"
    path.write_bytes(b"\0" * length)
    with pytest.raises(UnreadableInput, match="holds NUL bytes and no text"):
        formats.read([str(path)])


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    """Empty is not broken, but not the whole picture either."""
    path = tmp_path / "empty"
    path.write_bytes(b"# nothing\n\n")

    evidence = formats.read([str(path)])

    assert len(evidence.tables[0].flows or ()) == 0
    assert evidence.input.lines == 0
    assert [gap.what for gap in evidence.gaps] == ["the entries of empty"]


def test_several_files(tmp_path: Path) -> None:
    """A table each, by base name; settings and assumptions are for all of them."""
    for name, text in (
        ("a.txt", PROC),
        ("b.txt", fixture("founding.txt")),
        ("sysctl.txt", b"net.netfilter.nf_conntrack_max = 65536\nnet.netfilter.nf_conntrack_count = 77\n"),
    ):
        (tmp_path / name).write_bytes(text)

    evidence = formats.read(
        [str(tmp_path / name) for name in ("a.txt", "b.txt", "sysctl.txt")], assume={"tcp_loose": "1"}
    )

    assert [(table.netns, table.count, table.limit) for table in evidence.tables] == [
        ("a.txt", 12, 65536),
        ("b.txt", 3, 65536),
    ]
    assert evidence.node == "a.txt and 2 more"
    assert evidence.tables[0].settings["net.netfilter.nf_conntrack_tcp_loose"] == "1"
    assert evidence.input.assumed == {"tcp_loose": "1"}
    assert evidence.input.files == ("a.txt", "b.txt", "sysctl.txt")


def test_files_of_one_name(tmp_path: Path) -> None:
    """Two nodes' files are told apart by their paths; one file twice is a mistake."""
    paths = []
    for node in ("one", "two"):
        (tmp_path / node).mkdir()
        (tmp_path / node / "table").write_bytes(PROC)
        paths.append(str(tmp_path / node / "table"))

    assert [table.netns for table in formats.read(paths).tables] == paths
    with pytest.raises(UsageError, match="twice"):
        formats.read([paths[0], paths[0]])
    with pytest.raises(UsageError, match="name a file"):
        formats.read([])


def test_truncation_is_a_gap(tmp_path: Path) -> None:
    """Whoever mails half a table is told so."""
    path = tmp_path / "half.txt"
    path.write_bytes(PROC[:-100])

    evidence = formats.read([str(path)])

    assert evidence.input.truncated
    assert [gap.what for gap in evidence.gaps] == ["the rest of half.txt"]


def test_a_directory_is_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(PROC))
    (tmp_path / "README").write_text("Nothing here.\n")
    (tmp_path / "deeper").mkdir()
    found = formats.read([str(tmp_path)])

    assert [table.netns for table in found.tables] == ["a.txt.gz"]
    assert "README holds no connection table." in found.input.notes


def test_a_directory_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("Nothing here.\n")
    with pytest.raises(UnreadableInput, match="no file with a connection table"):
        formats.read([str(tmp_path)])


def test_a_budget_ends_the_wait_for_a_pipe() -> None:
    """What came until then counts, and that it is not all is said."""
    reading, writing = os.pipe()
    try:
        os.write(writing, PROC)
        with os.fdopen(reading, "rb") as stdin:
            found = formats.read(["-"], stdin=stdin, budget_s=0.5)
    finally:
        os.close(writing)

    assert found.input.truncated
    assert found.tables[0].flows is not None
    assert len(found.tables[0].flows) > 0
    assert any("time was up" in note for note in found.input.notes)


def test_blank_lines_without_end_take_no_memory() -> None:
    """Blocks of nothing but newlines leave nothing to be looked at."""
    found = list(blocks([b"\n" * BLOCK] * 3))

    assert {len(block.text) for block in found} == {0}
    assert sum(block.lines for block in found) == 3 * BLOCK


def test_a_pipe_that_nobody_writes_into_is_waited_for_no_longer_than_may_be(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = source(str(pipe), deadline=time.monotonic() + 0.2)

    assert b"".join(read.chunks()) == b""
    assert (read.truncated, read.notes) == (True, [f"The time was up before {pipe} was read whole."])
    with pytest.raises(UnreadableInput, match=r"The time was up before .* was read whole$"):
        list(pcap.capture(str(pipe), deadline=time.monotonic() + 0.2).frames())
