"""The text reader under bytes that nobody meant to be a table."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fuzz.mutations import examples, mutated
from halftrack import formats
from halftrack.errors import UnreadableInput
from halftrack.evidence.flows import SCHEMA
from halftrack.formats import classic
from halftrack.formats.table import parse

_HERE = Path(__file__).parent
CORPUS = [
    path.read_bytes()
    for folder in (_HERE / "corpus", _HERE.parent / "fixtures")
    for path in sorted(folder.iterdir())
    if path.suffix in (".txt", ".xml")
]
LINES = sorted({line for text in CORPUS for line in text.splitlines()})


@st.composite
def pasted(draw: st.DrawFn) -> bytes:
    """A few lines of the corpus, then edited."""
    text = b"\n".join(draw(st.lists(st.sampled_from(LINES), max_size=6)))
    return draw(mutated(text)) + draw(st.sampled_from([b"", b"\n"]))


@examples
@given(st.one_of(pasted(), st.binary(max_size=300)))
def test_any_bytes_give_a_table_and_a_count(text: bytes) -> None:
    """Never a traceback; both roads agree; what was read can be written and read again."""
    parsed = parse([text])

    assert dict(parsed.flows.frame.schema) == dict(SCHEMA)
    assert len(parsed.first_unreadable) == min(parsed.unreadable, 10)
    assert all(fault.isprintable() for fault in parsed.first_unreadable)
    if not parsed.events:
        assert len(parsed.flows) + parsed.unreadable <= parsed.lines
    thorough = parse([text], thorough=True)
    assert thorough.unreadable == parsed.unreadable
    again = parse(["".join(f"{line}\n" for line in classic.lines(parsed.flows)).encode()])
    assert len(again.flows) == len(parsed.flows)
    if not parsed.flows.opaque.len():
        assert_frame_equal(thorough.flows.frame, parsed.flows.frame)


@examples
@given(pasted(), st.integers(0, 400), st.integers(0, 255))
def test_any_packed_bytes_give_evidence_or_one_error(text: bytes, place: int, value: int) -> None:
    """The same through unpacking and the whole way into evidence."""
    packed = bytearray(gzip.compress(text, mtime=0))
    packed[place % len(packed)] = value
    try:
        evidence = formats.read(["-"], stdin=io.BytesIO(packed))
    except UnreadableInput as error:
        assert str(error).isprintable()  # noqa: PT017  # either outcome is right
    else:
        assert evidence.source == "dump"
