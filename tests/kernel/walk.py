"""The walk through the founding trouble: what is typed, in order, and what is seen.

Both the page docs/walk.md and its test come from here: ``scripts/record walk`` writes the screens
into the page, the test takes the same walk and compares.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel import founding, screens
from kernel.changing import rules_of
from kernel.dressing import dressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.dressing import Node
    from kernel.founding import Network

VISITS: Final = 3
"""Before anybody looks, each with a pause after it: what comes too fast is no leak but a burst."""
_PAUSE_S: Final = 5
_LABEL: Final = "walk"


@dataclass(frozen=True)
class Step:
    """``typed`` on the node, with ``answer`` where something is asked; ``before``: what happens first.

    ``codes``: what it may end in. ``waiting``: somebody waits for a page meanwhile.
    """

    name: str
    typed: str
    answer: str = ""
    codes: tuple[int, ...] = (0,)
    before: Callable[[Network], None] | None = None
    waiting: bool = False


@dataclass(frozen=True)
class Seen:
    """What a step showed, and all that may be changed as it was afterwards."""

    step: Step
    text: str
    state: dict[str, object]

    @property
    def words(self) -> str:
        """The text in one line."""
        return " ".join(self.text.split())

    @property
    def screen(self) -> str:
        """As it stands in a page: what was typed, and what came."""
        return f"# {self.step.typed}\n{self.text.rstrip()}\n"


def _go_on(network: Network) -> None:
    """Visitors come as before, and what was drained has its minute."""
    drained = _ports(network)
    network.visit()
    for _ in range(300):
        if not drained & _ports(network):
            return
        time.sleep(0.5)
    raise TimeoutError("what was drained is still there")


def _ports(network: Network) -> set[str]:
    """Client's address and port of each entry."""
    return set(
        re.findall(r"dst=(198\.51\.100\.\S+ sport=80 dport=\d+) ", network.node.run("conntrack", "-L"))
    )


STEPS: Final = (
    Step("doctor", "halftrack doctor --netns host", codes=(1, 2), waiting=True),
    Step("plan", "halftrack plan --netns host -o plan.json"),
    Step("rehearse", "halftrack fix plan.json --rehearse"),
    Step("dry-run", "halftrack drain one-sided sport=80 --netns host --dry-run"),
    Step("fix", "halftrack fix plan.json --try 10m", answer="y"),
    Step("keep", "halftrack keep"),
    Step("stopped", "halftrack list one-sided left=5m.. --netns host --count", before=_go_on),
    Step("drained", "halftrack list one-sided --netns host --by service"),
    Step("changes", "halftrack changes"),
    Step("change", "halftrack changes 1"),
    Step("undo", "halftrack undo", answer="y"),
    Step("after", "halftrack changes"),
)


def take() -> tuple[dict[str, object], list[Seen]]:
    """Take the walk on a network of its own: the node as it was, and what was seen at each step.

    Raises RuntimeError where a step does not end as it should.
    """
    with (
        founding.network() as network,
        tempfile.TemporaryDirectory() as root,
        dressed(network.node, Path(root), {"web-1": network.web}) as node,
    ):
        for _ in range(VISITS):
            network.visit()
            time.sleep(_PAUSE_S)
        return state(node), [_see(step, node, network) for step in STEPS]


def _see(step: Step, node: Node, network: Network) -> Seen:
    if step.before is not None:
        step.before(network)
    with network.waiting() if step.waiting else contextlib.nullcontext():
        code, text = node.screen(*shlex.split(step.typed)[1:], answer=step.answer)
    if code not in step.codes:
        raise RuntimeError(f"{step.typed} ended in {code}:\n{text}")
    return Seen(step, text, state(node))


def state(node: Node) -> dict[str, object]:
    """All settings of the node's network, its rules, and its files with content and permissions."""
    etc = node.root / "etc"
    return {
        "settings": node.netns.run(
            "sysctl", "-a", "--pattern", r"^net\.(netfilter\.nf_conntrack_(tcp|udp|icmp|gen|log|ch)|ipv4\.)"
        ),
        "rules": rules_of(node.netns),
        "files": {
            str(path.relative_to(etc)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
            for path in sorted(etc.rglob("*"))
            if not path.is_symlink()
        },
    }


def page(text: str, seen: list[Seen]) -> str:
    """A Markdown file with the screens of this walk."""
    return screens.page(text, _LABEL, {each.step.name: each.screen for each in seen})


def shown(text: str) -> dict[str, str]:
    """Name and screen of each step that a Markdown file shows."""
    return screens.shown(text, _LABEL)
