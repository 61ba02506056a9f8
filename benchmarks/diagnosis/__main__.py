"""``python -m benchmarks.diagnosis [RUNS]`` (root): see the package."""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime as dt
import itertools
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.diagnosis import matrix, playing, record
from benchmarks.diagnosis.situation import planned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.diagnosis.record import Record
    from benchmarks.diagnosis.situation import Situation

_RUNS: Final = 300
_PROCESSORS: Final = os.cpu_count() or 1
_JOBS: Final = 8
"""Networks side by side: nearly all of their time they wait."""


def main(words: Sequence[str]) -> bool:
    """Whether all four figures hold, and bundles say the same."""
    given = _given(words)
    kept = given.results.with_suffix(".kept")
    kept.mkdir(parents=True, exist_ok=True)
    every = tuple(planned(given.runs, given.seed, frozenset(filter(None, given.only.split(",")))))
    before = record.read(given.results)
    if not given.again:
        _play(
            [one for one in every if not _done(before.get(one.number), one)], given.results, kept, given.jobs
        )
    records = [one for one in record.read(given.results).values() if one.situation in every]
    done = [one for one in records if one.failed is None]
    bundled = _side_by_side(playing.from_bundle, done, kept, given.jobs)
    texts = _side_by_side(playing.from_text, done, kept, given.jobs)
    if given.again:
        records = [*bundled, *(one for one in records if one.failed is not None)]
    text, held = matrix.shown(records)
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, Linux {platform.release()}, seed {given.seed}\n{text}")
    same = [here.findings == there.findings for here, there in zip(done, bundled, strict=True)]
    told = f"the same answer as when it was played {sum(same)} of {len(same)} times"
    print(f"bundles, read where nothing is left of the namespaces: {told}")
    print(f"from the table as text alone:\n{matrix.figures(texts)[0]}")
    return held and (given.again or all(same))


def _side_by_side(
    judge: Callable[[Record, Path], Record], done: Sequence[Record], kept: Path, jobs: int
) -> list[Record]:
    spawned = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(min(jobs, _PROCESSORS), mp_context=spawned) as pool:
        return list(pool.map(judge, done, itertools.repeat(kept), chunksize=16))


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.diagnosis", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=_RUNS, metavar="RUNS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=_JOBS, help="networks side by side")
    parser.add_argument("--only", default="", metavar="SCENARIO,…", help="none but these")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("build/diagnosis.jsonl"),
        help="where runs are kept: those that are there are not made again",
    )
    parser.add_argument("--again", action="store_true", help="play nothing: judge the bundles that are kept")
    return parser.parse_args(words)


def _done(before: Record | None, planned_now: Situation) -> bool:
    """What the doctor itself says that it had no time for is played again when there is more of it."""
    told = before is not None and before.failed is None and not before.late
    return told and before is not None and before.situation == planned_now


def _play(wanted: Sequence[Situation], results: Path, kept: Path, jobs: int) -> None:
    """Each in a process that plays one after the other; what is done is written at once."""
    began = time.monotonic()
    spawned = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=spawned) as pool:
        runs = [pool.submit(playing.run, one, kept) for one in wanted]
        for count, each in enumerate(concurrent.futures.as_completed(runs), 1):
            error = each.exception()
            if error is not None:  # a mistake of ours: the others are worth having all the same
                print(f"{count:>4} of {len(wanted)}: {error!r}", file=sys.stderr, flush=True)
                continue
            done = each.result()
            record.append(results, done)
            print(
                f"{count:>4} of {len(wanted)}, {time.monotonic() - began:.0f} s:"
                f" {'+'.join(done.situation.scenarios)} in {done.seconds:.0f} s"
                f"{'' if done.failed is None else f', {done.failed}'}",
                file=sys.stderr,
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
