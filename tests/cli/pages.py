"""The commands that README and docs tell their readers to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_SCREEN: Final = re.compile(r"^```console\n.*?^```$", re.MULTILINE | re.DOTALL)
"""What somebody saw; tests of their own see it again."""
_CHANGING: Final = ("fix", "keep", "undo", "drain")


def commands(page: Path) -> list[list[str]]:
    """Words of each indented command of ours, without the program itself, in the page's order."""
    text = _SCREEN.sub("", page.read_text(encoding="utf-8")).replace("\\\n", " ")
    lines = re.findall(r"^    (?:sudo |.*\| )?(halftrack(?: .*)?)$", text, re.MULTILINE)
    return [shlex.split(re.split(r"\s{2,}(?=\S)", line)[0], comments=True)[1:] for line in lines]


def changes_something(words: list[str]) -> bool:
    """Whether it would change the node that it is typed on, or is about a change that was made there."""
    if not words or "--dry-run" in words:
        return False
    return words[0] in _CHANGING or (words[0] == "changes" and len(words) > 1)
