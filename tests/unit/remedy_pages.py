"""The pages of remedies taken apart: sections, the commands in them, and their words in capitals filled in."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from halftrack import runbooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WHEN: Final = "When"
CHANGED: Final = "What is changed"
BREAKS: Final = "What can break"
WORKS: Final = "How to see that it works"
BACK: Final = "How to go back"
BY_HAND: Final = "By hand"
SECTIONS: Final = (WHEN, CHANGED, BREAKS, WORKS, BACK, BY_HAND)
EXAMPLES: Final = {
    "ADDRESS": "203.0.113.73",
    "PORT": "80",
    "LIMIT": "524288",
    "BUCKETS": "131072",
    "NAME": "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "VALUE": "60",
    "FILE": "/etc/sysctl.d/99-somebody.conf",
}
"""What may stand in capitals, to be filled in by the reader, and one value for each."""
TOOLS: Final = ("nft", "iptables")


def sections(slug: str) -> dict[str, str]:
    """Heading and text of each section of a page, in order."""
    parts = re.split(r"^## (.+)$", runbooks.text(slug), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (text.strip("\n") for text in parts[1::2]), strict=True))


def commands(slug: str, section: str, tool: str = "nft", values: Mapping[str, str] | None = None) -> str:
    """What is to be typed, as one script: for this tool, where a section says the same for both.

    ``values``: for words in capitals, in place of the examples.
    """
    chosen = [
        text
        for lead, text in _blocks(sections(slug)[section])
        if not any(lead.endswith(f"{each}:") for each in TOOLS) or lead.endswith(f"{tool}:")
    ]
    return filled("\n".join(chosen), values)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each indented block, with the paragraph before it."""
    lead = ""
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("    "):
            yield lead, textwrap.dedent(paragraph)
        else:
            lead = " ".join(paragraph.split())


def filled(text: str, values: Mapping[str, str] | None = None) -> str:
    """The text with a value for each word in capitals that a reader has to fill in."""
    told = {**EXAMPLES, **(values or {})}
    return re.sub(r"\b[A-Z]{4,}\b", lambda word: told.get(word[0], word[0]), text)
