"""``raise-limit``: room for more entries, limit and buckets together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.evidence.sysctls import HASHSIZE, PREFIX
from halftrack.evidence.values import HOST, Namespace
from halftrack.plans.actions import ByHand, SetBuckets
from halftrack.plans.lasting import MODULE_OPTIONS, module_option
from halftrack.remedies import kube_proxy, persistence, place, setting_actions
from halftrack.remedies.shell import comment, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation

REMEDY: Final = "raise-limit"
_ENTRY_BYTES: Final = 320
"""Memory of an entry with its extensions where the slab was not read: the upper end of what is seen."""
_BUCKET_BYTES: Final = 8
_LARGEST: Final = (1 << 31) - 1
_OWN_LIMIT: Final = ("openvz", "virtuozzo", "vz")


def helps(situation: Situation) -> bool:
    """For a table under pressure, once a table; and for a hash that is too small."""
    summary = situation.summary
    if summary is None or not summary.limit or summary.unlimited:
        return False
    if situation.finding.symptom == "hash-too-small":
        return True
    if situation.finding.symptom == "table-pressure":
        return True
    return situation.first_of_table and situation.under_pressure


def advise(situation: Situation) -> Advice | None:
    return propose(situation, {}) if helps(situation) else None


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice | None:
    """The same for whoever asks for it. ``arguments``: ``limit`` and ``buckets``, neither less than today's.

    None where there is no limit, or where nothing would be more than it is.
    """
    summary = situation.summary
    if summary is None or not summary.limit:
        return None
    hash_only = situation.finding.symptom == "hash-too-small" and "limit" not in arguments
    limit = int(arguments.get("limit", summary.limit if hash_only else min(2 * summary.limit, _LARGEST)))
    buckets = int(arguments.get("buckets", _buckets(limit, summary.entries or 0, summary.buckets)))
    if limit < summary.limit or limit > _LARGEST or buckets < (summary.buckets or 0):
        return None
    if limit == summary.limit and summary.buckets is not None and buckets <= summary.buckets:
        return None
    entry_bytes = situation.evidence.entry_bytes or _ENTRY_BYTES
    added = (limit - summary.limit) * entry_bytes + max(0, buckets - (summary.buckets or 0)) * _BUCKET_BYTES
    commands, notes = _commands(situation, limit, buckets, hash_only=hash_only)
    assumed = "" if situation.evidence.entry_bytes else " (assumed)"
    why = [f"up to {_mebibytes(added)} of kernel memory, {entry_bytes} bytes an entry{assumed}"]
    if summary.buckets is None:
        why.append("how many buckets there are is not known: no command here makes them fewer")
    if not hash_only:
        why.append("hides a leak, cures none: what made the table grow goes on")
    return Advice(
        remedy=REMEDY,
        kind="cure" if hash_only else "relief",
        title=_title(situation, limit, buckets, added, hash_only=hash_only),
        arguments={"limit": limit, "buckets": buckets},
        effect=Effect(entries_freed=0),
        risk=Risk(level="low", why=(*why, *notes), live_flows_affected=0),
        commands=commands,
    )


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:
    """The hash first: at no time are there more entries to a bucket than before."""
    evidence, summary = situation.evidence, situation.summary
    limit, buckets = int(advice.arguments["limit"]), int(advice.arguments["buckets"])
    grows = summary is None or summary.limit is None or limit > summary.limit
    if evidence.in_container:
        lines = (f"{PREFIX}max = {limit}", f"hashsize = {buckets}")
        return (ByHand(manager="the node", lines=lines),)
    host = _of_node(situation)
    if grows and kube_proxy.owns(host):
        return (setting_actions.for_kube_proxy({"max": limit}, host),)
    seen = summary.buckets if summary is not None else None
    resized = (SetBuckets(before=seen, after=buckets),) if seen is None or buckets > seen else ()
    raised = setting_actions.sysctls({"max": limit}, host) if grows else ()
    runtime = situation.table.namespace.owner.runtime if situation.table.namespace.owner else None
    if grows and runtime in _OWN_LIMIT:
        raised += setting_actions.sysctls({"max": limit}, situation, own=True)
    kept = setting_actions.kept(
        {PREFIX + "max": limit} if grows else {}, host, hashsize=buckets if resized else None
    )
    return (*resized, *raised, *kept)


def _of_node(situation: Situation) -> Situation:
    """The same where limit and buckets are set: in the host's namespace."""
    evidence = situation.evidence
    if place.is_host(situation.table.namespace, evidence):
        return situation
    known = next((table for table in evidence.tables if table.netns == HOST), None)
    return replace(situation, table=known or replace(situation.table, namespace=Namespace(HOST)))


def _buckets(limit: int, entries: int, now: int | None) -> int:
    """A power of two, at most four entries of a full table and one of today's to a bucket.

    Never fewer than ``now``, where that is known.
    """
    wanted = max(limit // 4, entries, 1024)
    return max(now or 0, 1 << (wanted - 1).bit_length())


def _title(situation: Situation, limit: int, buckets: int, added: int, *, hash_only: bool) -> str:
    summary = situation.summary
    if summary is None or hash_only:
        return f"hash of {buckets:,} buckets, +{_mebibytes(added)}"
    known = situation.evidence.entry_bytes or limit == summary.limit
    text = f"limit {summary.limit or 0:,} -> {limit:,}, +{_mebibytes(added)}"
    text += "" if known else f" (an entry assumed to take {_ENTRY_BYTES} bytes)"
    if situation.drops:
        text += ": drops stop at once"
    rate = summary.forecast.net_per_minute if summary.forecast else None
    if rate is not None and rate > 0 and summary.entries is not None:
        seconds = 0.75 * (limit - summary.entries) / rate * 60
        lasts = words.duration(_rounded(seconds))
        text += f", room for about {lasts} at {words.pace(rate)} more a minute in all"
    return text if situation.needs_room else f"{text}, not needed yet"


def _rounded(seconds: float) -> int:
    unit = 86_400 if seconds >= 86_400 else 3_600 if seconds >= 3_600 else 60
    return max(unit, int(seconds // unit) * unit)


def _mebibytes(size: int) -> str:
    return f"{max(1, round(size / (1 << 20)))} MiB"


def _resize(situation: Situation, buckets: int) -> str:
    """Set the number of buckets; where today's is not known, only if it is smaller."""
    resize = f"echo {buckets} > {HASHSIZE}"
    if situation.summary is not None and situation.summary.buckets is not None:
        return resize
    return f'[ "$(cat {HASHSIZE})" -ge {buckets} ] || {resize}'


def _commands(
    situation: Situation, limit: int, buckets: int, *, hash_only: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The limit is one value for every namespace, to be written in the host's; so are the buckets."""
    evidence, namespace = situation.evidence, situation.table.namespace
    if evidence.in_container:
        note = "limit and buckets belong to the node: this container cannot change them"
        return (comment(f"on the node: sysctl -w {PREFIX}max={limit}"),), (note,)
    notes: list[str] = []
    host = replace(situation, table=replace(situation.table, namespace=Namespace(HOST)))
    before = place.prefix(host.table.namespace, evidence)
    if not place.is_host(namespace, evidence):
        notes.append("the limit is one value for all namespaces of the node, each held against it alone")
    resize = _resize(situation, buckets)
    commands = [f"{before}sh -c {word(resize)}" if before else resize]
    settings = {} if hash_only else {PREFIX + "max": limit}
    commands += [f"{before}sysctl -w {name}={value}" for name, value in settings.items()]
    runtime = namespace.owner.runtime if namespace.owner else None
    if runtime in _OWN_LIMIT and namespace.owner is not None and not hash_only:
        own = place.prefix(namespace, evidence)
        commands.append(f"{own}sysctl -w {PREFIX}max={limit}")
    if kube_proxy.owns(host) and not hash_only:
        notes.append(
            "kube-proxy writes the limit at each of its starts: to keep it, change its configuration"
        )
        return (*commands, *kube_proxy.configure({"max": limit})), tuple(notes)
    line = module_option(f"$(cat {HASHSIZE})")
    options = f'echo "{line}" > {MODULE_OPTIONS}'
    kept = persistence.keep(settings, host)
    return (*commands, options, *kept.commands), (*notes, *kept.notes)
