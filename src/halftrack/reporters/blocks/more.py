"""The command that shows the same in full, whole on lines of its own: pasted, it does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


_INDENT: Final = " " * 8
_TOLD: Final = "# all of it: why, and every command"


def more(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Empty where there is no more to show than what stands there."""
    if not diagnosis.findings:
        return []
    if page.again is None:
        return page.wrap("The same once more with -v shows all of it: why, and every command.", _INDENT)
    told = f"{page.verbosely}  {_TOLD}"
    return shell_lines(told if len(_INDENT + told) <= page.width else page.verbosely, page, _INDENT)
