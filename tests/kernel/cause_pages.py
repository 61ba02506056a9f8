"""The pages docs/causes: what of a run of the lab each shows, and how it is recorded.

``scripts/record causes`` runs the scenarios and writes what they printed into the pages. A block says what
belongs into it, by scenario and part:

    <!-- lab: shaping doctor -->
    ```console
    …replaced…
    ```
    <!-- end of lab -->

``doctor``: what the doctor says, and of its finding all up to the end of the cause that the lab has shown.
``steps``: what the lab did before, and how the causes were weighed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack import lab, runbooks

if TYPE_CHECKING:
    from halftrack.lab.scenario import Scenario

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ROOT / "docs/causes"
INDEX: Final = PAGES / "README.md"
BLOCK: Final = re.compile(
    r"(?P<open><!-- lab: (?P<name>[a-z-]+) (?P<part>doctor|steps) -->\n```console\n)(?P<old>.*?)"
    r"(?P<close>```\n<!-- end of lab -->)",
    re.DOTALL,
)
LIST: Final = re.compile(
    r"(?P<open><!-- causes -->\n)(?P<old>.*?)(?P<close><!-- end of causes -->)", re.DOTALL
)
LEFT_OUT: Final = "   ...\n"
_NODE: Final = "node17"
_WITHIN_S: Final = 300
# By itself: no process of others, so that no namespace of theirs is seen, and numbers begin anew.
_SET_UP: Final = (
    'for each in /run/netns /run/docker/netns; do [ ! -d "$each" ] || mount -t tmpfs none "$each"; done;'
    f' hostname {_NODE}; exec "$@"'
)
_ALONE: Final = (
    *("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "sh", "-ec"),
    _SET_UP,
    "sh",
)
_NEW: Final = """# {title}

{summary}

<!-- lab: {scenario} doctor -->
```console
```
<!-- end of lab -->

## What tells it from others

WRITE: which of this evidence others do not share; what looks alike; what it takes to be sure.

## Reproduce it

<!-- lab: {scenario} steps -->
```console
```
<!-- end of lab -->

## What now

[The runbook](../../src/halftrack/runbooks/causes/{slug}.md), `halftrack explain {slug}`.
"""


def typed(scenario: str) -> str:
    """The command whose screen is recorded."""
    return f"halftrack lab {scenario} -v"


def run(scenario: str) -> str:
    """What it prints, alone on a plain 80-column terminal. Raises RuntimeError where it fails. Needs root."""
    words = [*_ALONE, sys.executable, "-m", *typed(scenario).split()]
    environment = os.environ | {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=_WITHIN_S, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{typed(scenario)} ended in {done.returncode}:\n{done.stderr}")
    # Of the kernel's release what upstream calls it.
    return re.sub(r"\b(\d+\.\d+\.\d+)-[0-9a-z][^\s,]*", r"\1", done.stdout)


def part(screen: str, name: str, cause: str) -> str:
    """``doctor`` or ``steps`` of a screen. Raises RuntimeError where the cause is not weighed first."""
    begun, _, rest = screen.partition("\n\n")
    if name == "steps":
        compared = re.search(r"^Shown .*\Z", screen, re.MULTILINE | re.DOTALL)
        return f"{begun}\n{LEFT_OUT}{compared[0].rstrip() if compared else ''}\n"
    verdict = rest.partition("\n\n")[0]
    return f"{verdict}\n\n{_finding(rest, cause)}"


def _finding(text: str, cause: str) -> str:
    """The first finding that has this cause, up to where the next cause begins."""
    for block in re.split(r"\n(?= \d+ [a-z-]+: )", text):
        head, weighed, tail = block.partition("   Cause ")
        if weighed and tail.startswith(f"{cause} "):
            # Title and table have their heading in common; the table's says more.
            table = re.search(r"^ \d+ [a-z-]+  +entries.*\Z", head, re.MULTILINE | re.DOTALL)
            first = re.match(r"[^\n]*\n(?:     [^\n]*\n)*", tail)
            return (table[0] if table else head) + weighed + (first[0] if first else "") + LEFT_OUT
    raise RuntimeError(f"{cause} is not what the doctor names first:\n{text}")


def filled(page: str, slug: str, screens: dict[str, str]) -> str:
    """A page with the blocks of these scenarios written anew."""

    def block(found: re.Match[str]) -> str:
        screen = screens.get(found["name"])
        if screen is None:
            return found[0]
        shown = part(screen, found["part"], slug)
        return f"{found['open']}# {typed(found['name'])}\n{shown}{found['close']}"

    return BLOCK.sub(block, page)


def begun(slug: str) -> str:
    """A page that is not there yet: its blocks are empty, and WRITE stands for what somebody has to say."""
    topic = runbooks.find(slug)
    scenario = of_cause(slug)[0].name
    return _NEW.format(title=topic.title, summary=topic.summary, scenario=scenario, slug=slug)


def of_cause(slug: str) -> list[Scenario]:
    """The scenarios that show it, that of its own name first."""
    return sorted((one for one in lab.SCENARIOS if one.cause == slug), key=lambda one: one.name != slug)


def causes() -> list[str]:
    """Those that the lab shows, in the order of its list; ``unknown``, which is none, last."""
    return sorted(dict.fromkeys(each.cause for each in lab.SCENARIOS), key=lambda one: one == "unknown")


def index(text: str) -> str:
    """The index with its list of pages."""
    lines = [
        f"| [{slug}]({slug}.md) | {runbooks.find(slug).summary} |"
        f" {', '.join(f'`{one.name}`' for one in of_cause(slug))} |\n"
        for slug in causes()
    ]
    table = "".join(("\n| cause | what it is | scenarios of the lab |\n| --- | --- | --- |\n", *lines, "\n"))
    return LIST.sub(lambda found: found["open"] + table + found["close"], text)
