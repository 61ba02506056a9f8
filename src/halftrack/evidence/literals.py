"""Addresses as text, before anything is built of them, and with a port behind them."""

from __future__ import annotations

import ipaddress


def literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a text is. Raises ValueError where it is none, or has a scope.

    After ``%``, ipaddress lets any text pass, and gives it back: whoever put the address into a
    command would put that in too.
    """
    if "%" in text:
        raise ValueError(f"{text!r} is not an address alone")
    return ipaddress.ip_address(text)


def end(address: str, port: int) -> str:
    """As a URL has it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
