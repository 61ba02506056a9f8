"""Any entry is explained: whatever numbers a damaged or forged source holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.explained import explain
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.view import view
from halftrack.reporters import entries, schema
from halftrack.reporters.entry import text
from unit.anything import node

if TYPE_CHECKING:
    from halftrack.diagnosis.explained.document import Explained

VALIDATOR = jsonschema.Draft202012Validator(schema.entry())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([40, 57, 80]))
def test_any_entry_is_explained(seed: int, width: int) -> None:
    found = _explained(seed)
    page = text(found, width=width)

    VALIDATOR.validate(msgspec.json.decode(msgspec.json.encode(found)))
    assert max(map(len, page.splitlines())) <= width
    assert page.isascii()
    assert "\x1b" not in page


def _explained(seed: int) -> Explained:
    seen = node(seed, 1)
    table = seen.tables[0]
    assert table.flows is not None
    frame = view(table, seen).flows
    chosen = Chosen("host", frame, table.flows.opaque, seen.owners, seen.taken_at)
    shown = msgspec.json.decode(str(next(entries.json_lines(chosen)).item()))
    return explain(seen, table, frame.row(0, named=True), shown, matching=1)
