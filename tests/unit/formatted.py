"""Entries of the flow table spelled out, for tests of the text formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from halftrack.evidence import addresses
from halftrack.formats.table import parse

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable

FIXTURES = Path(__file__).parent.parent / "fixtures"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def rows(flows: FlowTable) -> list[dict[str, Any]]:
    """Rows with their addresses as text and without what is not known."""
    frame = flows.frame
    shown = frame.with_columns(
        addresses.show(frame[f"{stem}_hi"], frame[f"{stem}_lo"], flows.opaque).alias(stem)
        for stem in ("orig_src", "orig_dst", "reply_src", "reply_dst")
    )
    halves = [name for name in shown.columns if name.endswith(("_hi", "_lo"))]
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in shown.drop(halves).rows(named=True)
    ]


def read_rows(text: bytes | str) -> list[dict[str, Any]]:
    """The rows of a text in which every line must be readable."""
    parsed = parse([text.encode() if isinstance(text, str) else text])
    assert parsed.unreadable == 0, parsed.first_unreadable
    return rows(parsed.flows)
