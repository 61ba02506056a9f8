"""The story of a flow: not every packet, but each turn that its entries took, a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence import uapi
from halftrack.replaying import telling
from halftrack.tcp import rules, table
from halftrack.tcp.tracker import DROPPED, INVALID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.replaying.following import Seen
    from halftrack.replaying.telling import Names
    from halftrack.tcp.tracker import Step

_UNDECIDED: Final = frozenset((rules.RST_INEXACT, rules.RST_STALE))


@dataclass(frozen=True, slots=True)
class Turn:
    """``number``: of the packet that brought it; None: time did. ``at_s``: seconds since the first packet."""

    at_s: float
    number: int | None
    text: str


@dataclass(slots=True)
class _Life:
    """One entry, from the packet that made it on. ``last``: the last one that gave it time."""

    last: Seen
    picked_up: bool
    answered: bool = False
    assured: bool = False
    closed_by: set[str] = field(default_factory=set)
    doubted: bool = False


def turns(seen: Sequence[Seen], names: Names, end_s: float, *, gave_way: bool = False) -> list[Turn]:
    """In the order in which they came. ``end_s``: when the capture ends. ``gave_way``: the last entry had to
    make room for another one.
    """
    teller = _Teller(names)
    told = [turn for one in seen if one.step is not None for turn in teller.turns(one, one.step)]
    return [*told, *teller.end(end_s, gave_way=gave_way)]


class _Teller:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._life: _Life | None = None
        self._lives = 0
        self._refused = False

    def turns(self, one: Seen, step: Step) -> Iterator[Turn]:
        """What a packet brought, and what time had brought before it."""
        life = self._life
        if life is not None and step.expired_s is not None:
            yield _ran_out(life, one.packet.at_s - step.expired_s)
            life = self._life = None
        if step.event in rules.BEGINNING:
            yield from _begun(one, step, self._names, self._lives)
            self._life = _Life(one, picked_up=step.event == rules.PICKED_UP)
            self._lives += 1
        elif life is not None:
            yield from _followed(life, one, step, self._names)
            if one.deadline is None:
                self._life = None
            elif step.timeout is not None:
                life.last = one
        elif not self._refused:
            yield _refused(one, step, self._names, self._lives)
            self._refused = step.verdict in (INVALID, DROPPED)

    def end(self, end_s: float, *, gave_way: bool) -> Iterator[Turn]:
        """What is left, or when the last entry went."""
        life = self._life
        if life is None or life.last.deadline is None:
            return
        if life.last.deadline <= end_s:
            yield _ran_out(life, life.last.deadline)
        elif gave_way:
            yield Turn(end_s, None, "the table was full, and its entry had to make room for another one")
        else:
            yield _left(life, self._names, end_s)


def _begun(one: Seen, step: Step, names: Names, lives: int) -> Iterator[Turn]:
    who, what = names.of(one.packet.source), telling.packet(one.packet, step)
    if one.packet.protocol != uapi.IPPROTO_TCP:
        yield _turn(one, f"the {who} begins an exchange: {what}. A new entry, {_time(step)}")
        return
    if step.event == rules.OPENED:
        yield _turn(one, f"the {who} opens a connection ({what}): a new entry, {_time(step)}")
    elif step.event == rules.REOPENED:
        yield _turn(one, f"the {who} opens it anew ({what}): the closed entry was removed, {_time(step)}")
    else:
        late = (
            f"a late packet of the {who}'s arrives ({what}): no entry knows its connection any more"
            if lives
            else f"a packet of the {who}'s in mid-stream ({what}): no entry knows its connection"
        )
        yield _turn(one, late)
        yield _turn(
            one,
            f"it is picked up (tcp_loose): a new entry, ESTABLISHED, one-sided, in which the {who} counts as"
            f" the one who began; it lives {_span(step)}: {telling.reason(step)}",
        )


def _followed(life: _Life, one: Seen, step: Step, names: Names) -> Iterator[Turn]:
    who, what = names.of(one.packet.source), telling.packet(one.packet, step)
    event = table.EVENTS[one.packet.flags] if one.packet.protocol == uapi.IPPROTO_TCP else table.NONE
    text = _against_it(life, step, event, f"the {who}", what) or _closing(life, step, event, who, what)
    if text is None and step.old != step.new:
        if step.new == uapi.TCP_CONNTRACK_ESTABLISHED:
            text = f"the connection is established: {telling.change(step)}, {_time(step)}"
        else:
            acknowledges = "acknowledges" if event == table.ACK else "sends"
            does = "answers" if step.new == uapi.TCP_CONNTRACK_SYN_RECV else acknowledges
            text = f"the {who} {does} ({what}): {telling.change(step)}, {_time(step)}"
    by_reply = life.picked_up or one.packet.protocol != uapi.IPPROTO_TCP
    if text is None and by_reply and one.answered and not life.answered:
        text = f"the {who} answers ({what}): both directions were seen, {_time(step)}"
    if text is None and one.assured and not life.assured and step.verdict != INVALID:
        text = f"{what} of the {who}: the entry is assured now, a full table keeps it, {_time(step)}"
    life.answered = life.answered or one.answered
    life.assured = life.assured or one.assured
    if text is not None:
        yield _turn(one, text)


def _against_it(life: _Life, step: Step, event: int, who: str, what: str) -> str | None:
    """Of packets that remove the entry, or that it does not follow."""
    if step.event == rules.FORGOTTEN:
        return f"{who} answers with a reset ({what}): the entry is removed at once"
    if step.event in (rules.OUT_OF_SYNC, rules.TABLE_FULL):
        return f"{telling.happened(step)} ({what} of {who})"
    doubted = step.verdict == INVALID or step.event in _UNDECIDED
    if doubted and event in (table.RST, table.FIN) and not life.doubted:
        life.doubted = True
        return f"{who} ends it, but that is not believed ({what}): {telling.happened(step)}"
    return None


def _closing(life: _Life, step: Step, event: int, who: str, what: str) -> str | None:
    """Of a FIN or RST that the entry follows, each side's first."""
    if step.verdict == INVALID or step.event in _UNDECIDED:
        return None
    if event == table.RST:
        return f"the {who} resets the connection ({what}): {telling.change(step)}, {_time(step)}"
    if event == table.FIN and who not in life.closed_by:
        as_well = " as well" if life.closed_by else ""
        life.closed_by.add(who)
        return f"the {who} closes{as_well} ({what}): {telling.change(step)}, {_time(step)}"
    return None


def _refused(one: Seen, step: Step, names: Names, lives: int) -> Turn:
    late = "late " if lives else ""
    who, what = names.of(one.packet.source), telling.packet(one.packet, step)
    return _turn(one, f"a {late}packet of the {who}'s arrives ({what}): {telling.happened(step)}")


def _ran_out(life: _Life, at_s: float) -> Turn:
    step = life.last.step
    assert step is not None  # noqa: S101  # of what gave it time
    was = telling.state(step.new) if step.new else "it"
    return Turn(
        at_s, None, f"its entry is gone: {was} was given {_span(step)} ({telling.reason(step)}), nothing came"
    )


def _left(life: _Life, names: Names, end_s: float) -> Turn:
    step = life.last.step
    assert step is not None  # noqa: S101  # of what gave it time
    assert life.last.deadline is not None  # noqa: S101  # likewise
    was = f" in {telling.state(step.new)}" if step.new else ""
    left = words.duration(int(life.last.deadline - end_s))
    one_sided = not life.answered and step.new >= uapi.TCP_CONNTRACK_ESTABLISHED
    silent = f" The {names.other(life.last.packet.source)} never answered: one-sided." if one_sided else ""
    return Turn(end_s, None, f"the capture ends, the entry stays{was} for {left} more.{silent}")


def _turn(one: Seen, text: str) -> Turn:
    return Turn(one.packet.at_s, one.packet.number, text)


def _span(step: Step) -> str:
    return words.duration(step.timeout) if step.timeout is not None else "no more than it had"


def _time(step: Step) -> str:
    return telling.reason(step) if step.timeout is None else f"{_span(step)}: {telling.reason(step)}"
