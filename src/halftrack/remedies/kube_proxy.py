"""Settings that kube-proxy writes at its every start: the change belongs into its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halftrack.evidence.values import KUBE_PROXY
from halftrack.plans.kube_proxy_fields import FIELDS, spelled
from halftrack.remedies import place
from halftrack.remedies.shell import comment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Advice
    from halftrack.remedies.situation import Situation


def owns(situation: Situation) -> bool:
    """Whether kube-proxy runs on this node and writes into this table's namespace: the host's."""
    managers = situation.evidence.firewall.managers
    return KUBE_PROXY in managers and place.is_host(situation.table.namespace, situation.evidence)


def configure(settings: Mapping[str, int]) -> tuple[str, ...]:
    """Lines to put into its configuration, as comments, and the commands around them."""
    lines = [comment("in ConfigMap kube-proxy, namespace kube-system, file config.conf:"), "#   conntrack:"]
    flags = []
    for name, number in settings.items():
        field, flag = FIELDS[name]
        value = spelled(name, number)
        lines.append(f"#     {field}: {value}")
        flags.append(f"{flag}={value}")
    return (
        *lines,
        comment(f"or, where it is started by flags: {' '.join(flags)}"),
        "kubectl -n kube-system edit configmap kube-proxy",
        "kubectl -n kube-system rollout restart daemonset kube-proxy",
    )


def hand_over(
    advice: Advice, settings: Mapping[str, int], until_then: tuple[str, ...], situation: Situation
) -> Advice:
    """The same change as advice to kube-proxy's owner, where kube-proxy owns it; else unchanged.

    ``until_then``: the commands that hold until its next start.
    """
    if not owns(situation):
        return advice
    why = f"{KUBE_PROXY} writes this setting at each of its starts: a change on the node is undone then"
    return msgspec.structs.replace(
        advice,
        remedy="advice",
        title=f"{advice.title}, in {KUBE_PROXY}'s configuration",
        arguments={**advice.arguments, "remedy": advice.remedy, "manager": KUBE_PROXY},
        risk=msgspec.structs.replace(advice.risk, why=(why, *advice.risk.why)),
        commands=(*until_then, *configure(settings)),
    )
