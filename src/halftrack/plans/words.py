"""Words of scripts and files: whatever a plan holds ends up quoted, as data, in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.literals import literal
from halftrack.evidence.printable import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = r"ADDR_[1-9][0-9]{0,3}"
"""Form of the name of a variable that stands for a masked address."""
_SYSCTL: Final = re.compile(
    r"net\.(?:(?:netfilter\.nf|ipv4\.netfilter\.ip)_conntrack_[a-z0-9_]{1,64}"
    r"|nf_conntrack_max|ipv4\.ip_conntrack_max|ipv4\.tcp_syncookies)"
)
"""What plans are about: a plan that came by mail is not to set anything else of a node."""
_VALUE: Final = re.compile(r"-?[0-9]{1,19}(?:[ \t]+-?[0-9]{1,19}){0,7}")
_NEW_VALUE: Final = re.compile(r"[0-9]{1,10}")
_LARGEST_VALUE: Final = (1 << 31) - 1
_PATH: Final = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.:@%+-]+)+")
_PROTOCOLS: Final = ("tcp", "udp", "sctp", "dccp", "udplite", "icmp", "icmpv6", "gre")
_LARGEST_PORT: Final = 65_535


def quoted(text: str) -> str:
    """One word for the shell, on one line; always in quotes."""
    plain = escaped(text, ascii_only=True)
    return "'" + plain.replace("'", "'\\''") + "'"


def comment(text: str) -> str:
    """A comment line; whatever is in the text cannot end it."""
    return f"# {escaped(text, ascii_only=True)}"


def sysctl(name: str) -> str:
    """The name with dots. Raises ValueError where it is none, or one that no plan has to set."""
    if not _SYSCTL.fullmatch(name):
        raise ValueError(f"{name!a} is not a sysctl that a plan sets")
    return name


def sysctl_path(name: str) -> str:
    """Where it is under /proc/sys."""
    return sysctl(name).replace(".", "/")


def value(text: str) -> str:
    """Whole numbers, set apart by single spaces, as they may be found. Raises ValueError."""
    if not _VALUE.fullmatch(text):
        raise ValueError(f"{text!a} is not a value of these settings")
    return " ".join(text.split())


def new_value(text: str) -> str:
    """One whole number, as these are to be set: the kernel takes a negative timeout for an endless one.

    Raises ValueError.
    """
    if not _NEW_VALUE.fullmatch(text) or int(text) > _LARGEST_VALUE:
        raise ValueError(f"{text!a} is not a value that a plan sets")
    return text


def path(text: str) -> str:
    """The path of a network namespace. Raises ValueError."""
    if not _PATH.fullmatch(text) or len(text) > 200:
        raise ValueError(f"{text!r} is not the path of a network namespace")
    return text


def protocol(text: str) -> str:
    if text not in _PROTOCOLS:
        raise ValueError(f"{text!r} is not a protocol that these rules can name")
    return text


def port(number: int) -> str:
    if not 0 < number <= _LARGEST_PORT:
        raise ValueError(f"{number} is not a port")
    return str(number)


class Spelling:
    """How addresses are spelled: as they are, or as the variables of the plan that stand for them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Raises ValueError where a variable's name is none of ours."""
        for name in variables:
            if not re.fullmatch(VARIABLE, name):
                raise ValueError(f"{name!r} is not the name of a variable")
        self.variables = variables

    def variable(self, address: str) -> str | None:
        """The variable's name where the address stands for one. Raises ValueError where it has no such."""
        if not address.startswith("$"):
            return None
        name = address[1:]
        if name not in self.variables:
            raise ValueError(f"{address!r} is no variable of this plan")
        return name

    def bare(self, address: str) -> str:
        """The address for text inside double quotes. Raises ValueError where it is none."""
        name = self.variable(address)
        if name is not None:
            return f"${{{name}}}"
        try:
            return str(literal(address))
        except ValueError:
            raise ValueError(f"{address!r} is not an address") from None

    def word(self, address: str) -> str:
        return f'"{self.bare(address)}"'


def double_quoted(text: str) -> str:
    """Text of our own making, with variables in it that the shell fills in; several lines stay so.

    Raises ValueError where it holds anything that means more inside double quotes.
    """
    if re.search(r"[\\`]|\$(?!\{ADDR_)", text) or not text.isascii():
        raise ValueError(f"not fit for a rule: {text!r}")
    return '"' + text.replace('"', '\\"') + '"'
