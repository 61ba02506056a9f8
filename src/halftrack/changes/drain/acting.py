"""Acting on what was judged: what takes part in it is opened, and closed whatever happens."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from halftrack.changes.drain import at_once, following
from halftrack.changes.drain.batches import Drain
from halftrack.changes.drain.changing import Changing
from halftrack.changes.drain.entries import Entries
from halftrack.changes.drain.kept import FILE, Kept
from halftrack.changes.drain.proofs import Proofs, way
from halftrack.changes.drain.rereading import BATCH
from halftrack.changes.drain.verifying import Verifier
from halftrack.diagnosis import filters
from halftrack.draining.still import compared
from halftrack.errors import Incomplete
from halftrack.kernel import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.drain.reins import Reins
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.outcome import Outcome
    from halftrack.evidence.values import Namespace


def drain(
    looked: Looked,
    wanted: Filter,
    directory: Path,
    outcome: Outcome,
    reins: Reins,
    *,
    batch: int | None = None,
    told: Callable[[int], None] = lambda _: None,
    instead: str | None = None,
) -> None:
    """Act on what was judged, and count in ``outcome`` what is done as it is done, whatever happens.

    ``directory``: where the file of what is drained is kept. ``batch``: entries that are looked at
    together; None: as is best, and by one message where the kernel compares for itself. ``instead``: the
    way into a namespace that holds copies of these entries, to be acted on in their place.
    Raises OutputFailed, Busy, Incomplete: what was done until then is done, and in the file.
    """
    begun = time.monotonic()
    judgement = looked.judgement
    try:
        with (
            _way(looked.table.namespace, instead) as path,
            Proofs(judgement) as proofs,
            Entries(path) as entries,
            Entries(path) as changed,
            Kept(directory / FILE, judgement.view.opaque) as kept,
        ):
            outcome.file = str(kept.path)
            verifier = Verifier(judgement.view, wanted, path, entries, proofs, outcome)
            if batch is None and at_once.remove(judgement, wanted, path, kept, verifier):
                return
            columns = compared(_fields(wanted))
            selection = filters.selection(wanted) if batch is None else None
            with following.dumps(judgement, selection, columns, path) as (first, second):
                Drain(
                    looked=looked,
                    columns=columns,
                    entries=entries,
                    proofs=proofs,
                    kept=kept,
                    reins=reins,
                    batch=batch or BATCH,
                    told=told,
                    change=Changing(judgement, columns, changed, proofs),
                    check=verifier,
                    first=first,
                    second=second,
                ).run(outcome)
    except namespaces.Vanished as error:
        raise Incomplete(f"namespace {error} ended: its entries went with it") from error
    except OSError as error:
        raise Incomplete(f"the kernel stopped it: {error.strerror}; what was done is done") from error
    finally:
        outcome.seconds = time.monotonic() - begun


def _way(namespace: Namespace, instead: str | None) -> AbstractContextManager[str | None]:
    return way(namespace) if instead is None else contextlib.nullcontext(instead)


def _fields(wanted: Filter) -> set[str]:
    return {name for name in ("mark", "label", "packets", "bytes") if wanted.uses(name)}
