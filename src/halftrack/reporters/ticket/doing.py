"""What to do, with the commands; what nobody knows yet; the one thing to send next."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import SCRIPT_FILE
from halftrack.reporters.phrases import notes, remedies
from halftrack.reporters.shell_lines import fitting, shell_lines
from halftrack.reporters.ticket.citing import shortened

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page

_MASKS_ITSELF: Final = (
    "It puts stand-ins in place of addresses and names; what they stand for stays on the node, in a map."
)
_MASKED_AGAIN: Final = "Where the map is, mask it by that map again, so that both can be compared:"
_INDENT: Final = " " * 4
PLAN_FILE: Final = "fix.sh"
_PLANNED: Final = (
    f"As one sh script, {PLAN_FILE}, which comes with this mail, says first what it would do, and has the way"
    " back."
)
_RUN: Final = "As root on the node:"
_RUN_FILLED: Final = f"As root on the node (or put the addresses in at the top of {PLAN_FILE} by hand):"
_MAP: Final = "masked.map"
_FILL: Final = f"Where the map is, here called {_MAP}:"
_FILLED: Final = "filled.sh"
_WORD: Final = re.compile(r"[0-9A-Fa-f:.]{3,}")
_ATTACHED: Final = f"As root on the node, with {SCRIPT_FILE}, which comes with this mail and only reads:"
_AS_WRITTEN: Final = "Masked addresses are taken as written"


def to_do(diagnosis: Diagnosis, page: Page, *, commands: int, longest: int) -> list[str]:
    """One remedy of each kind, its commands as far as so many lines hold them, and the script of all."""
    shown = remedies.chosen(diagnosis, None)
    beside = [each.advice for each in shown]
    lines: list[str] = []
    commands_shown: list[str] = []
    for each in shown:
        wait = remedies.waiting(each.advice, beside)
        whole, typed = fitting(each.advice.commands, page, commands, _INDENT, waits=bool(wait))
        told = shortened(remedies.sentence(each.advice), longest)
        elsewhere = "" if page.planned is None else f" Its commands are in {PLAN_FILE}."
        more = remedies.rest(each, numbered=False)
        follows = "" if whole else " It begins:" if typed else elsewhere
        lines += page.wrap(f"{wait}{told}{more}{follows}", f"{each.advice.kind.upper():<8}")
        lines += typed
        commands_shown += typed
    asked = [diagnosis.ask.command] if diagnosis.ask is not None else []
    put_back = notes.put_back(diagnosis, [*commands_shown, *asked])
    if lines and put_back is not None:
        lines = [*page.wrap(put_back), *lines]
    if with_script(diagnosis, page.planned):
        masked = diagnosis.source == "bundle" and diagnosis.input.masked == "substituted"
        lines += page.wrap(f"{_PLANNED} {_FILL if masked else _RUN}")
        if masked:
            filled = f"halftrack unmask {PLAN_FILE} --map {_MAP} > {_FILLED}"
            lines += [*shell_lines(filled, page, _INDENT), *page.wrap(_RUN_FILLED)]
        lines += shell_lines(f"sh {_FILLED if masked else PLAN_FILE}", page, _INDENT)
    return lines


def with_script(diagnosis: Diagnosis, planned: str | None) -> bool:
    """Whether the script of a plan goes with the reply. ``planned``: the command that makes the plan."""
    return planned is not None and bool(remedies.chosen(diagnosis, None))


def assumed(diagnosis: Diagnosis, page: Page, longest: int) -> list[str]:
    """What was taken for granted, and how the addresses were read."""
    lines: list[str] = []
    taken = notes.assumed(diagnosis)
    if taken:
        lines += page.wrap(shortened(", ".join(taken), longest), "- ", "  ")
    if diagnosis.input.masked == "substituted":
        lines += page.wrap(notes.STAND_INS, "- ", "  ")
    elif diagnosis.input.masked == "visible":
        lines += page.wrap(f"{_AS_WRITTEN}: two may be one, or one may be two.", "- ", "  ")
    return lines


def not_known(diagnosis: Diagnosis, page: Page, most: int, longest: int) -> list[str]:
    """What is missing, so many lines of it, and what it would have told."""
    given = diagnosis.input
    told = [each for each in (notes.cut(diagnosis), notes.unreadable(diagnosis)) if each is not None]
    for gap in diagnosis.gaps:
        tells = f" (would tell: {', '.join(gap.would_tell)})" if gap.would_tell else ""
        told.append(f"{gap.what}: {gap.why}{tells}")
    masked = given.masked == "visible"
    told += [_masked(note) if masked else note for note in given.notes if not note.startswith(_AS_WRITTEN)]
    unique = list(dict.fromkeys(told))
    lines = []
    for text in unique[:most]:
        lines += page.wrap(shortened(text, longest), "- ", "  ")
    if len(unique) > most:
        lines += page.wrap(f"and {len(unique) - most} more", "- ", "  ")
    return lines


def next_thing(diagnosis: Diagnosis, page: Page, longest: int) -> list[str]:
    """The command on lines of its own."""
    if diagnosis.ask is None:
        return []
    asked = diagnosis.ask
    settles = f" This would settle: {', '.join(asked.settles)}." if asked.settles else ""
    lines = page.wrap(shortened(f"{words.capital(asked.why)}.{settles}", longest))
    if asked.by_script:
        lines += page.wrap(_ATTACHED)
    put_back = notes.put_back(diagnosis, [asked.command])
    if put_back is not None and not remedies.chosen(diagnosis, None):
        lines += page.wrap(put_back)
    lines += shell_lines(asked.command, page, _INDENT)
    if asked.by_script and diagnosis.script_masks:
        lines += page.wrap(_MASKS_ITSELF)
    elif asked.by_script and diagnosis.input.masked == "substituted":
        collected = asked.command.rpartition(" ")[2]
        again = f"halftrack collect --mask --from {collected} -o later.tgz --map {_MAP}"
        lines += page.wrap(_MASKED_AGAIN)
        lines += shell_lines(again, page, _INDENT)
    return lines


def _masked(note: str) -> str:
    """Without an address that whoever masked the text forgot: a reply goes further than the text did."""

    def hidden(found: re.Match[str]) -> str:
        try:
            ipaddress.ip_address(found[0].rstrip(".:"))
        except ValueError:
            return found[0]
        return "(an address)"

    return _WORD.sub(hidden, note)
