"""``halftrack fix PLAN``: carry a plan out, verified step by step, with a way back."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import changed, completing, options, output, plan_files
from halftrack.commands.durations import seconds
from halftrack.errors import INTERRUPTED, Incomplete, PermissionMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.changes.applying import Stopped
    from halftrack.changes.checking import Checked
    from halftrack.changes.fixing import Terms
    from halftrack.changes.journal import Journal
    from halftrack.commands.options import Options
    from halftrack.planning import Wanted
    from halftrack.plans.change import Change, Intention
    from halftrack.plans.document import Plan

_TRIAL_S: Final = 600
_WORTH_A_TRIAL: Final = ("medium", "high")


@click.command(
    "fix",
    help="Carries out the plan in the file PLAN (- for standard input), or what `halftrack plan` makes of"
    " findings and remedies: shows it, asks, writes down each"
    " step before doing it, and looks after each whether it holds. What does not hold any more since the"
    " plan was made is refused before anything is changed. Plans of medium and high risk are tried on a"
    " terminal: after ten minutes they are undone unless `halftrack keep` says otherwise.",
)
@click.argument("what", metavar="PLAN|FINDING|REMEDY...", nargs=-1, shell_complete=completing.remedies)
@click.option("--try", "trial", metavar="TIME", help="Undo it after TIME unless it is kept, e.g. 10m.")
@click.option("--no-try", is_flag=True, help="Let it stay without keep.")
@click.option(
    "--rehearse",
    is_flag=True,
    help="Do it to a copy of a part of the table and say what became of it; changes nothing here.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--until-reboot", is_flag=True, help="Write nothing that would hold over a reboot.")
@click.option("--from-elsewhere", is_flag=True, help="Also a plan that was made for another node.")
@click.option("--unmanaged", is_flag=True, help="Also settings that kube-proxy sets again at its start.")
@click.option(
    "--fill",
    "filled_in",
    metavar="NAME=ADDRESS",
    multiple=True,
    help="An address that was masked where the plan was made.",
)
@options.shared(*options.DOCUMENT, "netns", "budget", *options.SCREEN, "quiet", "no_input")
@click.pass_context
def command(
    context: click.Context,
    *,
    what: tuple[str, ...],
    trial: str | None,
    no_try: bool,
    rehearse: bool,
    yes: bool,
    until_reboot: bool,
    from_elsewhere: bool,
    unmanaged: bool,
    filled_in: tuple[str, ...],
) -> int:
    given = options.given(context)
    _check(given, what, trial=trial, no_try=no_try, rehearse=rehearse)
    wanted = _wanted(what, given)
    kept = plan_files.read(what[0]) if wanted is None and what[0] != "-" else None
    if not (yes or rehearse) and (what[0] == "-" or changed.nobody_answers(given)):
        raise UsageError("fix asks first, and nobody can answer here: add --yes")
    plan = plan_files.filled(kept or _made(wanted, given, unmanaged=unmanaged), filled_in)
    from halftrack.changes import admission, bystander, checking, fixing  # noqa: PLC0415  # likewise
    from halftrack.changes import trial as trial_of_another  # noqa: PLC0415  # likewise

    if not from_elsewhere:
        admission.of_this_node(plan)
    if rehearse:
        from halftrack.commands import rehearsing  # noqa: PLC0415  # for rehearsals only

        flags = {"until_reboot": until_reboot, "from_elsewhere": from_elsewhere, "unmanaged": unmanaged}
        again = _for_real(what, given, filled_in, flags)
        return rehearsing.run(plan, given, again, lasting=not until_reboot, unmanaged=unmanaged)
    if not unmanaged:
        admission.unowned(plan)
    terms = fixing.Terms(_trial_s(plan, trial, no_try=no_try), lasting=not until_reboot)
    checked = checking.check(plan, lasting=terms.lasting)
    _refuse(checked)
    meant = _intention(checked, terms, tuple(bystander.lines(plan)))
    if meant.has_work:
        trial_of_another.refuse_beside(overdue=False)
    _show(plan, meant, given, asked=not yes)
    if not meant.has_work:
        output.message("nothing to do: all that can be done here is in force", given)
        if given.document:
            changed.document(given)
        return 0
    if not yes and not click.confirm("Go?", default=False, err=True):
        output.message("nothing was changed", given)
        raise click.Abort
    return _fix(plan, terms, meant, given)


def _check(given: Options, what: tuple[str, ...], *, trial: str | None, no_try: bool, rehearse: bool) -> None:
    if not what:
        raise UsageError("fix wants a plan: halftrack plan -o PLAN, then halftrack fix PLAN; or a remedy")
    if trial is not None and no_try:
        raise UsageError("--try and --no-try: choose one")
    if str(given.root) != "/" or given.assume:
        raise UsageError("--root and --assume are for looking: fix changes the running node")
    if rehearse and (trial is not None or no_try):
        raise UsageError("--rehearse changes nothing here, so there is nothing to try: leave --try out")


def _wanted(what: tuple[str, ...], given: Options) -> Sequence[Wanted] | None:
    """What is to be planned now; None where the words are a plan's file. Raises UsageError for neither."""
    name = what[0]
    if name != "-" and not name.startswith(("/", "./", "../")) and not Path(name).exists():
        if name.endswith(".json"):
            raise UsageError(f"there is no file {name!a}: halftrack plan -o {name} makes one")
        from halftrack import planning  # noqa: PLC0415  # a plan from a file does without

        return planning.parse(what)
    if given.netns is not None:
        raise UsageError("--netns is for what is planned now: a plan in a file says itself where it belongs")
    if len(what) != 1:
        raise UsageError("fix takes one plan at a time")
    if name != "-" and not Path(name).exists():
        raise UsageError(f"there is no file {name!a}: halftrack plan -o {name!a} makes one")
    return None


def _made(wanted: Sequence[Wanted] | None, given: Options, *, unmanaged: bool) -> Plan:
    """The plan on standard input; made anew of this node where something is wanted of it."""
    if wanted is None:
        return plan_files.read("-")
    from halftrack.commands import plan  # noqa: PLC0415  # heavy, and a plan from a file does without

    return plan.made((), wanted, given, unmanaged=unmanaged)[0]


def _for_real(
    what: tuple[str, ...], given: Options, filled_in: tuple[str, ...], flags: Mapping[str, bool]
) -> str | None:
    """The command that tries what was rehearsed; None for a plan that was on standard input."""
    from halftrack.commands import repeating  # noqa: PLC0415  # for rehearsals only

    if what[0] == "-":
        return None
    told = [f"--{name.replace('_', '-')}" for name, is_set in flags.items() if is_set]
    told += [word for each in filled_in for word in ("--fill", each)]
    return repeating.again("fix", (), given, "--try", f"{_TRIAL_S // 60}m", *told, words=what, here=True)


def _trial_s(plan: Plan, trial: str | None, *, no_try: bool) -> int | None:
    if trial is not None:
        return seconds("--try", trial)
    from halftrack.plans.actions import ByHand, Drain  # noqa: PLC0415  # with the plan

    risky = any(
        step.risk.level in _WORTH_A_TRIAL
        for step in plan.steps
        if any(not isinstance(action, (ByHand, Drain)) for action in step.actions)
    )
    return _TRIAL_S if risky and not no_try and sys.stdin.isatty() else None


def _refuse(checked: Checked) -> None:
    refused = list(dict.fromkeys(checked.refused))
    for line in refused:
        output.complain(line)
    if refused and checked.denied.issuperset(refused):
        raise PermissionMissing("that is not permitted here: nothing was changed")
    if refused:
        raise Incomplete("the plan does not fit this node any more: nothing was changed")


def _intention(checked: Checked, terms: Terms, bystander: tuple[str, ...]) -> Intention:
    from halftrack.plans.change import Intention  # noqa: PLC0415  # as above

    return Intention(
        writes=tuple(checked.titles),
        files=tuple(checked.files),
        already=tuple(checked.already),
        by_hand=tuple((one.manager, one.lines) for one in checked.by_hand),
        drains=tuple(" ".join(one.filter) for one in checked.drains),
        bystander=bystander,
        trial_s=terms.trial_s,
        lasting=checked.lasting,
    )


def _show(plan: Plan, meant: Intention, given: Options, *, asked: bool) -> None:
    """What would be done, to whoever decides."""
    document = given.document
    if document and not asked:
        return
    from halftrack.reporters import changes  # noqa: PLC0415  # only text needs it

    if document:
        for line in changes.intention(plan, meant).splitlines():
            output.show(line)
        return
    output.offer(changes.intention(plan, meant).encode(), "nothing was changed")


def _fix(plan: Plan, terms: Terms, meant: Intention, given: Options) -> int:
    from halftrack.changes import fixing, showing  # noqa: PLC0415  # as above
    from halftrack.changes.applying import Stopped  # noqa: PLC0415  # likewise
    from halftrack.reporters import changes  # noqa: PLC0415  # likewise

    made: list[Journal] = []
    steps = itertools.count(1)
    total = len(meant.writes) + len(meant.drains) + (len(meant.files) if terms.trial_s is None else 0)

    def told(title: str, result: str) -> None:
        if not (given.quiet or given.document):
            for line in changes.progress(next(steps), total, title, result):
                output.show(line)

    try:
        fixing.fix(plan, terms, said=output.complain, told=told, begun=made.append)
    except Stopped as stopped:
        _go_back(stopped, made[0], given)
        if stopped.interrupted:
            output.complain(str(stopped))
            return INTERRUPTED
        raise Incomplete(str(stopped)) from stopped
    finally:
        if made:
            _report(showing.show(made[0].folded()), given)
    return 0


def _go_back(stopped: Stopped, journal: Journal, given: Options) -> None:
    """Say what stands, and take that back, too, where somebody wants it."""
    from halftrack.changes import lock, undo, who  # noqa: PLC0415  # as above
    from halftrack.changes.stopping import Stopping  # noqa: PLC0415  # likewise

    if not stopped.stands:
        output.complain("that step was taken back; nothing of the plan is in force")
        return
    number = journal.number
    output.complain(f"that step was taken back; earlier ones hold: halftrack undo {number} takes them back,")
    output.complain(f"halftrack keep {number} lets them stay, over a reboot, too")
    if changed.nobody_answers(given):
        return
    if click.confirm("Take them back now?", default=False, err=True):
        with lock.held(), Stopping():
            undo.undo(journal, who.asks(), "a later step did not hold")
        output.complain(f"change {number} undone")


def _report(change: Change, given: Options) -> None:
    if given.document:
        changed.document(given, change)
        return
    from halftrack.reporters import changes  # noqa: PLC0415  # only text needs it

    output.report(changes.outcome(change).encode())
