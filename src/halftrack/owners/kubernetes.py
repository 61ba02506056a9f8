"""Kubernetes: which pod a label names, what made the pod, and what the kubelet leaves on the node.

The kubelet gives every container and every sandbox the labels ``io.kubernetes.pod.name``,
``…namespace`` and ``…uid`` (kubernetes pkg/kubelet/types/labels.go) and writes the containers' logs
below ``/var/log/pods/NAMESPACE_NAME_UID`` (pkg/kubelet/kuberuntime/helpers.go). So a pod is known
by its uid whatever runs it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container, Pod
from halftrack.owners.untrusted import printable, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.owners.node import Node

RUNTIME: Final = "kubernetes"
"""``Owner.runtime`` of every pod of Kubernetes, whatever runs it."""
_LOGS: Final = "var/log/pods"
_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes names up from (apimachinery pkg/util/rand): no vowel, nothing that reads as one."""
_MADE_BY: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(.+)-{_RANDOM}{{6,10}}-{_RANDOM}{{5}}",  # Deployment, ReplicaSet, pod
        rf"(.+)-[0-9]{{8,10}}-{_RANDOM}{{5}}",  # CronJob, Job by its minute (before 1.21: second), pod
        rf"(.+)-[0-9]{{1,5}}-{_RANDOM}{{5}}",  # Job with completions by index
        rf"(.+)-{_RANDOM}{{5}}",  # DaemonSet, Job
        r"(.+)-[0-9]{1,5}",  # StatefulSet
    )
)
_JOB_LABELS: Final = ("batch.kubernetes.io/job-name", "job-name")
_CRON: Final = re.compile(r"(.+)-[0-9]{8,10}")


def pod(labels: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> Pod | None:
    """The pod that a container's labels name, None where they name none.

    ``more``: labels that the pod's author gave, where they are kept apart.
    """
    name, space, uid = (text(labels.get(f"io.kubernetes.pod.{key}")) for key in ("name", "namespace", "uid"))
    if not (name and uid):
        return None
    return Pod(name, uid, space, workload(name, labels if more is None else more) if space else None)


def workload(name: str, labels: Mapping[str, Any]) -> str:
    """What made a pod: by the labels that its controller set, else by how controllers make names up.

    A pod that somebody made by hand is its own.
    """
    stem = _by_labels(name, labels)
    if stem:
        return stem
    found = next(filter(None, (pattern.fullmatch(name) for pattern in _MADE_BY)), None)
    return found[1] if found else name


def _by_labels(name: str, labels: Mapping[str, Any]) -> str:
    """From ``pod-template-hash`` and its like (kubernetes.io, well-known labels); empty without."""
    job = next(filter(None, (text(labels.get(key)) for key in _JOB_LABELS)), "")
    if job:
        cron = _CRON.fullmatch(job)
        return cron[1] if cron else job
    template = text(labels.get("pod-template-hash"))
    before, found, _ = name.rpartition(f"-{template}-") if template else ("", "", "")
    if found:
        return before
    if labels.get("statefulset.kubernetes.io/pod-name") or labels.get("controller-revision-hash"):
        return name.rpartition("-")[0]
    return ""


class Kubelet:
    """Names of pods alone: of one that runs no more the name is of no consequence."""

    name = RUNTIME

    def is_present(self, node: Node) -> bool:
        return node.has(_LOGS)

    def ask(self, node: Node) -> Answer:
        try:
            directories = node.names(_LOGS)
        except PermissionError as error:
            raise NoAnswer("the kubelet's logs may not be listed", ("CAP_DAC_READ_SEARCH",)) from error
        parts = [directory.split("_") for directory in directories[:MOST_CONTAINERS]]
        found = (_named(*each) for each in parts if len(each) == 3)
        return Answer(tuple(found))


def _named(space: str, name: str, uid: str) -> Container:
    one = Pod(printable(name), printable(uid), printable(space), workload(printable(name), {}))
    return Container(one.full_name, one.id, RUNTIME, pod=one)
