"""How bad it is in one word, and when, of which kernel and from where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words
from halftrack.reporters import figures

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis


def word(diagnosis: Diagnosis) -> str:
    """The severity as it is said. OK only where nothing that could hide trouble was unread."""
    if diagnosis.severity == "ok" and not diagnosis.complete:
        return "PARTIAL"
    return diagnosis.severity.upper()


def circumstances(diagnosis: Diagnosis) -> str:
    """When and of which kernel, and what the file does not say of that."""
    known = []
    if diagnosis.taken_at is not None:
        known.append(f"{figures.moment(diagnosis.taken_at)} UTC")
    if diagnosis.kernel:
        known.append(f"kernel {diagnosis.kernel}")
    if diagnosis.of_node:
        known.append(diagnosis.source)
    if diagnosis.user:
        known.append(f"as user {diagnosis.user}")
    unknown = [
        name
        for name, value in (
            ("limit", diagnosis.table.limit if diagnosis.table else None),
            ("time", diagnosis.taken_at),
            ("kernel", diagnosis.kernel),
        )
        if value is None
    ]
    text = ", ".join(known)
    if diagnosis.of_node or not unknown:
        return text or diagnosis.source
    missing = " and ".join(filter(None, (", ".join(unknown[:-1]), unknown[-1])))
    verb = "is" if len(unknown) == 1 else "are"
    sentence = words.capital(f"{missing} {verb} not in the file.")
    return f"{text}. {sentence}" if text else sentence
