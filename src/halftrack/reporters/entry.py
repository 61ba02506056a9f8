"""One explained entry as a page for a terminal."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from halftrack.diagnosis import words
from halftrack.reporters import entry_packets
from halftrack.reporters.layout import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from halftrack.diagnosis.explained.document import Explained, Origin, Packet
    from halftrack.reporters.entry_packets import Ends

_INDENT: Final = " " * 8
_LISTED: Final = 4
"""As many settings that were not read are named; of more only their number, unless all is wanted."""
_ORIGINS: Final = {
    "handshake": "its handshake was seen",
    "pick-up": "picked up in mid-stream",
    "injected": "put in, or changed, by a tool",
}
_NOT: Final = {
    "handshake": "no handshake was seen",
    "pick-up": "not picked up",
    "injected": "not put in by a tool",
}


def text(
    explained: Explained,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # what a user asks for
    color: bool = False,  # noqa: ARG001  # as every screen takes it
    verbose: bool = False,
) -> str:
    """The page; it has no colours."""
    page = Page(width=width, ascii=ascii, verbose=verbose)
    entry = explained.entry or {}
    ends = {"orig": _end(entry["orig"]), "reply": _end(entry["reply"])}
    lines = [
        *page.wrap(_heading(entry, ends)),
        *_whose(entry, page),
        "",
        *_came(explained.origins, ends, page),
        *_since(entry, page),
        *_waits(explained.waits_for, ends, page),
        *_goes(explained, page),
        *entry_packets.upcoming(explained, ends, page),
        *entry_packets.afterwards(explained, page),
        "",
        *_basis(explained, page),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _end(side: dict[str, Any]) -> str:
    address = f"[{side['src']}]" if ":" in side["src"] and "sport" in side else side["src"]
    return f"{address}:{side['sport']}" if "sport" in side else str(address)


def _heading(entry: dict[str, Any], ends: Ends) -> str:
    status = entry["status"]
    said = "assured" if "assured" in status else "answered" if "seen-reply" in status else "never answered"
    state = f" {entry['state']}" if entry["state"] else ""
    return f"{entry['protocol']}{state}, {said}: {ends['orig']} -> {ends['reply']}"


def _whose(entry: dict[str, Any], page: Page) -> list[str]:
    owner = entry["owner"]
    parts = [f"{owner['name']} ({owner['runtime']})"] if owner else []
    parts += [f"service {entry['service']}"] if entry["service"] else []
    return page.wrap(", ".join(parts), "  ") if parts else []


def _since(entry: dict[str, Any], page: Page) -> list[str]:
    """When it was made, and since when nothing came, as far as that is known."""
    parts = [f"made at {entry['started_at']}"] if entry["started_at"] else []
    if entry["idle_s"]:
        least = "at least " if entry["idle_at_least"] else ""
        parts.append(f"silent for {least}{words.duration(entry['idle_s'])}")
    return page.wrap(", ".join(parts), "Since   ", _INDENT) if parts else []


def _came(origins: Iterable[Origin], ends: Ends, page: Page) -> list[str]:
    lines, label = [], "Came"
    for origin in sorted(origins, key=lambda one: not one.possible):
        verdict = (_ORIGINS if origin.possible else _NOT)[origin.origin]
        lines += page.wrap(f"{verdict}: {origin.why}", label.ljust(len(_INDENT)), _INDENT)
        if origin.history:
            told = f"e.g. {entry_packets.history(origin.history, ends)}"
            lines += page.wrap(told, f"{_INDENT}  ")
        label = ""
    return lines


def _waits(awaited: Sequence[Packet], ends: Ends, page: Page) -> list[str]:
    said = []
    for by in ("orig", "reply"):
        kinds = [entry_packets.KINDS[packet.kind] for packet in awaited if packet.by == by]
        if kinds:
            said.append(f"{_or(kinds)} of {ends[by]}")
    return page.wrap("; ".join(said), "Waits   ", _INDENT) if said else []


def _or(kinds: Sequence[str]) -> str:
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def _goes(explained: Explained, page: Page) -> list[str]:
    if explained.left_s is None:
        return page.wrap("not known: it shows no time", "Goes    ", _INDENT)
    told = f"in {explained.left_s:,} s"
    if explained.left_s >= 120:
        told += f" ({words.duration(explained.left_s)})"
    if explained.goes_at is not None:
        told += f", at {_moment(explained.goes_at)}"
    return page.wrap(f"{told}, unless a packet comes first", "Goes    ", _INDENT)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _basis(explained: Explained, page: Page) -> list[str]:
    """By which rules, and what is not known."""
    kernel = explained.kernel or "not known"
    lines = page.wrap(f"of {explained.rules_of}; kernel {kernel}", "RULES   ", _INDENT)
    assumed = explained.assumed
    if assumed:
        told = ", ".join(f"{name} ~{value}" for name, value in assumed.items())
        if len(assumed) > _LISTED and not page.verbose:
            told = f"{len(assumed)} settings that were not read are at their defaults (-v lists them)"
        lines += page.wrap(told, "ASSUMED ", _INDENT)
    for note in explained.notes:
        lines += page.wrap(note, "NOTE    ", _INDENT)
    return lines
