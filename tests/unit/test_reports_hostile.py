"""Archives that somebody made to do harm: what is in them is counted, or they are refused in one line."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from halftrack.errors import UnreadableInput
from halftrack.formats import members
from halftrack.formats.members import Walk, archive, tree
from unit.reports import INSIDE, LISTED, TOP, entries, read, table, whole
from unit.reports import archive as made


def special(kind: bytes, name: str, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def walked(content: bytes, walk: Walk | None = None) -> dict[str, bytes]:
    inside = members.of_archive(iter([content]), walk or Walk())
    return {each.path: b"".join(each.pieces) for each in inside}


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_written_elsewhere_and_nothing_stays(watched: Path) -> None:
    outside = watched.parent / "escaped.conf"
    odd = {
        f"../../../../..{outside}": "x\n",
        "etc/sysctl.d/../../../../../escaped.conf": "x\n",
        str(outside): "x\n",
        "etc/sysctl.d/a.conf": "net.netfilter.nf_conntrack_max = 1\n",
        "etc/sysctl.d/a.conf/b.conf": "x\n",
    }
    evidence = read(made(whole() | odd))
    assert table(evidence, "host").count == 30
    assert evidence.sysctl_lines is not None
    assert [line.value for line in evidence.sysctl_lines] == ["1"]
    assert not outside.exists()
    assert list(watched.iterdir()) == []


def test_links_and_devices_are_passed_over(watched: Path) -> None:
    buffer = io.BytesIO(made(whole()))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        tar.addfile(special(tarfile.SYMTYPE, f"{TOP}/etc/sysctl.d", str(watched)))
        tar.addfile(special(tarfile.LNKTYPE, f"{TOP}/etc/machine-id", "/etc/machine-id"))
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            tar.addfile(special(kind, f"{TOP}/etc/hostname"))
    evidence = read(buffer.getvalue())
    assert evidence.machine is None
    assert table(evidence, "host").count == 30
    assert list(watched.iterdir()) == []


def test_links_of_a_directory_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text(entries(3))
    inside = tmp_path / "report"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "outside/secret")
    (inside / "directory").symlink_to(tmp_path / "outside")
    (inside / "loop").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    (inside / "file").write_text("x")
    assert [each.path for each in tree.members(str(inside), Walk())] == ["file"]


def test_no_more_members_or_bytes_than_allowed() -> None:
    content = made({f"{number}": "x" * 600 for number in range(50)}, "")
    few = Walk(members_left=7)
    assert len(walked(content, few)) == 7
    assert few.truncated
    small = Walk(bytes_left=len(content) // 2)
    assert walked(content, small) == {}  # one piece, which is too much
    assert "the rest was not read" in small.notes[0]


def test_archives_in_archives_come_to_an_end() -> None:
    content = made({"x": entries(1)}, "")
    for depth in range(10):
        content = made({f"{depth}.tar": content}, "")
    walk = Walk()
    assert walked(content, walk) == {}
    assert "an archive in too many others" in walk.notes[0]


@pytest.mark.parametrize("kind", [b"x", b"L", b"g", b"K"])
def test_an_extension_of_any_length_takes_no_memory(kind: bytes) -> None:
    """What it says of its length is believed for skipping alone."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 1 << 30
    zeros = bytes(1 << 20)
    tracemalloc.start()
    walk = Walk()
    pieces = (zeros if number else header.tobuf(tarfile.GNU_FORMAT) for number in range(1_025))
    found = list(archive.members(pieces, walk))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == []
    assert most < 16 << 20


@pytest.mark.parametrize(
    "layout",
    [
        ("--format=gnu",),
        ("--format=oldgnu",),
        *(("--format=posix", f"--sparse-version={version}") for version in ("0.0", "0.1", "1.0")),
    ],
)
def test_sparse_files_are_read_without_their_holes(tmp_path: Path, layout: tuple[str, ...]) -> None:
    """GNU tar writes where the holes are behind the header, in as many blocks as that takes, into an
    extension, or before the content.
    """
    lines = [f"line {number:3}\n".encode() for number in range(60)]
    with (tmp_path / "sparse").open("wb") as file:
        for number, line in enumerate(lines):
            file.seek(number << 16)
            file.write(line)
        file.truncate(1 << 40)
    (tmp_path / "next").write_bytes(b"x")
    words = ("tar", "-cf", "-", *layout, "--sparse", "-C", str(tmp_path), "sparse", "next")
    content = subprocess.run(words, capture_output=True, check=True).stdout
    assert len(content) < 1 << 20
    walk = Walk()
    found = walked(content, walk)
    assert found["sparse"].replace(b"\0", b"") == b"".join(lines)
    assert found["next"] == b"x"
    assert not walk.truncated


def test_a_sparse_file_whose_holes_have_no_end() -> None:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[156:157], header[482] = b"S", 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    walk = Walk(bytes_left=64 << 20)
    pieces = (b"\1" * (1 << 20) if number else bytes(header) for number in range(1_025))
    assert list(archive.members(pieces, walk)) == []
    assert walk.truncated


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("2", b"1\n0\n4\n"),
        ("1", b"999999999999\n0\n4\n"),
        ("1", b"-1\n"),
        ("1", b"9" * 600),
        ("1", b"1\n0\nx\n"),
        ("1", b"1\n0\n"),
    ],
)
def test_a_sparse_file_of_which_nothing_is_known(kind: str, begins: bytes) -> None:
    """It is named, and what follows it is read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        odd = tarfile.TarInfo("GNUSparseFile.1/odd")
        odd.pax_headers = {"GNU.sparse.major": kind, "GNU.sparse.minor": "0", "GNU.sparse.name": "odd"}
        content = begins.ljust(4 << 10, b"\0")
        odd.size = len(content)
        tar.addfile(odd, io.BytesIO(content))
        tar.addfile(special(tarfile.DIRTYPE, "d"))
        plain = tarfile.TarInfo("next")
        plain.size = 1
        tar.addfile(plain, io.BytesIO(b"x"))
    walk = Walk()
    assert walked(buffer.getvalue(), walk) == {"next": b"x"}
    assert walk.notes == ["odd is a sparse file of a kind that is not known: it was not read."]


def test_long_and_odd_names() -> None:
    buffer = io.BytesIO()
    names = ["é" * 300, "\x1b[31m\n;$(id)", "./././a//b", "x" * 5_000]
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    found = list(walked(buffer.getvalue()))
    assert "a/b" in found
    assert all(name.isprintable() and len(name) <= 2_048 for name in found)
    assert "é" * 300 in found
    assert not any(name.startswith("xxxxx") for name in found)


def test_a_namespace_called_to_do_harm() -> None:
    odd = INSIDE.replace("my_net", "a;$(reboot)`")
    evidence = read(made(whole() | {odd: entries(9)}))
    assert [each.netns for each in evidence.tables] == ["host", "a___reboot__"]


def test_ten_thousand_namespaces() -> None:
    many = {INSIDE.replace("my_net", f"n{number}").replace("-L_-o_extended", "-S"): "cpu=0 insert_failed=0\n"
            for number in range(2_500)}  # fmt: skip
    evidence = read(made(whole() | many))
    assert len(evidence.tables) == 2_000
    assert evidence.input.truncated


@pytest.mark.parametrize("length", [1_500, 3_000, 7_000])
def test_one_that_was_cut_gives_what_there_is(length: int) -> None:
    evidence = read(made({LISTED: entries(30)} | whole())[:length])
    assert evidence.input.truncated
    assert evidence.tables


def test_one_that_ends_in_its_first_member() -> None:
    with pytest.raises(UnreadableInput, match="nothing about connection tracking"):
        read(made(whole())[:512])
