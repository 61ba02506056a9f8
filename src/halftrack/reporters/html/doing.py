"""What to do: RELIEF, CURE, CLEAR, in this order, with commands to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import SCRIPT_FILE
from halftrack.reporters.html.markup import Markup, joined, lines, tag
from halftrack.reporters.phrases import notes, remedies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Advice, Ask, Diagnosis


_SCRIPT_FIRST: Final = f"As root on the node, with {SCRIPT_FILE}, which only reads and which is written by "


HEADING: Final = "What to do"


def section(diagnosis: Diagnosis, planned: str | None) -> Markup | None:
    """None where nothing has to be done or asked."""
    shown = first(diagnosis)
    several = len(diagnosis.findings) > 1
    steps = [
        advice(each.advice, shown, of=each.of if several else None, more=remedies.rest(each))
        for each in remedies.chosen(diagnosis, None)
    ]
    if steps and planned is not None:
        steps.append(tag("div", tag("p", "What fits together, with the way back:"), _typed([planned])))
    asked = _ask(diagnosis.ask, diagnosis.script_by) if diagnosis.ask is not None else None
    if not steps and asked is None:
        return None
    put_back = notes.put_back(diagnosis, _commands(diagnosis))
    first_of_all = tag("p", put_back) if put_back is not None else None
    return joined(
        tag("h2", HEADING) if steps else None,
        first_of_all if steps else None,
        tag("div", steps, class_="card") if steps else None,
        tag("h2", "What to ask for next") if asked else None,
        None if steps else first_of_all,
        asked,
    )


def _commands(diagnosis: Diagnosis) -> list[str]:
    """All that stand on the page."""
    found = [command for each in diagnosis.findings for its in each.remedies for command in its.commands]
    return [*found, *([diagnosis.ask.command] if diagnosis.ask is not None else [])]


def first(diagnosis: Diagnosis) -> list[Advice]:
    """The remedies that stand under this heading; all of them stand with their findings."""
    return [each.advice for each in remedies.chosen(diagnosis, None)]


def advice(
    shown: Advice,
    beside: Sequence[Advice],
    *,
    of: int | None = None,
    typed_at: str | None = None,
    more: str = "",
) -> Markup:
    """One remedy: effect, cost, commands.

    ``of``: the finding that it is for, where that is to be said. ``typed_at``: where on the page its
    commands stand already. ``more``: a sentence to go behind.
    """
    told = words.capital(f"{remedies.waiting(shown, beside)}{remedies.sentence(shown)}{more}")
    if of is not None:
        told = f"For finding {of}: {told}"
    return tag(
        "div",
        tag("p", tag("span", shown.kind.upper(), class_=f"kind {shown.kind}"), tag("span", told)),
        _typed(shown.commands)
        if typed_at is None
        else tag("p", f"Typed as under {typed_at}.", class_="soft"),
        class_="remedy",
    )


def reasons(shown: Advice) -> Markup | None:
    """Why its risk is what it is, and whom it would cut."""
    told = [*shown.risk.why, *(remedies.cuts(flows) for flows in shown.risk.cut_flows)]
    return tag("ul", (tag("li", each) for each in told), class_="plain soft") if told else None


def _typed(commands: Sequence[str]) -> Markup | None:
    return lines(commands) if commands else None


def _ask(shown: Ask, script_by: str) -> Markup:
    settles = f" This would settle: {', '.join(shown.settles)}." if shown.settles else ""
    why = words.capital(shown.why.rstrip("."))
    script = tag("p", _SCRIPT_FIRST, tag("code", f"halftrack {script_by}"), ":") if shown.by_script else None
    return tag("div", tag("p", f"{why}.{settles}"), script, _typed([shown.command]), class_="card")
