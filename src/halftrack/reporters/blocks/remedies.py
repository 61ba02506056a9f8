"""What to do: RELIEF stops the drops, CURE the growth, CLEAR removes what is stuck. In this order."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import KINDS
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.diagnosis.document import Advice, Diagnosis, Finding
    from halftrack.reporters.layout import Page

_INDENT: Final = " " * 8
_MARK: Final = "# "
_VARIABLE: Final = re.compile(r"[A-Z_0-9]+= ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A remedy to show first. ``of``: the number of the finding it is for, None where that is plain."""

    advice: Advice
    of: int | None = None


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
            found.setdefault(advice.kind, Chosen(advice, of))
    return tuple(found[kind] for kind in KINDS if kind in found)


def first(shown: Sequence[Chosen], page: Page, *, lines_each: int) -> list[str]:
    """Of each remedy its effect, what it costs, and its commands as far as so many lines hold them.

    What has to wait for another remedy on the screen is a comment: nobody pastes it by mistake.
    """
    lines: list[str] = []
    beside = [each.advice for each in shown]
    for each in shown:
        wait = waiting(each.advice, beside)
        whole, typed = fitting(each.advice.commands, page, lines_each, waits=bool(wait))
        told = f"{wait}{sentence(each.advice)}"
        which = "" if each.of is None else f"For {each.of}: "
        begin = "" if whole else " Begins:" if typed else " Commands: with -v."
        lines += page.wrap(f"{which}{told}{begin}", f"{each.advice.kind.upper():<8}")
        lines += typed
    return lines


def none_fits(finding: Finding, page: Page) -> list[str]:
    """What stands in the place of remedies where there is none: what would help to know, where told."""
    missing = list(dict.fromkeys(what for cause in finding.causes for what in cause.missing))
    helpful = f" What would help to know: {'; '.join(missing[:2])}." if missing else ""
    return page.wrap(f"Nothing to type fits {finding.symptom} as it is seen here.{helpful}", _INDENT)


def waiting(advice: Advice, beside: Iterable[Advice]) -> str:
    """What it has to wait for, where that stands beside it; else empty."""
    waits = advice.after is not None and any(each.kind == advice.after for each in beside)
    return f"Only after {str(advice.after).upper()}: " if waits else ""


def fitting(
    commands: Sequence[str], page: Page, most: int, *, waits: bool, indent: str = _INDENT
) -> tuple[bool, list[str]]:
    """Whether these are all commands, and the first of them in so many lines at most.

    A variable to fill in counts as a part of the command that follows it.
    """
    typed = [
        _remark(command, page, indent) if waits else shell_lines(command, page, indent)
        for command in commands
    ]
    if sum(map(len, typed)) <= most:
        return True, [line for lines in typed for line in lines]
    shown: list[str] = []
    waiting: list[str] = []
    for command, lines in zip(commands, typed, strict=True):
        if command.startswith("#"):
            continue
        waiting += lines
        if _VARIABLE.match(command):
            continue
        if len(shown) + len(waiting) > most:
            break
        shown += waiting
        waiting = []
    return False, shown


def _remark(command: str, page: Page, indent: str) -> list[str]:
    """A command as a remark, which becomes the command again where its marks are taken away."""
    lines = shell_lines(command, replace(page, width=page.width - len(_MARK)), indent)
    marked = [indent + _MARK + line.removeprefix(indent) for line in lines]
    fits = all(len(line) <= page.width for line in marked)
    return marked if fits else page.wrap(command, indent + _MARK, indent + _MARK)


def every(advices: Sequence[Advice], page: Page) -> list[str]:
    """All remedies of a finding, with all reasons and commands."""
    lines: list[str] = []
    for advice in advices:
        told = f"{advice.remedy}: {waiting(advice, advices)}{sentence(advice)}"
        lines += page.wrap(told, f"   {advice.kind.upper():<8}")
        for reason in advice.risk.why:
            lines += page.wrap(reason, " " * 11 + "- ")
        for flows in advice.risk.cut_flows:
            lines += page.wrap(
                f"{flows.entries:,} of {flows.service}, e.g. {flows.example}", " " * 11 + "cuts "
            )
        for command in advice.commands:
            lines += shell_lines(command, page, " " * 11)
    return lines


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
    parts.append(_cost(advice))
    return f"{'. '.join(parts)}."


def _cost(advice: Advice) -> str:
    risk = advice.risk
    if risk.live_flows_affected is None:
        return f"Risk {risk.level}"
    if risk.live_flows_affected == 0:
        return f"Risk {risk.level}, cuts 0 live"
    services = ", ".join(f"{flows.entries:,} {flows.service}" for flows in risk.cut_flows[:3])
    return f"Risk {risk.level}: may cut {risk.live_flows_affected:,} live" + (
        f" ({services})" if services else ""
    )
