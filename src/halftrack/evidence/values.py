"""Evidence: one node at one moment, as far as it could be seen.

Everything that reads a kernel or a file ends here, everything that judges starts here. Times
are aware datetimes in UTC, durations seconds. ``None`` means not known, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import polars as pl

    from halftrack.evidence.events import Events
    from halftrack.evidence.flows import FlowTable
    from halftrack.evidence.kernel_log import KernelLog
    from halftrack.evidence.provenance import Origins
    from halftrack.evidence.routing import Routing
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.shaping import RateSetting, Shaping
    from halftrack.evidence.stack import StackCounters
    from halftrack.evidence.sysctls import Replaced, SysctlLine
    from halftrack.evidence.tcp_sockets import TcpSockets
    from halftrack.evidence.tracking import Tracking

Source = Literal["live", "bundle", "sos", "dump"]
Masked = Literal["none", "visible", "substituted"]

HOST: Final = "host"
"""Name of process 1's network namespace."""
SELF: Final = "self"
"""Name of the one that the examination ran in, where that is another."""
UNNAMED: Final = "report"
"""What a node is called whose report does not tell its name."""
OWN: Final = (HOST, SELF)
"""Names that say which namespace is meant without a word about what runs in it."""
KUBE_PROXY: Final = "kube-proxy"
"""Slug of the manager (``Firewall.managers``) that writes settings of the node at its every start."""
ALL: Final = "all"
"""What somebody asks for who wants every namespace; none is called so."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Evidence that could not be had: what, why, what would open it, what it would have told."""

    what: str
    why: str
    needs: tuple[str, ...] = ()
    would_tell: tuple[str, ...] = ()
    netns: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the node that leads to a container: ``host_address:host_port -> port``."""

    protocol: str
    host_port: int
    port: int
    host_address: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an address or a namespace is.

    ``pod`` is the name of a pod, of Kubernetes' where it has a ``namespace`` (``name`` is then
    ``namespace/pod``); ``workload`` what made it (Deployment, DaemonSet, …), from its labels or its name.
    """

    name: str
    id: str
    runtime: str
    addresses: tuple[str, ...] = ()
    netns_inode: int | None = None
    ports: tuple[PublishedPort, ...] = ()
    namespace: str | None = None
    pod: str | None = None
    workload: str | None = None

    @property
    def working_for(self) -> str:
        """``namespace/workload`` of a pod, the name of any other owner."""
        return f"{self.namespace}/{self.workload}" if self.namespace and self.workload else self.name


@dataclass(frozen=True, slots=True)
class Front:
    """Where the node's rules hand on what is sent to ``address:port``: to one of ``ends``.

    ``address`` None: any, mostly any of the node's own. ``name``: what kube-proxy calls it,
    ``namespace/service:port``. ``whole``: surely all of it goes there. ``past``: the ends answer without this
    node, as behind IPVS that routes.
    """

    protocol: str
    port: int
    ends: tuple[tuple[str, int], ...]
    address: str | None = None
    name: str | None = None
    whole: bool = True
    past: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace of the node and the way into it.

    ``path`` is what setns(2) is given (``/proc/PID/ns/net`` or a named mount); None for one
    that is known from a file only. ``name`` is HOST, SELF, or else what runs in it or what its
    mount is called.
    """

    name: str
    inode: int | None = None
    path: str | None = None
    pid: int | None = None
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """One reading of ``/proc/net/stat/nf_conntrack``, summed over CPUs, by its own header names.

    ``at_s`` is a monotonic clock: only differences between two readings mean something.
    The per-CPU counters wrap at 2**32.
    """

    at_s: float
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sockets:
    """TCP and UDP sockets of one namespace.

    ``frame``: ``l4proto`` UInt8, ``state`` UInt8 (kernel's TCP_* socket states: 1 ESTABLISHED,
    6 TIME_WAIT, 10 LISTEN, …), ``local_hi, local_lo, remote_hi, remote_lo`` UInt64 (IPv4 mapped,
    so dual-stack sockets compare equal), ``local_port, remote_port`` UInt16, ``uid`` UInt32,
    ``inode`` UInt64.
    """

    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of an interface in a namespace, as text, with its prefix length."""

    address: str
    prefix: int
    interface: str


@dataclass(frozen=True, slots=True)
class Table:
    """One namespace's conntrack table.

    ``flows`` is None where the entries were not read: a gap says why, or the namespace was too
    small to be worth it (``skipped``). ``limit`` 0 means unlimited and sets ``unlimited``.
    ``settings`` maps full sysctl names to their text, e.g. ``net.netfilter.nf_conntrack_tcp_loose``.
    ``unreadable`` counts messages or lines of this table that could not be decoded.
    ``replaced``: what is known of settings since the boot, newest first: journals of changes tell it.
    ``tcp``, ``stack``, ``shaping`` and ``routing`` tell why entries are stuck; they are read where some are.
    """

    namespace: Namespace
    count: int | None = None
    limit: int | None = None
    buckets: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[Replaced, ...] = ()
    counters: tuple[Counters, ...] = ()
    flows: FlowTable | None = None
    skipped: bool = False
    unreadable: int = 0
    sockets: Sockets | None = None
    addresses: tuple[LocalAddress, ...] | None = None
    expired: int | None = None
    """Entries counted although their time is over: count before the dump minus entries dumped
    and minus those that came and went meanwhile, as far as counts can tell. None: not known."""
    tcp: TcpSockets | None = None
    stack: tuple[StackCounters, ...] = ()
    shaping: tuple[Shaping, ...] = ()
    routing: Routing | None = None
    events: Events | None = None
    """What was heard of it, where somebody listened."""
    rules: Ruleset | None = None
    """The packet filter's; read where all entries were and a connected socket has none, and for bundles."""
    tracking: Tracking | None = None
    """Whether its rules ask for tracking; None: not looked at."""
    read_from: Origins = field(default_factory=dict)
    """Where each setting, by its full name, and all else was read, by the keys of ``provenance``."""

    @property
    def unlimited(self) -> bool:
        return self.limit == 0

    @property
    def netns(self) -> str:
        return self.namespace.name


@dataclass(frozen=True, slots=True)
class Firewall:
    """How this node filters: the tool that holds its rules and who else writes them.

    ``tool`` is what commands for this node should use: ``nft``, ``iptables``, or None where
    neither is installed or known. ``managers`` are other owners of settings or rules, by slug:
    ``kube-proxy``, ``docker``, ``firewalld``, ``ufw``, ``podman``, ``virtuozzo``.
    ``systemd`` says whether systemd (and so sysctl.d, modules-load.d) runs here. ``copiers``: programs that
    run here and put other nodes' entries into the table; None: not looked for.
    """

    tool: Literal["nft", "iptables"] | None = None
    managers: tuple[str, ...] = ()
    copiers: tuple[str, ...] | None = None
    systemd: bool | None = None
    module_loaded_at_boot: bool | None = None


@dataclass(frozen=True, slots=True)
class MaskedBy:
    """The map that undoes the stand-ins, by its number; ``use``: the how manieth bundle it was used for."""

    map: str
    use: int


@dataclass(frozen=True, slots=True)
class Input:
    """What was read to get here, for sources that are text."""

    files: tuple[str, ...] = ()
    inside: str = ""
    """The archive or directory that the files are in, as it was named; empty: they were named themselves."""
    lines: int = 0
    unreadable: int = 0
    first_unreadable: tuple[str, ...] = ()
    """``file:line: reason: text``, at most ten, made printable."""
    truncated: bool = False
    visible: float = 1.0
    masked: Masked = "none"
    masked_by: MaskedBy | None = None
    """None also where nobody told: of what others masked, and of bundles of before maps had numbers."""
    formats: tuple[str, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Warnings for the reader, one sentence each, e.g. an address that its masker forgot."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one node at one moment."""

    node: str
    source: Source
    kernel: str | None = None
    taken_at: datetime | None = None
    tables: tuple[Table, ...] = ()
    owners: tuple[Owner, ...] = ()
    gaps: tuple[Gap, ...] = ()
    fronts: tuple[Front, ...] = ()
    """Of the node's own namespace; empty also where its rules were not read."""
    input: Input = field(default_factory=Input)
    sysctl_lines: tuple[SysctlLine, ...] | None = None
    firewall: Firewall = field(default_factory=Firewall)
    rate_settings: tuple[RateSetting, ...] = ()
    in_container: bool = False
    user: str | None = None
    """Name of the user who looked, where it was not root."""
    entry_bytes: int | None = None
    """Memory of one entry as the slab tells it."""
    machine: str | None = None
    """What identifies the machine for good; None where it does not tell."""
    up_s: int | None = None
    """Since the node was booted."""
    log: KernelLog | None = None
    """None: not read."""
    seconds: float = 0.0
    """How long the examination took."""
    read_from: Origins = field(default_factory=dict)
    """Where ``kernel``, ``taken_at`` and ``node`` were read."""

    @property
    def of_node(self) -> bool:
        """Whether a node was examined, here or where the bundle was made; not what somebody copied of it."""
        return self.source in {"live", "bundle", "sos"}
