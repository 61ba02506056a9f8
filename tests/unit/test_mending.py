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
    whole = b"".join(mended(pieces))
    assert [line for line in whole.splitlines() if line] == (TEXT + SHOWN).splitlines()
    parsed = parse(pieces)
    assert (len(parsed.flows), parsed.unreadable, parsed.truncated) == (40, 0, False)
    assert parsed.flows.lines is not None
    torn_at = TEXT[:place].count(b"\n")
    behind = [number + 1 + (number > torn_at) for number in range(40)]
    told = parsed.flows.lines.to_list()
    assert told[:torn_at] + told[torn_at + 1 :] == behind[:torn_at] + behind[torn_at + 1 :]
    assert told[torn_at] in (torn_at + 1, torn_at + 2), "the entry stands on both"


@pytest.mark.parametrize("text", [b"", b"x", SHOWN, TEXT, SHOWN + TEXT, TEXT + SHOWN, TEXT[:-9]])
def test_all_else_stays_as_it_was(text: bytes) -> None:
    assert b"".join(mended([text[:50], text[50:]])) == text
