"""Options that every verb knows, before it and behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from halftrack.commands import durations
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


def shared(command: _Decorated) -> _Decorated:
    """Adds the shared options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


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


def _flag(*names: str, help: str) -> Callable[[Any], Any]:  # noqa: A002  # click's word
    return click.option(*names, is_flag=True, expose_value=False, callback=_keep, help=help)


_OPTIONS: Final = (
    _flag("--json", help="Print one JSON document."),
    _flag("--jsonl", help="Print JSON, an object a line."),
    click.option(
        "--netns",
        metavar="NAME",
        expose_value=False,
        callback=_keep,
        help="Network namespace: a name, a path, self, host or all.",
    ),
    click.option(
        "--root",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        expose_value=False,
        callback=_keep,
        help="Another root for /proc, /sys, /run, /etc, /var/lib.",
    ),
    click.option(
        "--assume",
        metavar="KEY=VALUE",
        multiple=True,
        expose_value=False,
        callback=_keep_assumed,
        help="What a file does not say: kernel, limit, taken-at, a sysctl.",
    ),
    click.option(
        "--budget",
        metavar="TIME",
        expose_value=False,
        callback=_keep_budget,
        help="Time to look at most, e.g. 10s; what was not reached is said.",
    ),
    _flag("--no-color", help="No colours (as NO_COLOR does)."),
    _flag("-q", "--quiet", "quiet", help="No messages on stderr."),
    _flag("-v", "--verbose", "verbose", help="Everything: groups, reasons, commands, gaps."),
    _flag("--no-input", "no_input", help="Never ask anything."),
)
