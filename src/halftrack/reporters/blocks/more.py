"""Commands that go on from here, whole on lines of their own: pasted, they do what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


_INDENT: Final = " " * 8
_TOLD: Final = "# all of it: why, and every command"
_PLANNED: Final = "# all of it as a plan, with the way back"
_FIXED: Final = "# says what it would do, and asks"


def more(diagnosis: Diagnosis, page: Page, main: int | None) -> list[str]:
    """Empty where there is no more to show than what stands there.

    ``main``: the number of the finding that is shown in full.
    """
    if not diagnosis.findings:
        return []
    if page.again is None:
        return page.wrap("The same once more with -v shows all of it: why, and every command.", _INDENT)
    lines = _command(page.verbosely, _TOLD, page)
    if page.planned is not None and _to_plan(diagnosis):
        lines += _command(page.planned, _PLANNED, page)
        if page.fixed is not None and main is not None and diagnosis.findings[main - 1].remedies:
            lines += _command(f"{page.fixed} {main}", _FIXED, page)
    return lines


def _command(command: str, told: str, page: Page) -> list[str]:
    """With a remark on what it does, where the line has room for it."""
    whole = f"{command}  {told}"
    return shell_lines(whole if len(_INDENT + whole) <= page.width else command, page, _INDENT)


def _to_plan(diagnosis: Diagnosis) -> bool:
    return any(each.remedies for each in diagnosis.findings if each.severity != "info")
