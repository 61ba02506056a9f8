"""Just as much YAML as a file of tasks needs: quoted scalars, blocks of text, nested mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Node: TypeAlias = "str | int | bool | Sequence[Node] | Mapping[str, Node]"


def _scalar(text: str) -> str:
    """A string on one line. Raises ValueError where it would not stay one as it is."""
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r} is not fit for a file")
    return "'" + text.replace("'", "''") + "'"


def lines(node: Mapping[str, Node], indent: int = 0) -> Iterator[str]:
    """A mapping, one line or block a key. Keys are of our own making."""
    margin = " " * indent
    for key, value in node.items():
        match value:
            case bool():
                yield f"{margin}{key}: {str(value).lower()}"
            case int():
                yield f"{margin}{key}: {value}"
            case str() if "\n" in value:
                yield f"{margin}{key}: |"
                yield from _block(value, margin + "  ")
            case str():
                yield f"{margin}{key}: {_scalar(value)}"
            case Mapping():
                yield f"{margin}{key}:"
                yield from lines(value, indent + 2)
            case _:
                yield f"{margin}{key}:"
                yield from (f"{margin}  - {_scalar(str(each))}" for each in value)


def item(node: Mapping[str, Node]) -> Iterator[str]:
    """A mapping as an item of a list."""
    first, *rest = lines(node, 2)
    yield f"- {first[2:]}"
    yield from rest


def _block(text: str, margin: str) -> Iterator[str]:
    """A literal block: it ends in one line end. Raises ValueError where it would not stay as it is."""
    if not text.endswith("\n") or text.endswith("\n\n") or text.startswith((" ", "\n")):
        raise ValueError("a block of text starts with a word and ends in one line end")
    for line in text[:-1].split("\n"):
        _scalar(line)
        yield f"{margin}{line}" if line else ""
