"""Whether a plan may be carried out on this node at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.errors import Incomplete, UsageError
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import HOST, KUBE_PROXY
from halftrack.kernel import firewall, identity, nftables
from halftrack.plans.actions import SetSysctl
from halftrack.plans.kube_proxy_fields import FIELDS

if TYPE_CHECKING:
    from halftrack.plans.document import Plan


def of_this_node(plan: Plan) -> None:
    """Raise UsageError where a plan was made for another machine.

    A plan from a file knows no machine: there the node's name has to be this one's.
    """
    name = os.uname().nodename
    own = identity.machine()
    if plan.machine is not None and own is not None:
        if plan.machine != own:
            raise UsageError(
                f"the plan is for {plan.node}, which is another machine than this one ({name});"
                " --from-elsewhere takes it all the same"
            )
    elif plan.node.partition(".")[0] != name.partition(".")[0]:
        raise UsageError(
            f"the plan is for {plan.node} and this is {name}; --from-elsewhere takes it all the same"
        )


def unowned(plan: Plan) -> None:
    """Raise Incomplete where a plan sets what kube-proxy sets again at its every start."""
    wanted = {
        action.name.removeprefix(PREFIX)
        for step in plan.steps
        for action in step.actions
        if isinstance(action, SetSysctl) and action.where.netns == HOST and action.name.startswith(PREFIX)
    }
    if not wanted or KUBE_PROXY not in firewall.managers(Path("/"), nftables.names()):
        return
    owned = sorted(wanted & FIELDS.keys())
    if owned:
        names = ", ".join(PREFIX + name for name in owned)
        raise Incomplete(
            f"kube-proxy sets {names} at each of its starts: halftrack plan --for kube-proxy prints what"
            " belongs into its configuration; --unmanaged sets it here until then"
        )
