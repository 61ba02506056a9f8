"""Settings that kube-proxy writes at its every start: the change belongs into its configuration.

Fields of ``KubeProxyConfiguration`` (``kubeproxy.config.k8s.io/v1alpha1``), section ``conntrack``,
and the flags that mean the same. A value of 0 leaves the kernel's setting alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.remedies import place
from halftrack.remedies.shell import comment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Advice
    from halftrack.remedies.situation import Situation

MANAGER: Final = "kube-proxy"
FIELDS: Final = MappingProxyType(
    {
        "tcp_timeout_established": ("tcpEstablishedTimeout", "--conntrack-tcp-timeout-established"),
        "tcp_timeout_close_wait": ("tcpCloseWaitTimeout", "--conntrack-tcp-timeout-close-wait"),
        "tcp_be_liberal": ("tcpBeLiberal", "--conntrack-tcp-be-liberal"),
        "max": ("min", "--conntrack-min"),
    }
)
"""Setting (``nf_conntrack_`` stripped) to the field and the flag."""
_DURATIONS: Final = ("tcp_timeout_established", "tcp_timeout_close_wait")


def owns(situation: Situation) -> bool:
    """Whether kube-proxy runs on this node and writes into this table's namespace: the host's."""
    managers = situation.evidence.firewall.managers
    return MANAGER in managers and place.is_host(situation.table.namespace, situation.evidence)


def configure(settings: Mapping[str, int]) -> tuple[str, ...]:
    """Lines to put into its configuration, as comments, and the commands around them."""
    lines = [comment("in ConfigMap kube-proxy, namespace kube-system, file config.conf:"), "#   conntrack:"]
    flags = []
    for name, number in settings.items():
        field, flag = FIELDS[name]
        value = f"{number}s" if name in _DURATIONS else str(number)
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
    why = f"{MANAGER} writes this setting at each of its starts: a change on the node is undone then"
    return msgspec.structs.replace(
        advice,
        remedy="advice",
        title=f"{advice.title}, in {MANAGER}'s configuration",
        arguments={**advice.arguments, "remedy": advice.remedy, "manager": MANAGER},
        risk=msgspec.structs.replace(advice.risk, why=(why, *advice.risk.why)),
        commands=(*until_then, *configure(settings)),
    )
