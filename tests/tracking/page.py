"""The page "How the kernel tracks TCP" with its claims, all of which are listed once this is imported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tracking import beginning, closing, fitting, lasting, others  # noqa: F401  # they list their claims
from tracking.claims import CLAIMS, MODEL_ONLY

__all__ = ["CLAIMS", "MODEL_ONLY", "PAGE", "named", "unproven"]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "tracking.md"
_NAMED: Final = re.compile(r"<!-- claim: ([a-z0-9-]+) -->")
_ABOUT: Final = "<!-- about the page -->"
_ITEM: Final = re.compile(r"^(?=- |\| )", re.MULTILINE)
_NO_STATEMENT: Final = re.compile(r"#|<!--|\| ---|\| \| |\| kernels? \| ")
"""A heading, a remark, the frame of a table."""
_READ_FROM: Final = "| kernel | read from |"


def named() -> set[str]:
    """Names of the claims that the page bears."""
    return set(_NAMED.findall(PAGE.read_text(encoding="utf-8")))


def unproven() -> list[str]:
    """Statements behind the introduction that do not bear the name of a claim.

    Paragraphs, items of lists and rows of tables; but one that leads to a list is none, nor is one about
    the page, nor the table of what the profiles were read from.
    """
    text = PAGE.read_text(encoding="utf-8")
    blocks = text[text.index("\n## ") :].split("\n\n")
    items = [
        item.strip()
        for block in blocks
        if not block.startswith((_ABOUT, _READ_FROM))
        for item in _ITEM.split(block)
    ]
    found = [item for item in items if item and not _NO_STATEMENT.match(item)]
    assert len(found) > 90, "the page's statements are not found"
    return [item for item in found if not _NAMED.search(item) and item != "Besides:"]
