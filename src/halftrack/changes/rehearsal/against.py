"""What a rehearsal says against carrying a plan out, a line each: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.rehearsal import Connection, Kept, RehearsedStep


def of_step(step: RehearsedStep) -> Iterator[str]:
    """It fails, or does something else than was predicted."""
    if step.state == "failed":
        yield f"{step.remedy} would fail: {step.why}"
    elif step.happened is not None:
        if step.agrees is False:
            freed = f"{step.remedy} freed {step.happened.entries_freed:,} entries of the sample"
            yield f"{freed}, {step.foretold.of_sample or 0:,} were predicted"
        if step.happened.others:
            yield f"{step.remedy} shortened {step.happened.others:,} entries that it is not about"


def of_connection(one: Connection) -> Iterator[str]:
    """It is cut, or its entries live for another time than the plan says."""
    if one.still is False:
        yield f"an open connection to {one.service} ({one.back}) was cut: {one.why}"
    if one.anew is False:
        yield f"no new connection to {one.service} ({one.back}) could be opened: {one.why}"
    for what, kept in (("a new connection", one.kept), ("a late packet", one.late)):
        if kept is not None and kept.agrees is False:
            found = f"{what} of {one.service} ({one.back}) has {_found(kept)}"
            yield f"{found}, by the plan it should have {_promised(kept)}"


def _found(kept: Kept) -> str:
    return "no entry" if kept.after is None else f"an entry of {kept.after:,} s"


def _promised(kept: Kept) -> str:
    return "none" if kept.foretold is None else f"one of {kept.foretold:,} s"
