"""Symptoms: what can be the matter with a table, one file each.

Two kinds. A symptom of entries chooses rows of a view; a row shows one symptom at a time, the first
of ``ENTRY_SYMPTOMS`` that chooses it. A condition is of a table or of the node and has no rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.symptoms import (
    forgotten,
    half_closed,
    half_open,
    hash_too_small,
    idle_established,
    one_sided,
    orphaned,
    settings,
    stale_nat,
    table_pressure,
    unreplied_udp,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.symptoms.protocols import Condition, EntrySymptom

ENTRY_SYMPTOMS: Final[tuple[EntrySymptom, ...]] = (
    stale_nat.SYMPTOM,
    orphaned.SYMPTOM,
    one_sided.SYMPTOM,
    idle_established.SYMPTOM,
    half_closed.SYMPTOM,
    half_open.SYMPTOM,
    unreplied_udp.SYMPTOM,
)
"""In order of precedence: what is proven before what is merely likely."""

OF_TABLES: Final[tuple[Condition, ...]] = (table_pressure.SYMPTOM, forgotten.SYMPTOM)
"""Conditions that go by each table's own summary."""
OF_NODE: Final[tuple[Condition, ...]] = (hash_too_small.SYMPTOM, settings.SYMPTOM)
"""Those that go by the evidence alone."""
CONDITIONS: Final = (*OF_TABLES, *OF_NODE)
