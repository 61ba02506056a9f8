"""What the pages have their readers type."""

from __future__ import annotations

import re

from deploy.bare import ROOT


def commands(page: str, heading: str) -> list[str]:
    """The indented commands below a heading, in order."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    section = re.split(r"^#+ ", text.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^ {4}(\S.*)$", section, re.MULTILINE)
