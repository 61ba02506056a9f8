"""Text from anywhere becomes one line that a terminal only shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.printable import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-1 é 網", "web-1 é 網"),
        ("\x1b[2J\n", r"\x1b[2J\n"),
        ("\u202etxt\ud800\U000e0041", r"\u202etxt\ud800\U000e0041"),
    ],
)
def test_spelled_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_ascii_alone() -> None:
    assert escaped("é", ascii_only=True) == r"\xe9"


def test_bounded() -> None:
    assert escaped("x" * 8, 8) == "x" * 8
    assert escaped("x" * 9, 8) == "xxxxx..."


@given(st.text(), st.integers(3, 40), st.booleans())
def test_any_text(text: str, most: int, ascii_only: bool) -> None:
    shown = escaped(text, most, ascii_only=ascii_only)
    assert shown.isprintable()
    assert len(shown) <= most
    assert shown.isascii() or not ascii_only
