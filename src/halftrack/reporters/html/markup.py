"""Elements as text: whatever is not markup already is escaped, so that nothing else can become any.

A container may call itself ``<script>``; what a browser would obey or not show is spelled out besides.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final, TypeAlias

from halftrack.evidence.printable import escaped

_VOID: Final = frozenset({"meta", "link", "rect", "path", "line", "circle", "br"})
"""Elements without an end tag in HTML, or without content in SVG."""


class Markup(str):
    """Text that is markup."""

    __slots__ = ()


Content: TypeAlias = "str | int | Iterable[Content] | None"
Attribute: TypeAlias = "str | float | bool | None"


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """An element. ``class_`` stands for ``class``, ``data_label`` for ``data-label``.

    An attribute of None or False is left out, one of True has no value.
    """
    told = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{_text(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(map(_piece, content)))


def lines(texts: Iterable[str]) -> Markup:
    """Each begins on a line of its own; to be copied."""
    every = (line for text in texts for line in text.split("\n"))
    return tag("pre", tag("code", Markup("\n".join(map(_text, every)))))


def _piece(content: Content) -> str:
    if content is None:
        return ""
    if isinstance(content, Markup):
        return content
    if isinstance(content, int):
        return f"{content:,}"
    if isinstance(content, str):
        return _text(content)
    return joined(*content)


def _text(text: str) -> str:
    # A number and its per cent stay on one line.
    return html.escape(escaped(text)).replace(" %", "&#160;%")


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
