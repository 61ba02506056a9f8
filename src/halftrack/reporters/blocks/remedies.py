"""What to do: RELIEF stops the drops, CURE the growth, CLEAR removes what is stuck. In this order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Advice, Diagnosis
    from halftrack.reporters.layout import Page

KINDS: Final = ("relief", "cure", "clear")
_INDENT: Final = " " * 8
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
    """Of each remedy its effect, what it costs, and its commands as far as so many lines hold them."""
    lines: list[str] = []
    whole = True
    for each in shown:
        commands = each.advice.commands
        listed, typed = _fitting(commands, page, lines_each)
        typable = sum(not command.startswith("#") for command in commands)
        told = "" if listed >= typable else f" First {listed} of {typable} commands:"
        which = "" if each.of is None else f"For {each.of}: "
        text = f"{which}{sentence(each.advice)}{told if listed else ''}"
        lines += page.wrap(text, f"{each.advice.kind.upper():<8}")
        lines += typed
        whole = whole and listed >= typable
    return lines if whole else [*lines, *page.wrap(f"All commands: {page.again}", _INDENT)]


def _fitting(commands: Sequence[str], page: Page, most: int) -> tuple[int, list[str]]:
    """How many of the commands so many lines hold, and those lines; comments go before commands do.

    A variable that is to be filled in stays with the command behind it.
    """
    typed = [shell_lines(command, page, _INDENT) for command in commands]
    if sum(map(len, typed)) <= most:
        return len(commands), [line for lines in typed for line in lines]
    shown: list[str] = []
    waiting: list[str] = []
    number = together = 0
    for command, lines in zip(commands, typed, strict=True):
        if command.startswith("#"):
            continue
        waiting += lines
        together += 1
        if _VARIABLE.match(command):
            continue
        if len(shown) + len(waiting) > most:
            break
        shown += waiting
        number += together
        waiting, together = [], 0
    return number, shown


def every(advices: Sequence[Advice], page: Page) -> list[str]:
    """All remedies of a finding, with all reasons and commands."""
    lines: list[str] = []
    for advice in advices:
        lines += page.wrap(f"{advice.remedy}: {sentence(advice)}", f"   {advice.kind.upper():<8}")
        for reason in advice.risk.why:
            lines += page.wrap(reason, " " * 11 + "- ")
        for flows in advice.risk.live_flows:
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
        parts.append(_capital("; ".join(effect)))
    parts.append(_cost(advice))
    return f"{'. '.join(parts)}."


def _cost(advice: Advice) -> str:
    risk = advice.risk
    if risk.live_flows_affected is None:
        return f"Risk {risk.level}"
    if risk.live_flows_affected == 0:
        return f"Risk {risk.level}, cuts 0 live"
    services = ", ".join(f"{flows.entries:,} {flows.service}" for flows in risk.live_flows[:3])
    return f"Risk {risk.level}: may cut {risk.live_flows_affected:,} live" + (
        f" ({services})" if services else ""
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
