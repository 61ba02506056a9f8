"""What to do: RELIEF stops the drops, CURE the growth, CLEAR removes what is stuck. In this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.reporters.phrases.remedies import cuts, rest, sentence, waiting
from halftrack.reporters.shell_lines import fitting, shell_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Advice, Finding
    from halftrack.reporters.layout import Page
    from halftrack.reporters.phrases.remedies import Chosen

_INDENT: Final = " " * 8


def first(shown: Sequence[Chosen], page: Page, *, lines_each: int) -> list[str]:
    """Of each remedy its effect, what it costs, and its commands as far as so many lines hold them.

    What has to wait for another remedy on the screen is a comment: nobody pastes it by mistake.
    """
    lines: list[str] = []
    beside = [each.advice for each in shown]
    for each in shown:
        wait = waiting(each.advice, beside)
        whole, typed = fitting(each.advice.commands, page, lines_each, _INDENT, waits=bool(wait))
        told = f"{wait}{sentence(each.advice)}{rest(each)}"
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


def every(advices: Sequence[Advice], page: Page) -> list[str]:
    """All remedies of a finding, with all reasons and commands."""
    lines: list[str] = []
    for advice in advices:
        told = f"{advice.remedy}: {waiting(advice, advices)}{sentence(advice)}"
        lines += page.wrap(told, f"   {advice.kind.upper():<8}")
        for reason in advice.risk.why:
            lines += page.wrap(reason, " " * 11 + "- ")
        for flows in advice.risk.cut_flows:
            lines += page.wrap(cuts(flows), " " * 11, " " * 16)
        for command in advice.commands:
            lines += shell_lines(command, page, " " * 11)
    return lines
