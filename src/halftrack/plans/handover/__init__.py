"""A plan as the file of whoever owns the settings: kube-proxy, sysctl.d, Ansible.

What a target cannot hold stands in it as a comment. Free text of a plan goes into comments alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.plans.document import identified
from halftrack.plans.handover import ansible, kube_proxy, sysctl_d

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

_TARGETS: Final = {"kube-proxy": kube_proxy.render, "sysctl.d": sysctl_d.render, "ansible": ansible.render}
TARGETS: Final = tuple(_TARGETS)


def hand_over(plan: Plan, target: str) -> str:
    """The file's text, ASCII. ``target``: one of ``TARGETS``.

    Raises ValueError where a name, an address or a value in the plan is none, LookupError where the
    plan holds nothing that the target could.
    """
    return _TARGETS[target](identified(plan))
