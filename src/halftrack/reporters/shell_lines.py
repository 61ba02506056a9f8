"""Commands on lines of a fixed width that still do the same when they are pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.reporters.layout import Page

_UNPRINTABLE: Final = "# (holds characters that cannot be shown: see --json)"


def shell_lines(command: str, page: Page, indent: str) -> list[str]:
    """A command, of one line or several, broken where the shell does not mind.

    Between words a line ends in a backslash. Inside a quoted or very long word there is no such
    place; the word is closed, goes on at the very left, and the shell joins the two.
    """
    if page.clean(command.replace("\n", "")) != command.replace("\n", ""):
        return [indent + _UNPRINTABLE]
    lines: list[str] = []
    for part in command.split("\n"):
        lines += (
            _broken(part, page.width, indent)
            if not part.startswith("#")
            else page.wrap(part, indent, f"{indent}# ")
        )
    return lines


def _broken(text: str, width: int, indent: str) -> list[str]:
    lines: list[str] = []
    line = indent
    while len(line) + len(text) > width:
        room = width - len(line) - 2
        blank = next((cut for cut in range(room, 0, -1) if _between_words(text, cut)), None)
        if blank is not None:
            lines.append(f"{line}{text[:blank]} \\")
            text, line = text[blank + 1 :], f"{indent}  "
            continue
        cut = next((cut for cut in range(room, 1, -1) if _inside(text, cut)), None)
        if cut is None:
            break
        quote = _quote(text[:cut])
        lines.append(f"{line}{text[:cut]}{quote}\\")
        text = f"{quote}{text[cut:]}"
        line = ""
    return [*lines, line + text]


def _between_words(text: str, cut: int) -> bool:
    return text[cut] == " " and bool(text[:cut].strip()) and _quote(text[:cut]) == ""


def _inside(text: str, cut: int) -> bool:
    """Whether the text may be broken here: not behind a backslash, nor right at a quotation mark."""
    return _quote(text[:cut]) != "\\" and text[cut - 1] not in "'\"" and text[cut] not in "'\""


def _quote(text: str) -> str:
    """What is open at the end: a quotation mark, a backslash, or nothing."""
    quote = ""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return "\\" if escaped else quote
