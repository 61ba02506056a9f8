"""Commands on lines of a fixed width that still do the same when they are pasted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.reporters.layout import Page

_UNPRINTABLE: Final = "# (holds characters that cannot be shown: see --json)"
_HEREDOC: Final = re.compile(r"<<('?)([A-Za-z_]+)\1\s*$")
_REMARK: Final = re.compile(r"\s+#")
_MARK: Final = "# "
_VARIABLE: Final = re.compile(r"[A-Z_0-9]+= ", re.ASCII)
_CHAIN: Final = re.compile(r"(\s*)(chain [^ {]+ \{) (.+) \}", re.ASCII)
_QUOTES: Final = ("'", '"')
_COMMANDS: Final = ("", "(")
"""Where words stand: at the top, and in a subshell or a command substitution."""


def shell_lines(command: str, page: Page, indent: str) -> list[str]:
    """A command, of one line or several, broken where the shell does not mind.

    Between words a line ends in a backslash. A remark behind a command goes before it: it cannot be
    continued. Inside a quoted or very long word there is no such
    place; the word is closed, goes on at the very left, and the shell joins the two. What goes
    into a file as it stands (``<<'EOF'``) is broken only inside the braces of a chain of nft.
    """
    texts = command.split("\n")
    if any(page.clean(text) != text for text in texts):
        return [indent + _UNPRINTABLE]
    lines: list[str] = []
    open_marks: list[str] = []
    heredoc: re.Match[str] | None = None
    for text in texts:
        if heredoc is not None:
            lines += _broken_chain(text, page.width) if heredoc[1] else _broken_document(text, page.width)
            heredoc = None if text == heredoc[2] else heredoc
        elif text.startswith("#") and not open_marks:
            lines += page.wrap(text, indent, f"{indent}# ")
        else:
            if not open_marks and len(indent) + len(text) > page.width:
                text, remark = _parted(text)  # noqa: PLW2901  # a remark ends at the end of its line
                lines += page.wrap(remark, indent, f"{indent}# ") if remark else []
            begin = "" if open_marks and open_marks[-1] in _QUOTES else indent
            lines += _broken(text, _cuts(text, open_marks), page.width, begin, indent)
            heredoc = _HEREDOC.search(text)
    return lines


def fitting(
    commands: Sequence[str], page: Page, most: int, indent: str, *, waits: bool
) -> tuple[bool, list[str]]:
    """Whether these are all commands, and the first of them in so many lines at most.

    A variable to fill in counts as a part of the command that follows it. ``waits``: they are remarks, until
    somebody takes the marks away.
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


def _parted(text: str) -> tuple[str, str]:
    """A command, and the remark behind it (``# ...``), which may be empty."""
    for found in _REMARK.finditer(text):
        marks: list[str] = []
        _cuts(text[: found.start()], marks)
        if not marks:
            return text[: found.start()], text[found.end() - 1 :]
    return text, ""


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Where a line may be broken: at blanks between words, and inside words by their quotation."""

    blanks: frozenset[int]
    inside: dict[int, str]


def _cuts(text: str, open_marks: list[str]) -> _Cuts:
    """``open_marks``: quotation marks and brackets open at the begin; afterwards those at the end."""
    blanks: set[int] = set()
    inside: dict[int, str] = {}
    escaped = False
    for place, character in enumerate(text):
        where = open_marks[-1] if open_marks else ""
        if escaped:
            escaped = False
            continue
        before = text[place - 1] if place else ""
        if character == " ":
            if where in _COMMANDS and text[:place].strip():
                blanks.add(place)
        elif where != "{" and character not in "'\"${}()" and before not in ("'", '"', "$", ""):
            inside[place] = where if where in _QUOTES else ""
        if character == "\\" and where != "'":
            escaped = True
        else:
            _open_or_close(character, before, where, open_marks)
    return _Cuts(frozenset(blanks), inside)


def _open_or_close(character: str, before: str, where: str, open_marks: list[str]) -> None:
    closes = {"(": ")", "{": "}"}.get(where, where)
    if character == closes:
        open_marks.pop()
        return
    if where == "'":
        return
    substitution = before == "$" and character in "({"
    if substitution or (where in _COMMANDS and character in ("(", *_QUOTES)):
        open_marks.append(character)


def _broken(text: str, cuts: _Cuts, width: int, begin: str, indent: str) -> list[str]:
    lines: list[str] = []
    line, start = begin, 0
    while len(line) + len(text) - start > width:
        last = start + width - len(line) - 2
        blank = next((cut for cut in range(last, start, -1) if cut in cuts.blanks), None)
        if blank is not None:
            lines.append(f"{line}{text[start:blank]} \\")
            line, start = f"{indent}  ", blank + 1
            continue
        cut = next((cut for cut in range(last, start, -1) if cut in cuts.inside), None)
        if cut is None:
            break
        lines.append(f"{line}{text[start:cut]}{cuts.inside[cut]}\\")
        line, start = cuts.inside[cut], cut
    return [*lines, line + text[start:]]


def _broken_document(text: str, width: int) -> list[str]:
    """A line of a here-document in which the shell joins what ends in a backslash."""
    lines: list[str] = []
    while len(text) > width:
        cut = text.rfind(" ", 1, width - 1)
        if cut < 0 or not text[:cut].strip():
            break
        lines.append(f"{text[:cut]} \\")
        text = text[cut + 1 :]
    return [*lines, text]


def _broken_chain(text: str, width: int) -> list[str]:
    """A line of a file as it stands; nft takes a chain on one line and on several for the same."""
    chain = _CHAIN.fullmatch(text) if len(text) > width else None
    return [text] if chain is None else [f"{chain[1]}{chain[2]}", f"{chain[1]}  {chain[3]}", f"{chain[1]}}}"]
