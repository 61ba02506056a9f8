"""Whole processes on nodes of several kinds: many namespaces, nothing at all, or only a question.

These limits are seconds, not ratios: what a person waits for.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Final

from benchmarks.measure import HALFTRACK, median, process
from kernel.filling import fill
from kernel.scratch import scratch_netns

NAMESPACES: Final = 200
WORTH_READING: Final = 20
_MOMENT_S: Final = 1.0
"""Between the two readings of the counters."""


def main() -> bool:
    """Whether all of them answered in time."""
    held = median("halftrack --help", partial(process, (*HALFTRACK, "--help")), 0.15)
    with scratch_netns("empty") as netns:
        words = ("ip", "netns", "exec", netns.name, *HALFTRACK, "doctor", "--json", "--netns", "self")
        held &= median("doctor on an empty table", partial(process, words), 0.6 + _MOMENT_S)
    with contextlib.ExitStack() as stack:
        for number in range(NAMESPACES):
            netns = stack.enter_context(scratch_netns("many"))
            fill(netns, 2_000 if number < WORTH_READING else 20)
        title = f"doctor --json, {NAMESPACES} namespaces, {WORTH_READING} worth reading"
        held &= median(title, partial(process, (*HALFTRACK, "doctor", "--json")), 5.0)
    return held
