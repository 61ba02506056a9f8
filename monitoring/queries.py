"""PromQL as a dashboard asks it: of the jobs and nodes that were chosen above it."""

from __future__ import annotations

from typing import Final

CHOSEN: Final = 'job=~"$job", instance=~"$instance"'


def of(metric: str) -> str:
    """A metric's series of the chosen nodes."""
    return f"{metric}{{{CHOSEN}}}"


def rate(metric: str) -> str:
    """How fast a counter goes up, a second."""
    return f"rate({of(metric)}[$__rate_interval])"


def total(expr: str, *labels: str) -> str:
    """Summed up, for each of these labels' values where there are any."""
    return f"sum by ({', '.join(labels)}) ({expr})" if labels else f"sum({expr})"


def top(number: int, expr: str) -> str:
    return f"topk({number}, {expr})"


def count(expr: str) -> str:
    """How many series; 0 where there are none, which Prometheus would leave out."""
    return f"count({expr}) or vector(0)"


def filled() -> str:
    """Share of its limit that each table takes; of those with one series together, the fullest."""
    entries = total(of("halftrack_entries"), "job", "instance", "netns")
    limit = f"max by (job, instance, netns) ({of('halftrack_entries_limit')} > 0)"
    fullest = f"max by (job, instance, netns) ({of('halftrack_fullest_ratio')})"
    return f"{fullest} or {entries} / {limit}"
