"""Settings and rules that are others now than they were."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.since.document import SinceRules, SinceSetting
from halftrack.evidence.sysctls import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table

_LEVEL: Final = f"{PREFIX}count"
"""Stands among the settings of sysctl(8) and is none."""
_COUNTED: Final = re.compile(r"counter packets \d+ bytes \d+|\[\d+:\d+\]|-c \d+ \d+", re.ASCII)
_MOST: Final = 20


def of_node(then: Evidence, now: Evidence) -> Iterator[SinceSetting]:
    """Of the node as such."""
    if then.kernel and now.kernel and then.kernel != now.kernel:
        yield SinceSetting(setting="kernel", before=then.kernel, now=now.kernel)


def settings(then: Table, now: Table) -> Iterator[SinceSetting]:
    """Those of both that differ; what only one of both says is not known to be another one."""
    before, after = _told(then), _told(now)
    for name in sorted(before.keys() & after):
        if before[name] != after[name]:
            yield SinceSetting(netns=now.netns, setting=name, before=before[name], now=after[name])


def _told(table: Table) -> dict[str, str]:
    told = {name: " ".join(value.split()) for name, value in table.settings.items() if name != _LEVEL}
    for name, value in (("max", table.limit), ("buckets", table.buckets)):
        if value is not None:
            told[PREFIX + name] = str(value)
    return told


def rules(then: Table, now: Table) -> SinceRules | None:
    """None where they are the same, or one of both was not read whole. The numbers of counters do not
    count.
    """
    if then.rules is None or now.rules is None or then.rules.unread or now.rules.unread:
        return None
    before, after = _texts(then.rules), _texts(now.rules)
    new, gone = list((after - before).elements()), list((before - after).elements())
    if not new and not gone:
        return None
    return SinceRules(
        netns=now.netns,
        new=tuple(new[:_MOST]),
        gone=tuple(gone[:_MOST]),
        more_new=max(len(new) - _MOST, 0),
        more_gone=max(len(gone) - _MOST, 0),
    )


def _texts(of: Ruleset) -> Counter[str]:
    found: Counter[str] = Counter()
    for table in of.tables:
        for name, chain in table.chains.items():
            where = f"{table.family} {table.name} {name}"
            if chain.base is not None:
                policy = "accept" if chain.base.accepts else "drop"
                found[f"{where}: policy {policy}"] += 1
            # A rule that was taken apart stands here several times.
            once = {rule.position: rule.text for rule in chain.rules}
            found.update(f"{where}: {_plain(text)}" for text in once.values())
    found.update(f"ipvs: {_plain(service.text)}" for service in of.services)
    return found


def _plain(text: str) -> str:
    return " ".join(_COUNTED.sub("", text).split())
