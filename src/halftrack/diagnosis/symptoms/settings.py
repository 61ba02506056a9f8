"""settings: what is set so that trouble can come, or is not set as somebody believes.

Advice for later: never a warning by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import EnabledBy, Finding
from halftrack.evidence import sysctls
from halftrack.evidence.values import KUBE_PROXY, OWN
from halftrack.tcp import releases, timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.document import TableSummary
    from halftrack.evidence.sysctls import SysctlLine
    from halftrack.evidence.values import Evidence, Firewall, Table

_DAY_S: Final = 86_400
_MODULE_KEYS: Final = (sysctls.PREFIX, "net.nf_conntrack_", sysctls.LEGACY_PREFIX)
_KUBE_PROXY: Final = frozenset(
    sysctls.PREFIX + name
    for name in ("max", "tcp_timeout_established", "tcp_timeout_close_wait", "tcp_be_liberal")
)
"""What kube-proxy writes at each of its starts (its flags ``--conntrack-*``)."""
_SAME: Final = {"net.nf_conntrack_max": sysctls.PREFIX + "max"}


@dataclass(frozen=True, slots=True)
class _Issue:
    title: str
    setting: EnabledBy


@dataclass(frozen=True, slots=True)
class Settings:
    slug: str = "settings"

    def find(
        self,
        evidence: Evidence,
        summaries: Sequence[TableSummary],  # noqa: ARG002  # other conditions need them
    ) -> tuple[Finding, ...]:
        table = next((each for each in evidence.tables if each.settings), None)
        if table is None:
            return ()
        issues = [*_files(evidence, table), *_values(evidence, table)]
        if not issues:
            return ()
        others = len(issues) - 1
        return (
            Finding(
                id=f"{self.slug}/{table.netns}",
                symptom=self.slug,
                severity="info",
                title=issues[0].title,
                entries=0,
                explanation=f"And {words.count(others, 'more setting')} to look at." if others else "",
                enabled_by=tuple(issue.setting for issue in issues),
            ),
        )


def _values(evidence: Evidence, table: Table) -> Iterator[_Issue]:
    """Settings whose value lets entries pile up."""
    features = releases.features(evidence.kernel)
    known = timeouts.resolve(table.settings, features)

    def issue(name: str, title: str, why: str) -> _Issue:
        text = timeouts.setting(table.settings, name)
        return _Issue(title, EnabledBy(setting=sysctls.PREFIX + name, value=text, why=why))

    raised = [
        known.known(name)
        for name in (timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS)
        if (known.known(name) or 0) > timeouts.DEFAULTS[name]
    ]
    if len(raised) == 2 and features.clamps_one_sided:
        kept = words.duration(min(each for each in raised if each))
        yield issue(
            timeouts.UNACKNOWLEDGED,
            f"one-sided entries stay {kept}: two timeouts were raised together.",
            "with tcp_timeout_max_retrans raised as well, this kernel no longer cuts one-sided entries short",
        )
    established = known.known(timeouts.ESTABLISHED)
    if established is not None and established >= _DAY_S:
        default = " (the default)" if established == timeouts.FIVE_DAYS else ""
        yield issue(
            timeouts.ESTABLISHED,
            f"established timeout is {words.duration(established)}{default}.",
            f"what ends unseen stays {words.duration(established)};"
            f" {timeouts.SAFE_ESTABLISHED} is above every keepalive of two hours",
        )
    if (timeouts.whole(timeouts.setting(table.settings, "tcp_loose")) or 0) > 0:
        yield issue(
            "tcp_loose",
            "connections are picked up in mid-stream (tcp_loose, the default).",
            "a bare packet of a connection that is not in the table opens an entry",
        )
    if timeouts.whole(timeouts.setting(table.settings, "tcp_be_liberal")):
        yield issue(
            "tcp_be_liberal",
            "packets outside the window are accepted (tcp_be_liberal).",
            "the tracker believes every RST and no longer sees what is out of window",
        )


def _files(evidence: Evidence, table: Table) -> Iterator[_Issue]:
    """Settings that the files, boot order or another manager leave other than they are believed to be."""
    lines = evidence.sysctl_lines
    if not lines or table.netns not in OWN:
        return
    by_name: dict[str, list[SysctlLine]] = {}
    for line in lines:
        by_name.setdefault(_SAME.get(line.name, line.name), []).append(line)
    for name, assigned in by_name.items():
        last = assigned[-1]
        values = {" ".join(line.value.split()) for line in assigned}
        running = table.settings.get(name)
        if len(values) > 1:
            where = ", ".join(f"{line.file}:{line.line} = {line.value}" for line in assigned)
            yield _Issue(
                f"{name} is set {len(assigned)} times with different values.",
                EnabledBy(setting=name, value=running, why=f"the last line read at boot wins: {where}"),
            )
        if running is not None and " ".join(running.split()) != " ".join(last.value.split()):
            yield _Issue(
                f"{name} is {running}, not {last.value} as {last.file} says.",
                EnabledBy(
                    setting=name,
                    value=running,
                    why=f"{last.file}:{last.line} says {last.value}: {_why_other(name, evidence.firewall)}",
                ),
            )
        elif name in _KUBE_PROXY and KUBE_PROXY in evidence.firewall.managers:
            yield _Issue(
                f"{name} belongs to kube-proxy: {last.file} is undone at its next start.",
                EnabledBy(setting=name, value=running, why="kube-proxy writes it at each start"),
            )
    yield from _lost_at_boot(evidence, table, by_name)


def _why_other(name: str, firewall: Firewall) -> str:
    if name in _KUBE_PROXY and KUBE_PROXY in firewall.managers:
        return "kube-proxy writes it at each start"
    if firewall.module_loaded_at_boot is False and name.startswith(_MODULE_KEYS):
        return "the files were read before the module was loaded, so the line was lost"
    return "changed by hand or by another manager since, or the file was never applied"


def _lost_at_boot(evidence: Evidence, table: Table, names: dict[str, list[SysctlLine]]) -> Iterator[_Issue]:
    if evidence.firewall.module_loaded_at_boot is not False or not evidence.firewall.systemd:
        return
    lost = next((name for name in names if name.startswith(_MODULE_KEYS)), None)
    if lost is not None:
        yield _Issue(
            "sysctl lines for connection tracking are lost at boot: the module is loaded later.",
            EnabledBy(
                setting=lost,
                value=table.settings.get(lost),
                why="modules-load.d does not name nf_conntrack: its keys do not exist when sysctl.d is read",
            ),
        )


SYMPTOM: Final = Settings()
