"""Screens in Markdown files: written there from what was seen, and compared with what is seen again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Final = "s|min|h|d|days?|hours?"
_DAYS: Final = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"


def page(text: str, label: str, screens: Mapping[str, str]) -> str:
    """A Markdown file with these screens, by name."""
    return _block(label).sub(
        lambda block: block["open"] + _upstream(screens[block["name"]]) + block["close"], text
    )


def shown(text: str, label: str) -> dict[str, str]:
    """Name and screen of each block of a Markdown file."""
    return {block["name"]: block["old"] for block in _block(label).finditer(text)}


def alike(screen: str) -> list[str]:
    """A screen's words without what no two runs share: numbers, times, forecasts, line ends."""
    text = re.sub(
        r"(?<=steps\.)\n.*?(?=\n\n)|the table in [^.]+\.|, before: an entry of \S+ s|Not chosen:.*(?=\n\n)",
        "",
        _upstream(screen),
        flags=re.DOTALL | re.IGNORECASE,
    )
    text = re.sub(r"\b[0-9a-f]{8}\b|pts/\d+", "0", text)
    text = re.sub(r"\.{2,}", " ", text)
    text = re.sub(rf"\d[\d.,:-]*( ({_UNITS})\b)?|{_DAYS}", "0", text)
    return re.sub(r"0( 0)*", "0", " ".join(text.split())).split()


def _upstream(screen: str) -> str:
    """With what upstream calls the kernel's release."""
    return re.sub(r"(?<=kernel )(\d+\.\d+\.\d+)-[^\s,]+", r"\1", screen)


def _block(label: str) -> re.Pattern[str]:
    """A screen under the name of its step."""
    return re.compile(
        rf"(?P<open><!-- {label}: (?P<name>[a-z-]+) -->\n```console\n)(?P<old>.*?)"
        rf"(?P<close>```\n<!-- end of {label} -->)",
        re.DOTALL,
    )
