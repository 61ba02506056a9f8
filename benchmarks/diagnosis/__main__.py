"""``python -m benchmarks.diagnosis [RUNS]`` (root): see the package."""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime as dt
import multiprocessing
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.diagnosis import matrix, playing, record
from benchmarks.diagnosis.situation import planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.diagnosis.situation import Situation

_RUNS: Final = 300
_JOBS: Final = 8
"""Networks side by side: nearly all of their time they wait."""


def main(words: Sequence[str]) -> bool:
    """Whether all four figures hold."""
    given = _given(words)
    kept = given.results.with_suffix(".kept")
    kept.mkdir(parents=True, exist_ok=True)
    before = record.read(given.results)
    if given.again:
        judged = [playing.again(one, kept) for one in before.values()]
        record.write(given.results, judged)
    else:
        every = planned(given.runs, given.seed, frozenset(filter(None, given.only.split(","))))
        wanted = [one for one in every if not _done(before.get(one.number), one)]
        _play(wanted, given.results, kept, given.jobs)
    text, held = matrix.shown(record.read(given.results).values())
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, Linux {platform.release()}, seed {given.seed}\n{text}")
    return held


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
    parser.add_argument("--again", action="store_true", help="judge the evidence of the kept runs anew")
    return parser.parse_args(words)


def _done(before: record.Record | None, planned_now: Situation) -> bool:
    return before is not None and before.failed is None and before.situation == planned_now


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
