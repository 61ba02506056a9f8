"""iptables-save and iptables-restore, of the flavour that holds a namespace's rules.

In the network namespace of the calling thread.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from halftrack.errors import FeatureMissing
from halftrack.evidence import uapi
from halftrack.evidence.rulesets import IPTABLES
from halftrack.kernel import cttimeout, files, nftables, survey, tools

Flavour = Literal["nft", "legacy"]
Family = Literal["ip", "ip6"]
NUMBERS: Final = {"ip": uapi.AF_INET, "ip6": uapi.AF_INET6}
_NAMES: Final = {"ip": "ip_tables_names", "ip6": "ip6_tables_names"}
_POLICY: Final = re.compile(r"-j CT --timeout (\S{1,31})$", re.MULTILINE)
_WAIT_S: Final = "5"
FAMILIES: Final[tuple[Family, ...]] = ("ip", "ip6")
TABLES: Final = ("raw", "mangle", "nat", "filter", "security")
BY_IPTABLES: Final = frozenset((family, table) for family in FAMILIES for table in TABLES)
"""Tables that iptables-nft makes, as the kernel lists them."""
_INCOMPATIBLE: Final = re.compile(r"^# .*incompatible", re.MULTILINE)


def tool(family: Family) -> str:
    """``iptables`` or ``ip6tables``."""
    return IPTABLES[family]


def flavour(family: Family) -> Flavour:
    """The one that holds this namespace's rules; where there are none, what the tool is by itself.

    Raises FeatureMissing where iptables is not installed.
    """
    if legacy_tables(family):
        return "legacy"
    version = tools.run([IPTABLES[family], "-V"])
    return "nft" if "nf_tables" in version else "legacy"


def legacy_tables(family: Family) -> tuple[str, ...]:
    """Tables of iptables-legacy that are loaded here. Looking loads none."""
    return tuple((files.text(survey.net_directory() / _NAMES[family]) or "").split())


def save(family: Family, flavour: Flavour, table: str) -> list[str]:
    """Lines of iptables-save for one table, without counters; nothing where the table is not there."""
    if flavour == "legacy":
        if table not in legacy_tables(family):
            return []
    else:
        known = nftables.names()
        if known is not None and (family, table) not in known.tables:
            return []
    lines = tools.run([save_program(family, flavour), "-t", table]).splitlines()
    return [re.sub(r" \[\d+:\d+\]$", "", line) for line in lines]


def is_incompatible(text: str) -> bool:
    """Whether iptables-save says, in a comment, that a table has what iptables cannot have made."""
    return _INCOMPATIBLE.search(text) is not None


def restore(family: Family, flavour: Flavour, text: str) -> None:
    """Load without flushing what is there: all of a table or nothing of it."""
    tools.run([_program(family, flavour, "restore"), "--noflush", "--wait", _WAIT_S], text)


def check(family: Family, flavour: Flavour, text: str) -> None:
    """Raise HalftrackError where it would not be taken. Loads nothing."""
    tools.run([_program(family, flavour, "restore"), "--noflush", "--test"], text)


def policies(text: str) -> tuple[str, ...]:
    """Names of the timeout policies that rules of this text use."""
    return tuple(sorted(set(_POLICY.findall(text))))


def prepare(family: Family, text: str) -> None:
    """In a scratch namespace: make the policies that rules of this text name, so that they can be loaded."""
    for name in policies(text):
        cttimeout.add(name, cttimeout.Policy(NUMBERS[family], {"established": 1}))


def save_program(family: Family, flavour: Flavour) -> str:
    """The name of iptables-save for one flavour. Raises FeatureMissing."""
    return _program(family, flavour, "save")


def _program(family: Family, flavour: Flavour, what: str) -> str:
    """The tool of one flavour, by its own name or by the common one where that is it."""
    own = f"{IPTABLES[family]}-{flavour}-{what}"
    if tools.find(own) is not None:
        return own
    common = f"{IPTABLES[family]}-{what}"
    version = tools.run([common, "-V"]) if tools.find(common) else ""
    if version and ("nf_tables" in version) == (flavour == "nft"):
        return common
    raise FeatureMissing(f"{own} is not installed here")
