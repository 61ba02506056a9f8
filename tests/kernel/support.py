"""A support case from the mail to the reply: who types what, in order, and what is seen.

Both the page docs/support-case.md and its test come from here: ``scripts/record support`` writes the
screens into the page, the test works on the same case and compares.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel import founding, screens
from kernel.sealed import sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.founding import Network

VISITS: Final = 3
_PAUSE_S: Final = 5
_LABEL: Final = "case"
_REPORT: Final = "sosreport-node17-2026-11-27-abcdefg"
_PASTED: Final = "conntrack -L -p tcp 2>/dev/null | head -20 > mail.txt"
_REPORTED: Final = f"""
top={_REPORT} && commands=$top/sos_commands && mkdir -p $top/sos_reports &&
for plugin in conntrack kernel host date networking; do mkdir -p $commands/$plugin; done &&
echo '{{"components": {{"report": {{}}}}}}' > $top/sos_reports/manifest.json &&
conntrack -L -o extended > $commands/conntrack/conntrack_-L_-o_extended 2>&1 &&
{{ sysctl net.netfilter net.ipv4 > $commands/kernel/sysctl_-a 2>/dev/null || :; }} &&
hostname > $commands/host/hostname &&
uname -a > $commands/kernel/uname_-a && date -u > $commands/date/date_--utc &&
ip -o addr > $commands/networking/ip_-o_addr && tar -cJf sosreport-node17.tar.xz $top && rm -r $top
"""
"""What sos writes where its networking plugin is left out but for the addresses."""


@dataclass(frozen=True)
class Step:
    """``who`` types it. ``before``: typed unseen, or done on the network. ``codes``: what it may end in.

    ``waiting``: somebody waits for a page meanwhile.
    """

    name: str
    who: str
    typed: str
    codes: tuple[int, ...] = (0,)
    before: str | Callable[[Network], None] = ""
    waiting: bool = False


@dataclass(frozen=True)
class Seen:
    """``text``: what the step showed."""

    step: Step
    text: str

    @property
    def words(self) -> str:
        """The text in one line."""
        return " ".join(self.text.split())

    @property
    def screen(self) -> str:
        """As it stands in a page: what was typed, and what came."""
        text = self.text.rstrip()
        return f"{self.step.who}$ {self.step.typed}\n" + (f"{text}\n" if text else "")


def _go_on(network: Network) -> None:
    """Visitors come as before."""
    network.visit()


US: Final = "support"
THEM: Final = "customer"
STEPS: Final = (
    Step("first", US, "halftrack doctor mail.txt --format ticket", (1, 2), _PASTED),
    Step("script", US, "halftrack collect --script -o collect.sh"),
    Step("report", US, "halftrack doctor sosreport-node17.tar.xz --format ticket", (1, 2), _REPORTED),
    Step("collected", THEM, "ssh node17 sh -s < collect.sh > node17.collected", waiting=True),
    Step("masked", THEM, "halftrack collect --mask --from node17.collected -o masked.tgz"),
    Step("doctor", US, "halftrack doctor masked.tgz", (1, 2)),
    Step("plan", US, "halftrack plan --from masked.tgz --sh > fix.sh"),
    Step("reply", US, "halftrack doctor masked.tgz --format ticket", (1, 2)),
    Step("unmasked", THEM, "halftrack unmask fix.sh --map masked.map > fix17.sh"),
    Step("cure", THEM, "ssh node17 sh -s cure < fix17.sh"),
    Step("clear", THEM, "ssh node17 sh -s clear < fix17.sh"),
    Step("later", THEM, "ssh node17 sh -s < collect.sh > later.collected", before=_go_on),
    Step(
        "later-masked",
        THEM,
        "halftrack collect --mask --from later.collected -o later.tgz --map masked.map",
    ),
    Step("since", US, "halftrack doctor later.tgz --since masked.tgz"),
    Step("last", US, "halftrack doctor later.tgz --format ticket"),
)


def take() -> list[Seen]:
    """Work on the case, on a network of its own. Raises RuntimeError where a step ends as it should not."""
    with (
        founding.network() as network,
        tempfile.TemporaryDirectory() as root,
        sealed(network.node, Path(root), {"web-1": network.web}) as node,
    ):
        for _ in range(VISITS):
            network.visit()
            time.sleep(_PAUSE_S)
        seen = []
        for step in STEPS:
            if not isinstance(step.before, str):
                step.before(network)
            elif step.before:
                _ended(step.before, *node.typed(step.before), (0,))
            with network.waiting() if step.waiting else contextlib.nullcontext():
                code, text = node.typed(step.typed)
            seen.append(Seen(step, _ended(step.typed, code, text, step.codes)))
        return seen


def _ended(typed: str, code: int, text: str, codes: tuple[int, ...]) -> str:
    if code not in codes:
        raise RuntimeError(f"{typed} ended in {code}:\n{text}")
    return text


def page(text: str, seen: list[Seen]) -> str:
    """A Markdown file with the screens of this case."""
    return screens.page(text, _LABEL, {each.step.name: each.screen for each in seen})


def shown(text: str) -> dict[str, str]:
    """Name and screen of each step that a Markdown file shows."""
    return screens.shown(text, _LABEL)
