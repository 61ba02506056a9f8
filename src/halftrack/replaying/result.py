"""What replays came to, as one document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.evidence import packets, uapi
from halftrack.replaying import comparing, document, ends, grouping, story, table, telling
from halftrack.tcp import rules, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.flows import FlowTable
    from halftrack.replaying.following import Following, Seen
    from halftrack.replaying.passing import Position
    from halftrack.replaying.ruling import Rules
    from halftrack.replaying.timeline import Point
    from halftrack.replaying.tracking import Replay

_NS: Final = 1e9
NOTHING: Final = msgspec.Raw(b"[]")


def replayed(
    name: str,
    tally: packets.Tally,
    at: Position,
    replay: Replay,
    rules_: Rules,
    *,
    flows: FlowTable,
    settings_of: str | None = None,
    notes: tuple[str, ...] = (),
    explained: document.Explained | None = None,
    against: document.Against | None = None,
) -> document.Replayed:
    """Of a replay that is closed. ``entries`` are empty: who prints them writes them in by columns.

    ``flows``: its table. ``settings_of``: where settings come from that were not asked for one by one.
    """
    points = _points(replay.timeline.points)
    return document.Replayed(
        file=name,
        kernel=rules_.kernel.release,
        profile=rules_.kernel.profile.name,
        at=at,
        given=dict(rules_.given),
        settings_of=settings_of,
        settings=settings.named(rules_.settings),
        limit=rules_.limit,
        begins_at=datetime.fromtimestamp(replay.first_ns / _NS, UTC) if replay.first_ns is not None else None,
        duration_s=replay.end_s,
        whole=tally.whole,
        packets=_packets(tally, replay),
        flows=_flows(replay),
        entries=NOTHING,
        one_sided=grouping.one_sided(flows),
        timeline=points,
        peak=_peak(points),
        end=points[-1],
        skipped={**tally.skipped, **{why: count for why, count in replay.skipped.items() if count}},
        notes=(*tally.notes, *rules_.notes, *notes),
        explained=explained,
        against=against,
    )


def compared(
    tally: packets.Tally, here: FlowTable, replay: Replay, rules_: Rules, base: Rules
) -> document.Against:
    """``here``: the first replay's table. ``replay``: the other one, closed."""
    points = _points(replay.timeline.points)
    differing, differences = comparing.differences(here, table.table(replay))
    changed = {name: value for name, value in rules_.given.items() if base.given.get(name) != value}
    return document.Against(
        given=changed,
        kernel=rules_.kernel.release,
        profile=rules_.kernel.profile.name,
        packets=_packets(tally, replay),
        flows=_flows(replay),
        timeline=points,
        peak=_peak(points),
        end=points[-1],
        differing=differing,
        differences=differences,
    )


def explained(following: Following, asked: int | None, end_s: float) -> document.Explained:
    """One flow, packet by packet, and its story. ``asked``: the packet that was named."""
    seen = following.seen
    names = telling.Names(following.flow, seen)
    ported = not seen or seen[0].packet.protocol in uapi.PORT_PROTOCOLS
    return document.Explained(
        flow=str(following.flow),
        client=ends.text(names.client, port=ported),
        server=ends.text(names.server, port=ported),
        client_seen=names.sure,
        asked=asked,
        packets=tuple(_explained(one, names) for one in seen),
        left_out=following.left_out,
        story=tuple(
            document.Turn(at_s=turn.at_s, number=turn.number, text=turn.text)
            for turn in story.turns(seen, names, end_s, gave_way=following.gave_way)
        ),
    )


def _explained(one: Seen, names: telling.Names) -> document.ExplainedPacket:
    packet, step = one.packet, one.step
    tcp = packet.protocol == uapi.IPPROTO_TCP and step is not None
    state = step.new if step is not None else 0
    return document.ExplainedPacket(
        number=packet.number,
        at_s=packet.at_s,
        source=names.of(packet.source) if step is not None else "somebody",
        packet=telling.packet(packet, step),
        flags=packet.flags if tcp else None,
        seq=packet.seq if tcp else None,
        ack=packet.ack if tcp else None,
        window=packet.window if tcp else None,
        length=packet.length,
        event=step.event if step is not None else telling.ICMP_ERROR,
        why=telling.happened(step) if step is not None else telling.ABOUT,
        old=_state(step.old) if step is not None else None,
        new=_state(step.new) if step is not None else None,
        verdict=step.verdict if step is not None else None,
        left_s=one.left_s,
        expired_s=step.expired_s if step is not None else None,
        timeout_s=step.timeout if step is not None else None,
        rule=step.rule if step is not None else None,
        time_why=telling.reason(step) if step is not None and step.rule is not None else None,
        one_sided=tcp
        and one.deadline is not None
        and not one.answered
        and uapi.TCP_CONNTRACK_ESTABLISHED <= state <= uapi.TCP_CONNTRACK_CLOSE,
    )


def _state(number: int) -> str | None:
    return telling.state(number) if number != uapi.TCP_CONNTRACK_NONE else None


def _points(points: list[Point]) -> tuple[document.Point, ...]:
    return tuple(
        document.Point(
            at_s=point.at_s,
            entries=point.entries,
            one_sided=point.one_sided_entries,
            by_state=_named({telling.state(state): count for state, count in point.states.items()}),
            by_protocol=_named(
                {uapi.PROTOCOL_NAMES.get(one, str(one)): count for one, count in point.protocols.items()}
            ),
        )
        for point in points
    )


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _peak(points: tuple[document.Point, ...]) -> document.Point:
    return max(points, key=lambda point: point.entries)


def _packets(tally: packets.Tally, replay: Replay) -> document.Packets:
    errors = replay.events[telling.ICMP_ERROR]
    return document.Packets(
        file=tally.packets,
        passed=replay.events.total(),
        events=_named({event: count for event, count in replay.events.items() if event in rules.EVENTS}),
        verdicts=_named(replay.verdicts),
        icmp_errors=errors,
        reassembled=tally.reassembled,
        backwards=tally.backwards,
    )


def _flows(replay: Replay) -> document.Flows:
    events = replay.events
    return document.Flows(
        made=replay.tracker.made,
        opened=events[rules.OPENED],
        picked_up=events[rules.PICKED_UP],
        reopened=events[rules.REOPENED],
    )
