"""Plans built by hand, as tests need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Risk
from halftrack.plans.actions import Selection
from halftrack.plans.document import Effect, Plan, Step

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Kind
    from halftrack.plans.actions import Action

ESTABLISHED: Final = "net.netfilter.nf_conntrack_tcp_timeout_established"
SERVER: Final = "203.0.113.73"


def step(kind: Kind, *actions: Action, title: str = "a step", **fields: object) -> Step:
    given: dict[str, object] = {
        "remedy": "shorten-established",
        "target": "host",
        "before": "432000",
        "after": "7440",
        "undo": "432000",
        "verify": "read back",
        "effect": Effect(settles_at=4_100),
        "risk": Risk(level="low", why=("it's a risk",)),
    }
    return Step(kind=kind, title=title, actions=actions, **(given | fields))


def plan(*steps: Step, node: str = "node17", **fields: object) -> Plan:
    return Plan(node=node, steps=steps, **({"source": "bundle"} | fields))


def one_sided(address: str = SERVER, **fields: object) -> Selection:
    """Entries that the server's own packets began and nobody answered."""
    given: dict[str, object] = {
        "protocol": "tcp",
        "state": "ESTABLISHED",
        "address_at": "orig_src",
        "port_at": "orig_sport",
        "port": 80,
        "entries": 5,
        "proof": "unanswered",
    }
    return Selection(address=address, **(given | fields))
