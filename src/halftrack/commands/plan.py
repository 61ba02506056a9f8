"""``halftrack plan [REMEDY…]``: what would be changed, its effect, its risk, and the way back."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from halftrack import planning
from halftrack.commands import completing, last_screen, options, output, repeating, saving, unread
from halftrack.commands.sources import evidence
from halftrack.diagnosis import COLUMNS, examine
from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing, UsageError
from halftrack.evidence.rulesets import OF_ENTRIES
from halftrack.evidence.selection import Selection
from halftrack.planning.wanted import REMEDIES, example
from halftrack.plans import handover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halftrack.commands.options import Options
    from halftrack.diagnosis.case import Examined
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence
    from halftrack.planning import Wanted
    from halftrack.plans.document import Plan

_NAME = "plan.json"


@click.command(
    "plan",
    help="Plans what fits this node: RELIEF (room), CURE (stops the growth), CLEAR (what is stuck). WHAT"
    f" names remedies ({', '.join(REMEDIES)}), with arguments as in"
    f" {example('timeout-policy')}, or findings by number or id. Changes nothing.",
)
@click.argument("words", metavar="[WHAT]...", nargs=-1, shell_complete=completing.remedies)
@options.read_from
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the plan there, for halftrack fix FILE.",
)
@click.option(
    "--sh",
    "as_script",
    is_flag=True,
    help="Print one sh script with parts relief, cure, clear and back, for a node without Halftrack.",
)
@click.option(
    "--for",
    "owner",
    metavar="OWNER",
    type=click.Choice(handover.TARGETS),
    help=f"Print the file for whoever owns the settings: {', '.join(handover.TARGETS)}.",
)
@options.shared(*options.DOCUMENT, *options.LOOKING, *options.SCREEN, "quiet")
@click.pass_context
def command(
    context: click.Context,
    *,
    words: tuple[str, ...],
    sources: tuple[str, ...],
    target: Path | None,
    as_script: bool,
    owner: str | None,
) -> int:
    given = options.given(context)
    if target == Path("-"):
        raise UsageError("-o names a file; on standard output the plan is printed by --json")
    if sum((as_script, owner is not None, given.document)) > 1:
        raise UsageError("--sh, --for and --json are different answers: ask for one of them")
    plan, seen = made(sources, planning.parse(words), given)
    if as_script or owner is not None:
        from halftrack.commands import carried  # noqa: PLC0415  # for those who carry a plan away only

        saving.put(carried.script(plan) if owner is None else carried.file(plan, owner), target)
        output.message(carried.summary(plan, owner), given)
        _say_what_is_missing(plan, seen)
        return 0
    if target is not None:
        from halftrack.reporters import json  # noqa: PLC0415  # needs msgspec

        saving.save(json.pretty(plan), target)
        output.message(f"plan {plan.id} is in {target}", given)
    output.write(shown(plan, given, following(words, sources, target, given)))
    _say_what_is_missing(plan, seen)
    return 0


def _say_what_is_missing(plan: Plan, seen: Evidence) -> None:
    """Raise Incomplete where entries were not seen: what they would have called for is not in the plan.

    PermissionMissing or FeatureMissing where none were, and nothing is planned without them.
    """
    try:
        missing = unread.entries(seen)
    except (PermissionMissing, FeatureMissing) as error:
        if not plan.steps:
            raise
        missing = str(error)
    if missing:
        raise Incomplete(f"the plan is made without entries that were not seen: {missing}")


def made(
    sources: Sequence[str], wanted: Sequence[Wanted], given: Options, *, unmanaged: bool = False
) -> tuple[Plan, Evidence]:
    """The plan for what ``sources`` hold and that itself; without any, for this node as it is now.

    A number of a finding of this node is one of the last screen.
    """
    if not sources:
        wanted = last_screen.by_id(wanted, given.netns)
    seen = evidence(sources, given, selection=Selection(columns=COLUMNS | OF_ENTRIES), in_depth=True)
    on_this_node = seen.source == "live" and given.root == Path("/")
    rules = _rules(seen, wanted) if on_this_node else _collected(seen)
    examined = examine(seen)
    plan = planning.make(
        seen,
        examined,
        wanted,
        unmanaged=unmanaged,
        rules=rules(examined),
        made_at=datetime.now(UTC).replace(microsecond=0),
        machine=seen.machine,
    )
    return plan, seen


def _rules(seen: Evidence, wanted: Sequence[Wanted]) -> Callable[[Examined], dict[str, Ruleset]]:
    """By namespace, the rules that packets meet there: they are read while the rest is examined."""
    from halftrack.live import aside, rules  # noqa: PLC0415  # for this node alone

    tables = [table for table in seen.tables if table.flows is not None and not table.skipped]
    found = {table.netns: aside.later(rules.of, table.namespace) for table in tables}

    def result(examined: Examined) -> dict[str, Ruleset]:
        asked = {case.view.netns for case in examined.cases}
        return {netns: read.result() for netns, read in found.items() if wanted or netns in asked}

    return result


def _collected(seen: Evidence) -> Callable[[Examined], dict[str, Ruleset]]:
    """Likewise, of a bundle that holds them."""
    return lambda _: {table.netns: table.rules for table in seen.tables if table.rules is not None}


def following(
    words: Sequence[str], sources: Sequence[str], target: Path | None, given: Options
) -> tuple[str, ...]:
    """What to type to have it done."""
    fix = f"{repeating.program(here=not sources)} fix"
    if target is not None:
        where = "  # on the node itself" if sources else ""
        return (f"{fix} {shlex.quote(str(target))}{where}",)
    if "-" in sources:
        return ()
    origins = [f"--from={source}" for source in sources]
    planned = repeating.again("plan", (), given, *origins, "-o", _NAME, words=words)
    return (f"{planned} && {fix} {_NAME}",)


def shown(plan: Plan, given: Options, following: Sequence[str] = ()) -> bytes:
    """As JSON where that was asked for, else as a screen."""
    if given.document:
        return output.document(plan, given)
    from halftrack.reporters import plan as screen  # noqa: PLC0415  # not wanted for JSON

    return output.screen(screen.render, plan, given, following=following)
