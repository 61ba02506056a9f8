"""Rules of our own that come back after a boot: in files, loaded by a unit of systemd.

All rules of the node's namespace that stand by our changes are written together, never the
admin's ruleset. The unit starts after whoever loads that, and again when that is loaded anew.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import journal, places
from halftrack.changes.writes import files, links
from halftrack.changes.writes.files import FileWrite
from halftrack.changes.writes.iptables import IptablesWrite
from halftrack.changes.writes.nft import NftWrite
from halftrack.changes.writes.policy import PolicyWrite
from halftrack.errors import FeatureMissing, HalftrackError
from halftrack.evidence import uapi
from halftrack.kernel import identity, sysctl_files, tools
from halftrack.plans.actions import AddRules, TimeoutPolicy
from halftrack.plans.lasting import RULES, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.changes.writes.kinds import AnyWrite
    from halftrack.changes.writes.links import LinkWrite
    from halftrack.plans.document import Plan

_HEAD: Final = "# Written by halftrack: the rules of its changes, see `halftrack changes`.\n"
_ANEW: Final = "table inet halftrack\ndelete table inet halftrack\n"
"""In one transaction with what follows: loading it again changes nothing."""
_RULES_OF: Final = {
    "nft": ("nftables.service",),
    "iptables": ("iptables.service", "ip6tables.service", "netfilter-persistent.service"),
}
"""Who loads the admin's rules."""


def check(plan: Plan) -> None:
    """Raise FeatureMissing where a plan's rules cannot be made to come back."""
    if not sysctl_files.uses_systemd(places.etc().parent):
        raise FeatureMissing(
            "rules come back after a boot by a unit of systemd, which does not run here;"
            " --until-reboot does without"
        )
    if any(
        isinstance(action, AddRules) and action.tool == "iptables" and isinstance(action.rule, TimeoutPolicy)
        for step in plan.steps
        for action in step.actions
    ):
        _nfct()


def writes() -> list[FileWrite | LinkWrite]:
    """The files for all rules that stand now. Raises HalftrackError, also where nft would not load them."""
    standing = list(_standing())
    ours = places.config()
    texts = {
        ours / Path(RULES).name: "\n".join(write.text for write in standing if isinstance(write, NftWrite))
    }
    for family in ("ip", "ip6"):
        chains = [one.text for one in standing if isinstance(one, IptablesWrite) and one.family == family]
        texts[ours / f"rules.{family}tables"] = "".join(chains)
    loads = [_policy(write) for write in standing if isinstance(write, PolicyWrite)]
    found: list[FileWrite | LinkWrite] = []
    for path, text in texts.items():
        if text:
            whole = _HEAD + (_ANEW if path.suffix == ".nft" else "") + text + "\n"
            _check(path, whole)
            loads.append(_load(path, standing))
            found.append(files.prepare(path, whole.encode()))
    if loads:
        found += _unit(loads)
    return [write for write in found if not _is_there(write)]


def announce(writes: Iterable[AnyWrite]) -> None:
    """Tell a running systemd of our unit, where one of these writes was to it; it holds at boot anyway.

    Started, it loads its rules again whenever the admin's are loaded anew. For iptables that would
    add the jumps once more to those that stand, so there it waits for the boot.
    """
    if UNIT not in {Path(write.path).name for write in writes if isinstance(write, FileWrite)}:
        return
    if places.etc() != Path("/etc") or not sysctl_files.uses_systemd(Path("/")):
        return
    tools.attempt(["systemctl", "daemon-reload"])
    with contextlib.suppress(HalftrackError, OSError):  # a damaged journal: it is told of at its own place
        standing = list(_standing())
        if standing and all(isinstance(write, NftWrite) for write in standing):
            tools.attempt(["systemctl", "start", UNIT])


def _standing() -> Iterator[AnyWrite]:
    """Rules of the node's own namespace that changes have made and nobody has undone, oldest first.

    Without those of changes that were to hold until a boot that has been since.
    """
    boot = identity.boot()
    found: dict[str, AnyWrite] = {}
    for _, folded in reversed(list(journal.every())):
        if folded.undone or (not folded.begun.lasting and folded.begun.boot != boot):
            continue
        for entry in folded.standing:
            if isinstance(entry.write, (NftWrite, IptablesWrite, PolicyWrite)) and entry.write.space.host:
                found[entry.write.key] = entry.write
    yield from found.values()


def _nfct() -> str:
    """The program that makes timeout policies again at boot. Raises FeatureMissing."""
    found = tools.find("nfct")
    if found is None:
        raise FeatureMissing(
            "timeout policies of iptables come back after a boot by nfct (Debian: package nfct, Red Hat:"
            " conntrack-tools), which is not here; --until-reboot does without"
        )
    return str(found)


def _policy(write: PolicyWrite) -> str:
    """One that is there already is no failure: where rules are loaded anew, they still use it."""
    family = "inet6" if write.family == uapi.AF_INET6 else "inet"
    times = " ".join(f"{state} {seconds}" for state, seconds in write.timeouts.items())
    return f"-{_nfct()} add timeout {write.name} {family} tcp {times}"


def _check(path: Path, text: str) -> None:
    if path.suffix == ".nft":
        tools.run(["nft", "-c", "-f", "-"], text)


def _load(path: Path, standing: list[AnyWrite]) -> str:
    if path.suffix == ".nft":
        return f"{tools.find('nft')} -f {path}"
    family = "ip6" if path.suffix == ".ip6tables" else "ip"
    flavour = next(one.flavour for one in standing if isinstance(one, IptablesWrite) and one.family == family)
    name = f"{family}tables-{flavour}-restore"
    return f"{tools.find(name) or tools.find(f'{family}tables-restore')} --noflush --wait 5 {path}"


def _unit(loads: list[str]) -> list[FileWrite | LinkWrite]:
    nft = any(load.endswith(".nft") for load in loads)
    after = " ".join((*(_RULES_OF["nft"] if nft else ()), *_RULES_OF["iptables"]))
    # iptables-restore adds: only nft may be told to load its rules once more.
    again = f"ReloadPropagatedFrom={_RULES_OF['nft'][0]}\n" if nft and len(loads) == 1 else ""
    reload = f"ExecReload={loads[0]}\n" if again else ""
    starts = "".join(f"ExecStart={load}\n" for load in loads)
    text = (
        f"{_HEAD}[Unit]\nDescription=Packet-filter rules of Halftrack\n"
        f"After={after} firewalld.service ufw.service\nPartOf={after}\n{again}"
        f"\n[Service]\nType=oneshot\nRemainAfterExit=yes\n{starts}{reload}"
        f"\n[Install]\nWantedBy=multi-user.target\n"
    )
    units = places.etc() / "systemd/system"
    return [
        files.prepare(units / UNIT, text.encode()),
        links.prepare(units / "multi-user.target.wants" / UNIT, str(units / UNIT)),
    ]


def _is_there(write: FileWrite | LinkWrite) -> bool:
    """Whether it would be rewritten with what it holds."""
    before, after = write.before, write.after
    if isinstance(before, files.Content) and isinstance(after, files.Content):
        return before.data == after.data
    return before == after
