"""Names that stay the same from one replica, and from one release, to the next.

Metrics are kept for months: a name that ends with its container would make a new series a pod. What a
runtime knows of the workload comes first; what it does not know is cut off a name where it looks made up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.diagnosis.document import OwnerName, TableSummary

_UNNAMED: Final = "unnamed"
"""Of what has no name but a made-up one."""
_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes names up from (apimachinery pkg/util/rand)."""
_DIGIT: Final = r"(?=[^-._]*[0-9])"
_MADE_UP: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",  # UUID
        r"\.[0-9]+\.[a-z0-9]{25}",  # a task of Docker's swarm
        rf"-{_RANDOM}{{6,10}}-{_RANDOM}{{5}}",  # Deployment, ReplicaSet, pod
        rf"-{_DIGIT}{_RANDOM}{{5}}",  # DaemonSet, Job
        rf"(?:^|[-._]){_DIGIT}[0-9a-f]{{6,64}}",  # part of a hash, or a whole one
        r"[-._][0-9]+[-._][0-9a-f]{6,64}",  # a number and a part of a hash
        r"[-._][0-9]+",  # StatefulSet, compose, or a number that tells two apart
    )
)


def of_owner(owner: OwnerName) -> str:
    """``namespace/workload`` of a pod in Kubernetes, else the name without what is made up of it."""
    if owner.namespace and owner.workload:
        return f"{owner.namespace}/{owner.workload}"
    return stem(owner.name)


def of_table(table: TableSummary) -> str:
    """Of whoever lives in that namespace, else of the namespace itself."""
    return stem(table.netns) if table.owner is None else of_owner(table.owner)


def stem(name: str) -> str:
    """The name without replica numbers, hashes and UUIDs at its end. A name of digits stays: it is one."""
    if name.isdecimal():
        return name
    while True:
        shorter = _shortened(name).rstrip("-._")
        if shorter == name:
            return name or _UNNAMED
        name = shorter


def _shortened(name: str) -> str:
    for pattern in _MADE_UP:
        found = re.search(f"(?:{pattern.pattern})$", name)
        if found is not None:
            return name[: found.start()]
    return name
