"""The examination of the running node: counts first, then what is worth reading, side by side."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack import owners
from halftrack.evidence.values import HOST, Evidence, Gap
from halftrack.kernel import (
    counters,
    ct_users,
    identity,
    interfaces,
    namespaces,
    privileges,
    survey,
    sysctl,
)
from halftrack.live import choice, depth, entries, gaps, log, looking, published, read_from, settings
from halftrack.live.aside import later
from halftrack.live.place import Details, Place

if TYPE_CHECKING:
    from halftrack.evidence.selection import Selection
    from halftrack.evidence.values import Namespace, Owner
    from halftrack.live.moment import Start

_ASIDE_S: Final = 2.0
"""How long what is asked beside the tables may take to answer: runtimes, tools, files."""
_LEAST_S: Final = 0.1
"""Runtimes are asked in any case."""
_SIDE_S: Final = 10.0
"""After that no sockets of namespaces are read whose entries are not."""


class Examination:
    """One run over the node; ``run`` gives its Evidence."""

    def __init__(
        self,
        netns: str | None,
        selection: Selection,
        start: Start,
        *,
        sockets: bool,
        interval_s: float,
        in_depth: bool,
        listen_s: float | None,
    ) -> None:
        self._netns = netns
        self._selection = selection
        self._start = start
        self._sockets = sockets
        self._interval_s = interval_s
        self._in_depth = in_depth
        self._listen_s = listen_s
        self._places: list[Place] = []

    def run(self, early: entries.Reading | None) -> Evidence:
        """Read everything; ``early`` is our own table where that is being read already.

        Raises UsageError or PermissionMissing where a named namespace cannot be had.
        """
        look = survey.look(closer=self._in_depth)
        if early is not None and early.before is not None:
            # Its dump collects what is expired; the count is that from before.
            look = replace(look, limits=replace(look.limits, count=early.before))
        spaces, found_gaps = namespaces.find()
        self._places = [Place(namespace) for namespace in spaces]
        self._places[0].look = look
        owned = later(self._owners, spaces)
        handed = later(published.read, spaces)
        node = settings.Settings.begun()
        logged = later(log.read, self._start.taken_at) if self._in_depth else None
        chosen = later(self._choose, owned)
        detailed = later(self._detail, chosen)
        heard = later(self._hear, chosen)
        if early is not None:
            self._places[0].entries = early.result()
        chosen.result()
        self._read_entries()
        detailed.result()
        named, owner_gaps = owned.result()
        chosen_ones = self._affected()
        of_rules, of_sockets = self._beside()
        more = [place for place in of_sockets if all(place is not each for each in chosen_ones)]
        closer = later(depth.read, [*chosen_ones, *more], self._start.deadline)
        ruled = later(_read_rules, of_rules)
        ends = self._ends(chosen_ones)
        self._second_look(ends)
        closer.result()
        depth.read_again(ends)
        with contextlib.suppress(Late):  # what the tools still print nobody waits for
            ruled.result(self._start.at_most(_ASIDE_S))
        unheard = heard.result()
        fronts, rule_gaps = published.within(handed, self._start.at_most(_ASIDE_S))
        named = owners.published(named, fronts, published.own_addresses(self._places))
        self._name(named)
        of_files = node.within(self._start.at_most(_ASIDE_S))
        said, log_gaps = logged.result() if logged else (None, ())
        told = [*found_gaps, *owner_gaps, *unheard, *rule_gaps, *of_files.late, *log_gaps]
        told += gaps.of_rules(of_rules)
        return replace(self._evidence(of_files, named, told), fronts=fronts, log=said)

    def _owners(self, spaces: list[Namespace]) -> tuple[tuple[Owner, ...], tuple[Gap, ...]]:
        return owners.find(spaces, timeout_s=max(self._start.at_most(_ASIDE_S), _LEAST_S))

    def _choose(self, owned: Future[tuple[tuple[Owner, ...], tuple[Gap, ...]]]) -> None:
        looking.around(self._places, closer=self._in_depth)
        known = len(self._places)
        choice.choose(self._netns, self._places, lambda: owned.result()[0])
        looking.around(self._places[known:], self._places, closer=self._in_depth)

    def _hear(self, chosen: Future[None]) -> list[Gap]:
        chosen.result()
        if self._listen_s is None:
            return []
        from halftrack.live import hearing  # noqa: PLC0415  # heavy, and seldom asked for

        return hearing.hear(self._places, self._listen_s, self._start.deadline)

    def _detail(self, chosen: Future[None]) -> None:
        chosen.result()
        open_ones = [place for place in self._places if not place.denied and not place.vanished]
        open_ones.sort(key=lambda place: (not place.own, not place.wanted))
        by_namespace = {place.namespace: place for place in open_ones}
        results = survey.visit(list(by_namespace), lambda one: self._details(by_namespace[one]))
        for place, result in zip(open_ones, results, strict=True):
            if isinstance(result, Details):
                place.details = result
            elif isinstance(result, namespaces.Vanished):
                place.vanished = place.vanished or place.entries is None

    def _details(self, place: Place) -> Details:
        settings = sysctl.settings() if place.wanted else {}
        tracking = ct_users.read() if place.wanted and self._in_depth else None
        try:
            addresses = interfaces.addresses()
        except OSError:
            addresses = None
        if not self._sockets:
            return Details(settings, addresses, None, tracking=tracking)
        if self._start.left <= 0 or (not place.wanted and self._start.seconds > _SIDE_S):
            return Details(settings, addresses, None, gaps.LATE, tracking)
        from halftrack.kernel import sock_diag, sockets  # noqa: PLC0415  # heavy, and a dump is to start first

        try:
            found = sockets.read(survey.net_directory(), deadline=self._start.deadline)
        except (sock_diag.Unfinished, OSError) as error:
            late = self._start.left <= 0
            return Details(settings, addresses, None, gaps.LATE if late else str(error), tracking)
        return Details(settings, addresses, found, tracking=tracking)

    def _read_entries(self) -> None:
        """One table after the other, the next one being received while one is decoded."""
        under_way: tuple[Place, entries.Reading] | None = None
        for place in self._places:
            if not place.wanted or place.vanished or place.entries is not None:
                continue
            if place.denied:
                place.entries = entries.Entries(trouble="denied")
            elif self._start.left <= 0:
                place.entries = entries.Entries(trouble="late")
            else:
                begun = place, entries.begin(place.namespace, self._selection, self._start.deadline)
                if under_way is not None:
                    _finish(*under_way)
                under_way = begun
        if under_way is not None:
            _finish(*under_way)

    def _affected(self) -> list[Place]:
        """Where a closer look is worth it."""
        if not self._in_depth or self._start.left <= 0:
            return []
        from halftrack.live import affected  # noqa: PLC0415  # heavy, and a dump is to start first

        return affected.choose(self._places)

    def _beside(self) -> tuple[list[Place], list[Place]]:
        """Where sockets are to be looked at beside the entries: see ``lacking.choose``."""
        if not (self._in_depth and self._sockets and self._selection.of_every_entry) or self._start.left <= 0:
            return [], []
        from halftrack.live import lacking  # noqa: PLC0415  # heavy, and a dump is to start first

        return lacking.choose(self._places)

    def _ends(self, chosen: list[Place]) -> list[Place]:
        """The chosen and, of which queues alone are looked at, where many a way of theirs leads through."""
        others = [place for place in self._places if place.own or place.namespace.name == HOST]
        every = {id(place): place for place in (*chosen, *others) if chosen and not place.denied}
        if self._in_depth and self._start.left > 0:
            from halftrack.live import affected  # noqa: PLC0415  # heavy, and a dump is to start first

            every |= {id(place): place for place in affected.quiet(self._places)}
        return list(every.values())

    def _second_look(self, closer: list[Place]) -> None:
        """Read the counters again, at least the interval after the first time; ``closer``: more are to be."""
        firsts = [place.look.reading.at_s for place in self._places if place.look and place.look.reading]
        firsts += [place.look.traffic.at_s for place in closer if place.look and place.look.traffic]
        if not firsts:
            return
        time.sleep(self._start.at_most(max(firsts) + self._interval_s - time.monotonic()))
        again = [place for place in self._places if place.look and place.look.reading and not place.vanished]
        inside = [place for place in again if place.look and place.look.inside]
        read = survey.visit(
            [place.namespace for place in inside], lambda _: counters.read(survey.net_directory())
        )
        for place, reading in zip(inside, read, strict=True):
            place.second = reading if isinstance(reading, counters.Reading) else None
            place.ended = isinstance(reading, namespaces.Vanished)
        for place in again:
            if place.look and not place.look.inside:
                place.second = counters.read(Path(f"/proc/{place.namespace.pid}/net"))

    def _name(self, named: tuple[Owner, ...]) -> None:
        spaces = namespaces.with_owners([place.namespace for place in self._places], named)
        for place, namespace in zip(self._places, spaces, strict=True):
            place.namespace = namespace

    def _evidence(self, node: settings.Read, named: tuple[Owner, ...], others: list[Gap]) -> Evidence:
        in_container = privileges.in_container()
        shown = sorted(
            (place for place in self._places if not place.vanished and (place.look or not place.denied)),
            key=lambda place: (place.beside, place.namespace.name != HOST, not place.own),
        )
        return Evidence(
            node=socket.gethostname(),
            source="live",
            kernel=os.uname().release,
            taken_at=self._start.taken_at,
            tables=tuple(place.table() for place in shown),
            owners=named,
            gaps=(*gaps.of(self._places, in_container=in_container), *others),
            sysctl_lines=node.lines,
            firewall=node.firewall,
            rate_settings=node.rates,
            machine=identity.machine(),
            up_s=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
            in_container=in_container,
            user=privileges.user_name(),
            entry_bytes=node.entry_bytes,
            seconds=self._start.seconds,
            read_from=read_from.OF_NODE,
        )


def _read_rules(places: list[Place]) -> None:
    if places:
        from halftrack.live import lacking  # noqa: PLC0415  # heavy, and seldom wanted

        lacking.read_rules(places)


def _finish(place: Place, reading: entries.Reading) -> None:
    place.entries = reading.result()
    place.vanished = place.entries.trouble == "vanished"
