"""Selections of a drain as options of conntrack(8), and what the script has to know of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.plans import words
from halftrack.tcp.timeouts import SAFE_ESTABLISHED

if TYPE_CHECKING:
    from halftrack.plans.actions import Selection
    from halftrack.plans.words import Spelling

ADDRESS_OPTIONS: Final = {"orig_src": "-s", "orig_dst": "-d", "reply_src": "-r", "reply_dst": "-q"}
PORT_OPTIONS: Final = {
    "orig_sport": "--orig-port-src",
    "orig_dport": "--orig-port-dst",
    "reply_sport": "--reply-port-src",
    "reply_dport": "--reply-port-dst",
}
OURS_IS_SOURCE: Final = ("orig_src", "reply_dst")
_OPENING: Final = ("NONE", "SYN_SENT", "SYN_RECV", "SYN_SENT2")
_FAR_OF_PORT: Final = ("orig_dst", "reply_src")
"""With the service's port as destination of the original direction, these are the service's own."""


def may_be_opening(chosen: Selection) -> bool:
    """Whether a connection that is being made looks like this: unanswered too, and gone soon by itself."""
    return chosen.proof == "unanswered" and chosen.state in _OPENING


def options(chosen: Selection, spelling: Spelling) -> list[str]:
    """Words for the shell. Raises ValueError where an address, a port, a protocol or a state is none."""
    state = chosen.state
    if state is not None and state not in uapi.TCP_STATES:
        raise ValueError(f"{state!r} is no state of TCP")
    found = ["-f", chosen.family, "-p", words.protocol(chosen.protocol)]
    found += [] if state is None else ["--state", state]
    found += [ADDRESS_OPTIONS[chosen.address_at], spelling.word(chosen.address)]
    if chosen.port_at is not None and chosen.port is not None:
        found += [PORT_OPTIONS[chosen.port_at], words.port(chosen.port)]
    return found


def values(chosen: Selection, seconds: int) -> dict[str, str]:
    """Variables of the script's function to their values; ``seconds``: what the drain leaves an entry."""
    return {
        "proof": chosen.proof,
        "planned": str(chosen.entries),
        "others": str(chosen.others),
        "seconds": str(max(seconds, SAFE_ESTABLISHED) if chosen.proof == "silent" else seconds),
        "silent_below": "" if chosen.silent_below_s is None else str(chosen.silent_below_s),
        "longest": "" if chosen.longest_s is None else str(chosen.longest_s),
        "family": chosen.family,
        "protocol": chosen.protocol,
        "state": chosen.state or "",
        "peer": "dst" if chosen.address_at in OURS_IS_SOURCE else "src",
        "socket_end": _socket_end(chosen),
    }


def _socket_end(chosen: Selection) -> str:
    """A filter of ss(8) for sockets at the service's end; empty where the port is not known."""
    if chosen.port_at is None or chosen.port is None:
        return ""
    near = chosen.port_at in {"orig_sport", "reply_sport"} or chosen.address_at in _FAR_OF_PORT
    return f"{'sport' if near else 'dport'} = :{chosen.port}"
