"""Prometheus' text format, version 0.0.4.

Written here: what there is to it is three escapes, and the library for it took 14 MB and a quarter of a
second when it was measured (a scan may take 128 MB). ``promtool check metrics`` reads it in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.reporters.prometheus.names import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LONGEST: Final = 120
"""Characters of a label's value."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series now; ``labels``: values in the order of the metric's."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


def printable(text: str) -> str:
    """A label's value that shows as it is. To be taken before samples are told apart by it: two that become
    the same are one series, and a series that is there twice has all of them refused.

    Names come from whoever starts a container: nothing in them may end the line or a terminal's peace.
    """
    return "".join(sign if sign.isprintable() else "?" for sign in text[:_LONGEST])


def exposition(samples: Sequence[Sample]) -> bytes:
    """The samples, those of one metric together, each metric with its help and type."""
    by_metric: dict[Metric, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric, []).append(sample)
    lines: list[str] = []
    for metric, found in by_metric.items():
        lines += (f"# HELP {metric.name} {_help(metric.help)}", f"# TYPE {metric.name} {metric.kind}")
        lines += (f"{metric.name}{_labels(sample)} {_number(sample.value)}" for sample in found)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _labels(sample: Sample) -> str:
    pairs = zip(sample.metric.labels, sample.labels, strict=True)
    inside = ",".join(f'{name}="{_value(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _value(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 3))
