"""Whether entries that look dead are the traffic itself, one direction of which takes another way."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import examination
from halftrack.diagnosis.case import Case
from halftrack.diagnosis.causes import asymmetric_path, direct_return, parts
from halftrack.diagnosis.document import LIKELY

if TYPE_CHECKING:
    import polars as pl

    from halftrack.diagnosis.view import View

_SYMPTOM: Final = "one-sided"
_ONE_WAY: Final = (asymmetric_path.weigh, direct_return.weigh)


def traffic(seen: View) -> pl.Series | None:
    """Boolean, one per row: of a finding, or a large part of it, that one of these causes explains; None: of
    none.

    The view must hold every one-sided entry of the table; of the others it needs none, as long as
    the node's addresses are known (``ends.owned``).
    """
    rows = examination.rows_of(seen, _SYMPTOM)
    if rows is None:
        return None
    case = Case(_SYMPTOM, seen, rows, timeline=None, shape="unknown")  # these causes ask for no times
    if _explained(case):
        return rows.mask
    found = [part.case.rows.mask for part in parts.of(case) if _explained(part.case)]
    return functools.reduce(operator.or_, found) if found else None


def _explained(case: Case) -> bool:
    causes = (weigh(case) for weigh in _ONE_WAY)
    return any(cause and cause.confidence >= LIKELY for cause in causes)
