"""conntrack(8) writes how many entries it showed between two halves of one."""

from __future__ import annotations

import pytest

from halftrack.formats.mending import mended
from halftrack.formats.table import parse
from unit.reports import entries

SHOWN = b"conntrack v1.4.7 (conntrack-tools): 40 flow entries have been shown.\n"
TEXT = entries(40).encode()


@pytest.mark.parametrize("size", [1, 7, 100, 1_000, 100_000])
@pytest.mark.parametrize("place", [1, 3_000, len(TEXT) - 5])
def test_an_entry_that_was_torn_is_whole_again(size: int, place: int) -> None:
    torn = TEXT[:place] + SHOWN + TEXT[place:]
    pieces = [torn[at : at + size] for at in range(0, len(torn), size)]
    assert b"".join(mended(pieces)) == TEXT + SHOWN
    parsed = parse(pieces)
    assert (len(parsed.flows), parsed.unreadable, parsed.truncated) == (40, 0, False)


@pytest.mark.parametrize("text", [b"", b"x", SHOWN, TEXT, SHOWN + TEXT, TEXT + SHOWN, TEXT[:-9]])
def test_all_else_stays_as_it_was(text: bytes) -> None:
    assert b"".join(mended([text[:50], text[50:]])) == text
