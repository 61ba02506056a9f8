"""shaping: a rate limit holds the server's packets back until the client has gone.

The table shows the same as for a slow path; the shaper's own counters tell them apart. It may stand on
another machine, so that none is seen here speaks against it without ruling it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words
from halftrack.diagnosis.causes import facts, limiters, one_way, unmoved
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.limiters import Limiter, Way
    from halftrack.diagnosis.document import Cause


def weigh(case: Case) -> Cause | None:
    if not one_way.concerned(case):
        return None
    server = one_way.server_alone(case)
    owner = facts.top_share(case.rows.sample("local_hi", "local_lo"))
    here = facts.entries_of(case.view)
    way = limiters.of(case)
    return conclude(
        "shaping",
        0.05,
        (
            Clue("share in which the server alone was heard", round(server, 2), here, 0.2)
            if server >= facts.MOSTLY
            else Clue("share in which the server alone was heard", round(server, 2), here, -0.5),
            Clue("share of one address, as where one container is limited", round(owner, 2), here, 0.1)
            if case.rows.height >= facts.MANY and owner >= facts.MOSTLY
            else None,
            one_way.not_at_once(case),
            one_way.only_a_tail(case),
            one_way.goes_on(case, 0.15),
            *unmoved.doubts(case),
            *(_of_way(way) if way else ()),
            *_configured(case),
        ),
        (
            None
            if way and way.both_ends
            else "the shaper's counters: tc -s qdisc show; tc -s class show dev INTERFACE",
        ),
    )


def _configured(case: Case) -> Iterator[Clue]:
    """Rates that a manager of containers was told: whether they hold is what the queues tell."""
    owners = case.rows.sample("owner")["owner"].drop_nulls().unique()
    ids = {owner.id for number in owners if (owner := case.view.owner(number)) is not None}
    for each in case.view.evidence.rate_settings:
        if each.name == "RATE" and (each.container is None or each.container in ids):
            yield Clue("a rate in a container's configuration", each.value, f"{each.file}:{each.line}", 0.15)


def _of_way(way: Way) -> Iterator[Clue]:
    if way.filters:
        what = "programs that look at its traffic, which may limit it: " + ", ".join(way.filters)
        yield Clue(what, None, way.where, 0.0)
    if not way.limiters:
        if way.both_ends and not way.filters:
            yield Clue("rate limits on the way between this node and the owner", 0, way.where, -0.6)
        return
    most = way.limiters[0]
    name = f"{most.what} on {most.where}"
    if most.idle:
        yield Clue(f"packets that {name} has ever held back or dropped", 0, way.where, -0.4)
    if most.standing:
        yield Clue(f"bytes held back by {name} all the while", most.standing, way.where, 0.6, own=True)
    elif most.waiting:
        yield Clue(f"bytes held back now by {name}", most.waiting, way.where, 0.3, own=True)
    if most.lost:
        what = f"packets dropped by {name} in {most.seconds:.1f} s"
        yield Clue(what, most.lost, way.where, 0.5, own=True)
    elif most.lost_share >= limiters.OFTEN:
        what = f"share of all packets that {name} has dropped"
        yield Clue(what, round(most.lost_share, 3), way.where, 0.4, own=True)
    yield from _reached(most, name, way.where)


def _reached(most: Limiter, name: str, where: str) -> Iterator[Clue]:
    """That the rate was reached, by itself, is what a limit is for."""
    if most.slowed:
        what = f"packets too fast for {name} in {most.seconds:.1f} s"
        yield Clue(what, most.slowed, where, 0.2)
    elif most.slowed_share >= limiters.OFTEN:
        what = f"share of all packets that were too fast for {name}"
        yield Clue(what, round(most.slowed_share, 3), where, 0.2)
    elif most.slowed_share:
        what = f"{words.percent(most.slowed_share)} of all packets were ever too fast for {name}"
        yield Clue(what, round(most.slowed_share, 4), where, 0.05)
