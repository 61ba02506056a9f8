"""The ``conntrack`` section of kube-proxy's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.evidence.sysctls import PREFIX
from halftrack.plans.handover.contents import contents, head, left_out, predicted
from halftrack.plans.kube_proxy_fields import FIELDS, go_duration, spelled
from halftrack.plans.words import comment

if TYPE_CHECKING:
    from halftrack.plans.document import Plan
    from halftrack.plans.handover.contents import Setting


def render(plan: Plan) -> str:
    """Raises LookupError where kube-proxy sets nothing of what the plan changes."""
    held = contents(plan)
    ours = [each for each in held.settings if _key(each) in FIELDS]
    if not ours:
        raise LookupError("kube-proxy sets nothing of what this plan changes")
    steps = {id(each.step): each.step for each in ours}
    lines = head(plan)
    lines += [comment(f"predicted: {predicted(step)}") for step in steps.values()]
    lines += [
        "# kube-proxy reads this at start only: put it into config.conf of the ConfigMap kube-proxy in",
        "# kube-system, then: kubectl -n kube-system rollout restart daemonset kube-proxy",
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1",
        "kind: KubeProxyConfiguration",
        "conntrack:",
    ]
    lines += [_line(each) for each in ours]
    if any(_key(each) == "max" for each in ours):
        lines.append("  # min counts only while maxPerCore is not 0; the larger of the two is set")
    rest = [each for each in held.settings if each not in ours]
    if rest:
        lines.append("# kube-proxy has no field for these: halftrack plan --for sysctl.d")
        lines += [comment(f"  {each.name} = {each.after}") for each in rest]
    lines += left_out(held.others, "kube-proxy has no field for it")
    return "\n".join(lines) + "\n"


def _key(setting: Setting) -> str:
    return setting.name.removeprefix(PREFIX) if setting.name.startswith(PREFIX) else ""


def _line(setting: Setting) -> str:
    key = _key(setting)
    number = int(setting.after)
    text = spelled(key, number)
    shown = f'"{text}"' if "timeout" in key else text
    return f"  {FIELDS[key][0]}: {shown}{_was(key, setting.before)}"


def _was(key: str, before: str | None) -> str:
    if before is None or not before.isdecimal():
        return ""
    return f"  # was {go_duration(int(before)) if 'timeout' in key else spelled(key, int(before))}"
