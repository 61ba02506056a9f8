"""What makes a plan hold over a reboot: where our files are, and what several steps want of them as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.plans.actions import Persist

if TYPE_CHECKING:
    from collections.abc import Iterable

DROP_IN: Final = "/etc/sysctl.d/90-halftrack.conf"
MODULES: Final = "/etc/modules-load.d/halftrack.conf"
MODULE_OPTIONS: Final = "/etc/modprobe.d/halftrack.conf"
RULES: Final = "/etc/halftrack/rules.nft"
RULES_OF_EACH: Final = "/etc/halftrack/rules.d"
"""A directory, where rules are put in by somebody else's tasks or by hand, a file for each."""
UNIT: Final = "halftrack-rules.service"


ALL_RULES: Final = f"""\
table inet halftrack
delete table inet halftrack
include "{RULES_OF_EACH}/*.nft"
"""
"""What ``RULES`` holds then: the table is replaced as a whole, in one transaction."""
_UNIT_FILE: Final = """\
[Unit]
Description=Packet-filter rules of Halftrack
After={after}
PartOf={after}
ReloadPropagatedFrom={after}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={load}
ExecReload={load}

[Install]
WantedBy=multi-user.target {after}
"""


def unit(load: str, after: str) -> str:
    """A unit that loads rules of ours. ``after``: that of the admin's rules; their reload is ours, too."""
    return _UNIT_FILE.format(load=load.replace("$", "$$"), after=after)  # systemd expands $ itself


def module_option(buckets: int | str) -> str:
    """The line that gives the hash its size when the module is loaded."""
    return f"options nf_conntrack hashsize={buckets}"


def together(wanted: Iterable[Persist]) -> Persist:
    """As one: each file is written once. Of several sizes of the hash the largest counts."""
    parts = list(wanted)
    return Persist(
        settings={name: value for each in parts for name, value in each.settings.items()},
        module=any(each.module for each in parts),
        rules=any(each.rules for each in parts),
        hashsize=max((each.hashsize for each in parts if each.hashsize is not None), default=None),
    )
