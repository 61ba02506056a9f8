"""The program's entry: verbs, shared options, and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib
import os
import shlex
import sys
import traceback
from typing import Final

import click

from halftrack import __version__
from halftrack.commands import options, output
from halftrack.errors import INTERRUPTED, Busy, HalftrackError, OutputFailed, UsageError
from halftrack.reporters import plugin

GROUPS: Final = {
    "Look": {
        "doctor": "Examine a node or a table as text: what is stuck, whose, why, what to do.",
        "list": "Entries: filtered, sorted, grouped, counted.",
        "collect": "All evidence of this node as one file, for a doctor elsewhere.",
        "unmask": "Originals for the stand-ins of collect --mask, in whatever came back.",
        "explain": "The runbooks: symptoms, causes, remedies, settings, alerts.",
    },
    "Change": {
        "plan": "What would be changed: relief, cure, clear; its effect, what could break.",
        "fix": "A plan carried out: shown, agreed to, verified step by step, with a way back.",
        "keep": "A change on trial stays.",
        "undo": "What a change replaced, put back exactly.",
        "changes": "What was changed, when, by whom, and whether it still holds.",
        "drain": "Entries given less time or removed, each by what is known of it.",
    },
    "Always": {
        "check": "One line and an exit code for Nagios and Icinga.",
        "export": "Metrics for Prometheus: into a file for node_exporter, or over HTTP.",
    },
    "Study": {
        "replay": "Packets through the kernel's rules: the table they leave, and why.",
        "whatif": "The table's size over days under other settings, and what they would cut.",
        "lab": "A known trouble reproduced in scratch namespaces, and what the doctor says.",
    },
}
_VERBS: Final = {verb: text for verbs in GROUPS.values() for verb, text in verbs.items()}
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_NO_MEMORY: Final = (
    "can't start new thread",
    "failed to map",
    "annot allocate memory",
    "Resource temporarily unavailable",
)
"""How Python, the loader and Rust put it."""
_PANIC: Final = "PanicException"
"""Of Rust's threads that could not be started; its class is there only once polars is."""
_BUG: Final = HalftrackError.exit_code
_PLUGIN: Final = "check"
"""The verb whose standard output and exit code a monitoring system reads."""
_COMPLETE: Final = "_HALFTRACK_COMPLETE"
"""Set by what shells run at a press of Tab (``deploy/completions``)."""


class _Verbs(click.Group):
    """Verbs whose files are loaded only when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # likewise
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"halftrack.commands.{cmd_name}")
        command: click.Command = module.command
        command.short_help = _VERBS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS:
            raise UsageError(_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # likewise
        for title, verbs in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))


def _unknown(word: str) -> str:
    if os.path.exists(word):  # noqa: PTH110  # a word, perhaps of a file
        return f"{word!a} is no verb; to examine that file: {output.program()} doctor {shlex.quote(word)}"
    near = difflib.get_close_matches(word, _VERBS, n=1)
    if near:
        return f"there is no verb {word!a}: did you mean {near[0]}?"
    return f"there is no verb {word!a}: there are {', '.join(_VERBS)}"


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help="Says what is stuck in the connection-tracking table, whose it is, and what to do."
    " Without a verb: doctor.",
)
@click.version_option(__version__, "--version", message="halftrack %(version)s")
@options.every
@click.pass_context
def program(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        doctor = program.get_command(context, "doctor")
        assert doctor is not None  # noqa: S101  # it is in the list above
        context.exit(context.invoke(doctor))


def main() -> None:
    """Run and end the process with the exit code."""
    output.open_missing_streams()
    asked = os.environ.get(_COMPLETE)
    code = _complete(asked) if asked else run(sys.argv[1:])
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    # Threads may still wait for the kernel, and frames of a million rows take time to be given back.
    os._exit(code)


def _complete(asked: str) -> int:
    """What fits, for a shell. Nobody reads a complaint in the middle of a line: then nothing does."""
    from click.shell_completion import shell_complete  # noqa: PLC0415  # seldom needed

    try:
        return shell_complete(program, {}, "halftrack", _COMPLETE, asked)
    except Exception:  # noqa: BLE001  # also words that cannot be understood yet
        return 1


def run(words: list[str]) -> int:
    """Run with these words; the exit code."""
    if _verb(words) != _PLUGIN:
        return _carried_out(words, 0)
    output.be_plugin()
    code = _carried_out(words, plugin.UNKNOWN)
    return code if code in range(plugin.UNKNOWN) else plugin.UNKNOWN


def _verb(words: list[str]) -> str | None:
    """The verb among the words: the first that is neither an option nor the value of one."""
    valued = {name for each in program.params if not getattr(each, "is_flag", False) for name in each.opts}
    left = iter(words)
    for word in left:
        if word in valued:
            next(left, None)
        elif not word.startswith("-"):
            return word
    return None


def _carried_out(words: list[str], code: object) -> int:
    """The exit code; ``code``: that of one that ended without a word."""
    context: click.Context | None = None
    try:
        with program.make_context("halftrack", list(words)) as context:
            code = program.invoke(context)
        output.write(b"")
    except click.exceptions.Exit as ended:
        code = _ended(ended.exit_code)
    except click.UsageError as error:
        code = _misused(error)
    except HalftrackError as error:
        output.complain(str(error))
        code = error.exit_code
    except BrokenPipeError:
        pass  # whoever read our output has had enough
    except (KeyboardInterrupt, click.Abort):
        code = INTERRUPTED
    except MemoryError:
        code = _short_of_memory()
    except OSError as error:
        code = _not_written(error) if error.errno in _NO_ROOM else _bug(error, context)
    except BaseException as error:  # noqa: BLE001  # a bug ends in one line, too, and Rust's panics do
        code = _bug(error, context)
    return code if isinstance(code, int) else 0


def _ended(code: int) -> int:
    """click has written help or a version; it may not have reached anybody."""
    try:
        output.write(b"")
    except BrokenPipeError:
        return 0
    except HalftrackError as error:
        output.complain(str(error))
        return error.exit_code
    return code


def _short_of_memory() -> int:
    output.complain("not enough memory or threads here; --netns looks at one namespace alone")
    return Busy.exit_code


def _not_written(error: OSError) -> int:
    output.complain(f"the answer could not be written: {error.strerror}")
    return OutputFailed.exit_code


def _misused(error: click.UsageError) -> int:
    where = error.ctx.command_path if error.ctx else _command_named()
    output.complain(f"{error.format_message().rstrip('.')}; see {where} --help")
    return UsageError.exit_code


def _command_named() -> str:
    """The verb that was typed, where click lost it."""
    verb = next((word for word in sys.argv[1:] if word in _VERBS), None)
    return f"halftrack {verb}" if verb else "halftrack"


def _bug(error: BaseException, context: click.Context | None) -> int:
    panicked = type(error).__name__ == _PANIC
    if (panicked or isinstance(error, (ImportError, RuntimeError))) and any(
        told in str(error) for told in _NO_MEMORY
    ):
        return _short_of_memory()
    verbose = "-v" in sys.argv or (context is not None and options.given(context).verbose)
    if verbose or os.environ.get("HALFTRACK_DEBUG"):
        traceback.print_exc()
    else:
        text = " ".join(str(error).split())[:200]
        output.complain(f"a bug of ours: {type(error).__name__}: {text} (-v shows where; please report it)")
    return _BUG
