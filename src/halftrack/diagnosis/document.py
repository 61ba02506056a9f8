"""The diagnosis as a value: what ``doctor --json`` prints, field for field.

Published as ``halftrack.diagnosis/1``: fields are added, never renamed or removed. Durations
are whole seconds (``_s``), shares 0..1, times RFC 3339 in UTC, addresses text. None: not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from halftrack.diagnosis.since.document import Since

SCHEMA: Final = "halftrack.diagnosis/1"

Shape = Literal["steady", "steps", "burst", "falling", "unknown"]
Side = Literal["server", "client", "forwarded"]
Kind = Literal["relief", "cure", "clear"]
KINDS: Final[tuple[Kind, ...]] = ("relief", "cure", "clear")
"""In the order in which a plan has them."""
LIKELY: Final = 0.5
"""Confidence from which on a cause is called likely."""
RiskLevel = Literal["none", "low", "medium", "high"]
Outcome = Literal["picked-up-again", "dropped", "loses-translation", "goes-on-untracked", "unclear"]
SCRIPT_FILE: Final = "collect.sh"
"""What ``collect --script`` is written to."""
UNHURT: Final[tuple[Outcome, ...]] = ("picked-up-again", "goes-on-untracked")
"""Of a connection whose entry is gone: it goes on all the same."""


class _Value(msgspec.Struct, frozen=True):
    """Immutable; every struct below is built by keyword."""


class ReadAt(_Value, frozen=True, kw_only=True):
    """Where something was read. ``file``: as the source calls it: a path, a member of an archive, a section
    of a collection; of a live node a file of /proc or /sys, a netlink request, a tool.

    ``first_line`` and ``last_line``, from 1; None: all of it, or it has no lines.
    """

    file: str
    first_line: int | None = None
    last_line: int | None = None


class Sourced(_Value, frozen=True, kw_only=True):
    """A value that the diagnosis goes by, and where it was read. ``what``: a setting's full name, or words.

    ``at``: more than one place where it was read twice, or out of several files.
    """

    what: str
    value: str | int | float | None
    netns: str | None = None
    at: tuple[ReadAt, ...]


class Input(_Value, frozen=True, kw_only=True):
    files: tuple[str, ...] = ()
    lines: int = 0
    unreadable: int = 0
    first_unreadable: tuple[str, ...] = ()
    truncated: bool = False
    visible: float = 1.0
    masked: Literal["none", "visible", "substituted"] = "none"
    formats: tuple[str, ...] = ()
    assumed: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class OwnerName(_Value, frozen=True, kw_only=True):
    """``pod``, ``namespace`` and ``workload``: of a pod, the latter two in Kubernetes."""

    name: str
    id: str
    runtime: str
    namespace: str | None = None
    pod: str | None = None
    workload: str | None = None


class Forecast(_Value, frozen=True, kw_only=True):
    """``full_at`` with its bounds is None where this evidence cannot tell; ``basis`` says on what it rests.

    ``low`` alone: it is not expected to fill, and at its fastest it would by then.

    ``net_per_minute``: entries that stay, a minute. ``settles_at``: entries at which the growth
    meets the expiry under today's settings (rate times lifetime plus what is not stuck).
    """

    shape: Shape = "unknown"
    net_per_minute: float | None = None
    full_at: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None
    settles_at: int | None = None
    basis: str


class Peer(_Value, frozen=True, kw_only=True):
    """``service_name``: of the service that it is asked for, as the node's rules call it."""

    address: str
    entries: int
    service_name: str | None = None


class Group(_Value, frozen=True, kw_only=True):
    """``service_name``: what the node's rules call ``service`` at ``address``: ``namespace/name:port``.

    ``rate_per_minute``: its part of the pace at which the finding's entries come, counted over the time
    that the forecast's ``basis`` names, or since the group began within it. Where the forecast has no
    pace: the mean from its oldest entry to its youngest, if they came about evenly.
    """

    netns: str
    owner: OwnerName | None = None
    address: str | None = None
    service: str | None = None
    service_name: str | None = None
    side: Side | None = None
    entries: int
    peers: int | None = None
    top_peers: tuple[Peer, ...] = ()
    idle_min_s: int | None = None
    idle_max_s: int | None = None
    rate_per_minute: float | None = None


class Heard(_Value, frozen=True, kw_only=True):
    """What was heard of the table for ``seconds``: entries that began, in mid-stream, and that ended.

    ``groups``: those that began in mid-stream, by service, direction and peer; ``rate_per_minute`` is
    how many of them came. ``overruns``: how often events were lost; then all of it is at least.
    """

    seconds: float
    new: int
    picked_up: int
    picked_up_peak_per_s: float
    destroyed: int
    overruns: int = 0
    unreadable: int = 0
    groups: tuple[Group, ...] = ()
    more_groups: int = 0


class Forgotten(_Value, frozen=True, kw_only=True):
    """Connected sockets of ``netns`` that have no entry in the table, of one service and one outcome.

    ``quiet_…_s``: since when their peers were not heard. ``outcome``: of the next packet of each, by the
    rules of the table's namespace: ``picked-up-again``, ``dropped``, ``loses-translation`` or ``unclear``;
    ``by``: the rule that decides, quoted. ``example``: the quietest, this end first.
    """

    netns: str
    owner: OwnerName | None = None
    address: str
    service: str
    side: Side
    sockets: int
    peers: int
    quiet_min_s: int
    quiet_max_s: int
    example: str
    outcome: Outcome
    by: str | None = None


class Sides(_Value, frozen=True, kw_only=True):
    """The sockets' view beside the table's: ``connected`` TCP sockets that were looked up in it.

    ``untold``: without an entry, and heard so lately that it may have come or gone while both were read;
    they are not among those ``without_entry``, of which ``groups`` are. ``outcomes``: of all of these.
    """

    connected: int
    with_entry: int
    without_entry: int
    untold: int = 0
    outcomes: dict[Outcome, int] = {}
    groups: tuple[Forgotten, ...] = ()
    more_groups: int = 0


class Logged(_Value, frozen=True, kw_only=True):
    """What the kernel logged of packets dropped as the table was full: at least so many ``lines``.

    ``suppressed``: lines of the network's code, these or others, that were too many to be written. ``first``,
    ``last``: None where the log does not tell when. ``source``: file and line of the last one. ``certain``:
    whether it is told which table it was.
    """

    lines: int
    suppressed: int = 0
    first: datetime | None = None
    last: datetime | None = None
    source: str
    certain: bool = True


class TableSummary(_Value, frozen=True, kw_only=True):
    """``sockets`` None: they were not compared: each had its entry at first sight, or not all was read.

    ``stuck``: the one-sided entries that stay for longer than minutes, and the orphaned ones.

    What is merely silent is not among them. None where the entries were not read.

    ``by_kind``: by protocol and then by ``answered``, ``one_sided``, ``half_open``, ``closing``, ``other``.
    """

    netns: str
    owner: OwnerName | None = None
    entries: int | None = None
    limit: int | None = None
    unlimited: bool = False
    buckets: int | None = None
    reclaimable: int | None = None
    expired: int | None = None
    effective_entries: int | None = None
    dropped: int | None = None
    dropped_early: int | None = None
    insert_failed: int | None = None
    invalid: int | None = None
    counters_over_s: int | None = None
    dropped_total: int | None = None
    dropped_early_total: int | None = None
    insert_failed_total: int | None = None
    by_protocol: dict[str, int] = {}
    by_state: dict[str, int] = {}
    by_kind: dict[str, dict[str, int]] = {}
    one_sided: int | None = None
    stuck: int | None = None
    read: bool = True
    forecast: Forecast | None = None
    heard: Heard | None = None
    sockets: Sides | None = None
    logged: Logged | None = None


class Timeline(_Value, frozen=True, kw_only=True):
    """When the entries were last heard (``timeout`` clock) or made (``timestamp`` clock), per bucket.

    ``start`` is the begin of the first bucket, None where ``taken_at`` is not known: the last
    bucket then ends at the moment of the dump, whenever that was. ``caveats``: what makes the
    clock inexact here.
    """

    clock: Literal["timeout", "timestamp"]
    bucket_s: int
    start: datetime | None
    entries: tuple[int, ...]
    caveats: tuple[str, ...] = ()


class EnabledBy(_Value, frozen=True, kw_only=True):
    setting: str
    value: str | None
    why: str


class Reason(_Value, frozen=True, kw_only=True):
    """``at``: the files and lines of ``source``, where they are known."""

    what: str
    value: str | int | float | None = None
    source: str
    at: tuple[ReadAt, ...] = ()


class Cause(_Value, frozen=True, kw_only=True):
    """``settled_by``: what to type where the entries end, if a table alone was read and tells no cause."""

    cause: str
    confidence: float
    for_: tuple[Reason, ...] = msgspec.field(name="for", default=())
    against: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    settled_by: str | None = None

    @property
    def likely(self) -> bool:
        """Whether the evidence speaks more for than against it."""
        return self.cause != "unknown" and self.confidence >= LIKELY


class Effect(_Value, frozen=True, kw_only=True):
    entries_freed: int | None = None
    settles_at: int | None = None


class LiveFlows(_Value, frozen=True, kw_only=True):
    """Flows in use that a remedy touches, for one service. ``peers``: those with the most of them.

    ``outcome``: what happens to each once its entry is gone: its next packet makes a new one
    (``picked-up-again``, where rules let it), is not taken for one of a connection (``dropped``, where
    rules drop what is invalid), or goes out with the wrong address (``loses-translation``). None:
    its entry stays. With ``rules_read`` it is what the rules here do: then also ``goes-on-untracked``, if
    none of them drops what is invalid, and ``unclear``. ``by``: the rule that decides, quoted.
    """

    service: str
    entries: int
    example: str
    peers: tuple[Peer, ...] = ()
    outcome: Outcome | None = None
    by: str | None = None
    rules_read: bool = False


class Risk(_Value, frozen=True, kw_only=True):
    level: RiskLevel
    why: tuple[str, ...] = ()
    live_flows_affected: int | None = None
    live_flows: tuple[LiveFlows, ...] = ()

    @property
    def cut_flows(self) -> tuple[LiveFlows, ...]:
        """Without those that no rule of the namespace would hurt."""
        return tuple(flows for flows in self.live_flows if not (flows.rules_read and flows.outcome in UNHURT))


class Advice(_Value, frozen=True, kw_only=True):
    """A remedy for a finding. ``title``: one line; ``commands``: to be typed on the node as they stand.

    ``after``: the kind of remedy that has to be through before this one, where there is one.
    """

    remedy: str
    kind: Kind
    title: str
    arguments: dict[str, str | int] = {}
    effect: Effect
    risk: Risk
    commands: tuple[str, ...] = ()
    after: Kind | None = None


class Began(_Value, frozen=True, kw_only=True):
    """How TCP entries that are one-sided or assured came to be.

    ``picked_up`` in mid-stream, by a ``handshake`` that was seen, ``injected`` by a program, ``unknown``.
    ``basis``: ``tcp-flags`` (and window scales), which prove it; ``unanswered``: inferred where a text has
    none, what got so far without any reply (often of one packet) had no handshake; None: neither is there.
    """

    picked_up: int = 0
    handshake: int = 0
    injected: int = 0
    unknown: int = 0
    basis: Literal["tcp-flags", "unanswered"] | None = None


class Finding(_Value, frozen=True, kw_only=True):
    """``began``: None where none of the entries is such that it could be told.

    ``at``: where its entries stand, from the first to the last, or what it rests on; ``first_lines``: of the
    first of them, where they are lines.
    """

    id: str
    symptom: str
    severity: Literal["info", "warning", "critical"]
    title: str
    entries: int
    share: float | None = None
    explanation: str = ""
    groups: tuple[Group, ...] = ()
    more_groups: int = 0
    began: Began | None = None
    timeline: Timeline | None = None
    forecast: Forecast | None = None
    enabled_by: tuple[EnabledBy, ...] = ()
    causes: tuple[Cause, ...] = ()
    remedies: tuple[Advice, ...] = ()
    at: tuple[ReadAt, ...] = ()
    first_lines: tuple[int, ...] = ()

    @property
    def netns(self) -> str:
        """The table that it is about: that of its groups, else the one that a condition's id names."""
        return self.groups[0].netns if self.groups else self.id.removeprefix(f"{self.symptom}/")


class Gap(_Value, frozen=True, kw_only=True):
    what: str
    why: str
    needs: tuple[str, ...] = ()
    would_tell: tuple[str, ...] = ()
    netns: str | None = None


class Ask(_Value, frozen=True, kw_only=True):
    """The one thing to ask for next of whoever can type on the node: it would change most of this.

    ``command``: to be pasted there as it stands; ``why``: what is not known without it; ``settles``: what is
    known with it, in words or as slugs of causes and symptoms.
    """

    command: str
    why: str
    settles: tuple[str, ...] = ()

    @property
    def by_script(self) -> bool:
        """Whether it takes ``SCRIPT_FILE``, which whoever asks has to send along."""
        return SCRIPT_FILE in self.command


class Diagnosis(_Value, frozen=True, kw_only=True):
    """``focus``: the ``netns`` of the table that ``verdict`` speaks of; None where no table could be read.

    ``since``: what happened since an earlier moment, where one was given.
    """

    schema: Literal["halftrack.diagnosis/1"] = SCHEMA
    node: str
    kernel: str | None = None
    taken_at: datetime | None = None
    source: Literal["live", "bundle", "sos", "dump"]
    severity: Literal["ok", "warning", "critical"]
    complete: bool
    verdict: str
    focus: str | None = None
    input: Input
    tables: tuple[TableSummary, ...] = ()
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    since: Since | None = None
    in_container: bool = False
    user: str | None = None
    seconds: float = 0.0
    sources: tuple[Sourced, ...] = ()
    ask: Ask | None = None

    @property
    def table(self) -> TableSummary | None:
        """The one that ``verdict`` speaks of."""
        return next((each for each in self.tables if each.netns == self.focus), None)

    @property
    def of_node(self) -> bool:
        """As ``Evidence.of_node``."""
        return self.source in {"live", "bundle", "sos"}
