"""Options that every verb knows, before it and behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import click

from halftrack.commands import completing, durations
from halftrack.errors import UsageError

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


@dataclass(slots=True)
class Options:
    """What was given, on either side of the verb; the later one counts."""

    json: bool = False
    jsonl: bool = False
    netns: str | None = None
    root: Path = Path("/")
    assume: dict[str, str] = field(default_factory=dict)
    budget_s: float | None = None
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False
    no_input: bool = False

    @property
    def document(self) -> bool:
        """Whether the answer is to be JSON, of either kind."""
        return self.json or self.jsonl


def given(context: click.Context) -> Options:
    """The options of this run."""
    return context.find_root().ensure_object(Options)


DOCUMENT: Final = ("json", "jsonl")
LOOKING: Final = ("netns", "root", "assume", "budget")
SCREEN: Final = ("no_color", "verbose")


def shared(*meant: str) -> Callable[[_Decorated], _Decorated]:
    """Adds the shared options to a command: every verb takes all of them, and its help lists those that
    are ``meant``: the others do nothing there, or are refused.
    """

    def added(command: _Decorated) -> _Decorated:
        for name, option in reversed(list(_OPTIONS.items())):
            command = option(name not in meant)(command)
        return command

    return added


def every(command: _Decorated) -> _Decorated:
    """Likewise, all of them listed: before a verb."""
    return shared(*_OPTIONS)(command)


def read_from(command: _Decorated) -> _Decorated:
    """Adds ``--from``: ``sources``, which are read in place of this node."""
    return click.option(
        "--from",
        "sources",
        metavar="SOURCE",
        multiple=True,
        shell_complete=completing.files,
        help="A table as text, a bundle or a report, - for standard input.",
    )(command)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Remember what was given; a default does not undo what stood before the verb."""
    source = context.get_parameter_source(parameter.name or "")
    if source is click.core.ParameterSource.DEFAULT:
        return
    setattr(given(context), str(parameter.name), value)


def _keep_assumed(context: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"--assume {text!a}: write --assume KEY=VALUE, e.g. --assume limit=262144")
        given(context).assume[key] = value


def _keep_budget(context: click.Context, _: click.Parameter, text: str | None) -> None:
    if text is not None:
        given(context).budget_s = float(durations.seconds("--budget", text, example="10s"))


_Option: TypeAlias = Callable[[bool], Callable[[Any], Any]]
"""Whether it is to be hidden from the help, and the decorator then."""


def _option(*names: str, callback: Callable[..., None] = _keep, **more: Any) -> _Option:
    return lambda hidden: click.option(*names, expose_value=False, callback=callback, hidden=hidden, **more)


def _flag(*names: str, help: str) -> _Option:  # noqa: A002  # click's word
    return _option(*names, is_flag=True, help=help)


_OPTIONS: Final[Mapping[str, _Option]] = {
    "json": _flag("--json", help="Print one JSON document."),
    "jsonl": _flag("--jsonl", help="Print JSON, an object a line."),
    "netns": _option("--netns", metavar="NAME", help="Network namespace: a name, a path, self, host or all."),
    "root": _option(
        "--root",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Another root for /proc, /sys, /run, /etc, /var/lib.",
    ),
    "assume": _option(
        "--assume",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_keep_assumed,
        help="What a file does not say: kernel, limit, taken-at, a sysctl.",
    ),
    "budget": _option(
        "--budget",
        metavar="TIME",
        callback=_keep_budget,
        help="Time to look at most, e.g. 10s; what was not reached is said.",
    ),
    "no_color": _flag("--no-color", help="No colours (as NO_COLOR does)."),
    "quiet": _flag("-q", "--quiet", "quiet", help="No messages on stderr."),
    "verbose": _flag("-v", "--verbose", "verbose", help="Everything: groups, reasons, commands, gaps."),
    "no_input": _flag("--no-input", "no_input", help="Never ask anything."),
}
