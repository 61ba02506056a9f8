"""What to do, in a sentence each, and which remedies to show first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Advice, Diagnosis, Finding, LiveFlows, Risk

_CUT: Final = 3
"""Services that are named of those that may be cut."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A remedy to show first. ``of``: the number of the finding it is for, None where that is plain.

    ``more``: number, symptom and entries of each other finding of the same table that has entries to clear.
    """

    advice: Advice
    of: int | None = None
    more: tuple[tuple[int, str, int], ...] = ()


def chosen(diagnosis: Diagnosis, main: int | None) -> tuple[Chosen, ...]:
    """One of each kind: the first fitting one of the worst finding that has any.

    ``main``: the number of the finding that is shown in full.
    """
    found: dict[str, Chosen] = {}
    for number, finding in enumerate(diagnosis.findings, 1):
        if finding.severity == "info":
            continue
        of = number if finding.groups and number != main else None
        for advice in finding.remedies:
            if advice.kind not in found:
                more = _more(diagnosis, number) if advice.kind == "clear" else ()
                found[advice.kind] = Chosen(advice, of, more)
    return tuple(found[kind] for kind in KINDS if kind in found)


def _more(diagnosis: Diagnosis, shown: int) -> tuple[tuple[int, str, int], ...]:
    """Of the other findings: what is cleared there is not among what the one that is shown counts."""
    netns = diagnosis.findings[shown - 1].netns
    return tuple(
        (number, finding.symptom, freed)
        for number, finding in enumerate(diagnosis.findings, 1)
        if number != shown and finding.netns == netns
        for freed in [_removed(finding)]
        if freed
    )


def _removed(finding: Finding) -> int:
    return sum(each.effect.entries_freed or 0 for each in finding.remedies if each.kind == "clear")


def rest(shown: Chosen, *, numbered: bool = True) -> str:
    """What else there is to clear in this table, as a sentence to go behind; else empty.

    ``numbered``: whether findings have numbers where it stands.
    """
    if not shown.more:
        return ""
    told = (
        f"{freed:,} {symptom}{f' (finding {number})' if numbered else ''}"
        for number, symptom, freed in shown.more
    )
    return f" Besides these: {', '.join(told)}."


def waiting(advice: Advice, beside: Iterable[Advice]) -> str:
    """What it has to wait for, where that stands beside it; else empty."""
    waits = advice.after is not None and any(each.kind == advice.after for each in beside)
    return f"Only after {str(advice.after).upper()}: " if waits else ""


def sentence(advice: Advice) -> str:
    """Title, effect and cost."""
    parts = [advice.title.rstrip(".")]
    effect = []
    if advice.effect.settles_at is not None:
        effect.append(f"settles near ~{advice.effect.settles_at:,}")
    if advice.kind == "cure" and advice.effect.entries_freed == 0:
        effect.append("frees nothing today")
    elif (
        advice.kind != "relief"
        and advice.effect.entries_freed
        and f"{advice.effect.entries_freed:,}" not in advice.title
    ):
        effect.append(f"frees {advice.effect.entries_freed:,}")
    if effect:
        parts.append(words.capital("; ".join(effect)))
    parts.append(cost(advice.risk))
    return f"{'. '.join(parts)}."


def cost(risk: Risk) -> str:
    """``Risk medium: may cut 12 live (12 tcp/443)``."""
    if risk.live_flows_affected is None:
        return f"Risk {risk.level}"
    if risk.live_flows_affected == 0:
        return f"Risk {risk.level}, cuts 0 live"
    services = ", ".join(f"{flows.entries:,} {flows.service}" for flows in risk.cut_flows[:_CUT])
    return f"Risk {risk.level}: may cut {risk.live_flows_affected:,} live" + (
        f" ({services})" if services else ""
    )


def cuts(of: LiveFlows) -> str:
    """Whom it would cut."""
    return f"cuts {of.entries:,} of {of.service}, e.g. {of.example}"
