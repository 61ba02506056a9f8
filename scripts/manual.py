"""The manual page, made of what the commands say of themselves: halftrack(1) in man(7)'s language."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import click

from halftrack import __version__
from halftrack.commands import main
from halftrack.errors import HalftrackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENVIRONMENT = {
    "NO_COLOR": "Set to anything: no colours.",
    "HALFTRACK_STATE_DIR": "Where the journal of changes lies instead of /var/lib/halftrack.",
    "HALFTRACK_RUN_DIR": "Where the last diagnosis and the lock of changes lie instead of /run/halftrack.",
    "HALFTRACK_CONFIG_DIR": "Where policy lies instead of /etc/halftrack.",
    "HALFTRACK_ETC_DIR": "Where files that hold over a reboot are written instead of /etc.",
    "HALFTRACK_STARTED_AS": "What commands that are printed begin with; set by whatever starts the program.",
    "HALFTRACK_DEBUG": "Set to anything: a bug of ours shows where it is.",
}
_FILES = {
    "/var/lib/halftrack/changes": "What was changed, and how to put it back.",
    "/run/halftrack": "The last diagnosis, for checks.",
    "/etc/sysctl.d/90-halftrack.conf": "Settings that a kept change makes last.",
}
_FINDINGS = {
    "0": "Done; of an examination: nothing found.",
    "1, 2": "Something was found: a warning, critical.",
    "3": "An examination cannot say that all is well: too little could be seen.",
}
_WIDTH = 78


def page() -> str:
    """The whole page."""
    program = main.program
    context = click.Context(program, info_name="halftrack")
    shared = {name for option in _options(program) for name in option.opts}
    lines = [
        '.\\" Written by scripts/generate out of the commands; not to be edited.',
        f'.TH HALFTRACK 1 "" "halftrack {__version__}" "User Commands"',
        ".SH NAME",
        "halftrack \\-",
        "finds, explains and cures what is stuck in the connection\\-tracking table",
        ".SH SYNOPSIS",
        ".B halftrack",
        "[options] [verb] [options] [argument ...]",
        ".SH DESCRIPTION",
        *_paragraphs(program.help or ""),
        "Shared options may stand before the verb or behind it.",
        ".SH OPTIONS",
        *_listed(_options(program)),
    ]
    for title, verbs in main.GROUPS.items():
        lines.append(f".SH {title.upper()}")
        for verb in verbs:
            command = program.get_command(context, verb)
            assert command is not None  # noqa: S101  # it is in the list
            lines += _verb(verb, command, shared)
    codes = {str(kind.exit_code): _sentence(kind.__doc__ or "") for kind in errors()}
    for title, entries in (
        ("EXIT STATUS", _FINDINGS | codes), ("ENVIRONMENT", ENVIRONMENT), ("FILES", _FILES),
    ):  # fmt: skip
        lines += [f".SH {title}", *_terms(entries.items())]
    lines += [".SH SEE ALSO", ".BR conntrack (8),", ".BR nft (8),", ".BR ss (8),", ".BR sysctl (8)"]
    return "\n".join(lines) + "\n"


def _verb(verb: str, command: click.Command, shared: set[str]) -> Iterator[str]:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    context = click.Context(command, info_name=verb)
    yield f".SS halftrack {verb} {' '.join(_plain(one.make_metavar(context)) for one in arguments)}".rstrip()
    yield from _paragraphs(command.help or "")
    yield from _listed(one for one in _options(command) if not shared.intersection(one.opts))


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden]


def _listed(given: Iterable[click.Option]) -> Iterator[str]:
    """Options as tagged paragraphs; the words as click shows them."""
    for option in given:
        context = click.Context(click.Command("halftrack"))
        record = option.get_help_record(context)
        assert record is not None  # noqa: S101  # hidden ones were left out
        yield from _terms([record])


def _terms(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in entries:
        yield from (".TP", f".B {_plain(term)}", _plain(text))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield _plain(" ".join(paragraph.replace("\b", "").split()))


def _plain(text: str) -> str:
    """Lines in which nothing means something to the formatter; dashes are those that are typed."""
    wrapped = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    escaped = (line.replace("\\", "\\e").replace("-", "\\-") for line in wrapped)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in escaped)


def errors() -> list[type[HalftrackError]]:
    """All of them, by their exit codes."""
    return sorted([HalftrackError, *HalftrackError.__subclasses__()], key=lambda kind: kind.exit_code)


def _sentence(text: str) -> str:
    return f"{text.partition(';')[0].strip().rstrip('.')}."
