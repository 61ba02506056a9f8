"""Addresses in every spelling that a node has, networks, and texts with a mask over them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from halftrack.masking import key as maps
from halftrack.masking import kinds, tables

if TYPE_CHECKING:
    from collections.abc import Callable

V4 = st.integers(1 << 24, (224 << 24) - 1).filter(lambda each: each >> 24 != 127).map(ipaddress.IPv4Address)
V6 = st.one_of(
    st.integers(0x20 << 120, (0x30 << 120) - 1),
    st.integers(0xFC << 120, (0xFE << 120) - 1),
    # The first of them stands for all that are link-local.
    st.integers((0xFE80 << 112) + 1, (0xFE80 << 112) + (1 << 64) - 1),
).map(ipaddress.IPv6Address)


def _words(address: int, size: int) -> str:
    """As a little-endian kernel prints it."""
    raw = address.to_bytes(size, "big")
    return "".join(raw[at : at + 4][::-1].hex() for at in range(0, size, 4)).upper()


FORMS_V4: dict[str, Callable[[ipaddress.IPv4Address], str]] = {
    "alone": str,
    "in an entry": lambda each: f"src={each} dst=1",
    "with a port": lambda each: f"{each}:8080",
    "as tcpdump writes it": lambda each: f"IP {each}.443 > ",
    "mapped": lambda each: f"::ffff:{each}",
    "mapped, in hexadecimal": lambda each: f"::ffff:{int(each) >> 16:x}:{int(each) & 0xFFFF:x}",
    "one of a network": lambda each: f"inet {each}/20 brd",
    "a network": lambda each: f"-s {ipaddress.ip_network((each, 22), strict=False)}",
    "with a mask": lambda each: f"{ipaddress.ip_network((each, 20), strict=False).with_netmask}",
    "alone with its length": lambda each: f"-d {each}/32",
    "of JSON": lambda each: f'{{"addr": "{ipaddress.ip_network((each, 12), strict=False)[0]}", "len": 12}}',
    "in a range": lambda each: f"{each}-{each + 7}",
    "in a sentence": lambda each: f"It was {each}.",
    "in /proc/net": lambda each: f"{_words(int(each), 4)}:1F90",
    "of IPVS": lambda each: f"TCP  {int(each):08X}:0050 rr",
    "as a payload": lambda each: f"0x{int(each):08x}",
    "of a machine": lambda each: "ip-" + str(each).replace(".", "-"),
    "turned round": lambda each: f"{'.'.join(reversed(str(each).split('.')))}.in-addr.arpa",
}
FORMS_V6: dict[str, Callable[[ipaddress.IPv6Address], str]] = {
    "compressed": str,
    "full": lambda each: f"src={each.exploded} dport=1",
    "upper case": lambda each: str(each).upper(),
    "with a port": lambda each: f"[{each}]:443",
    "behind a word": lambda each: f"listen:{each} ",
    "before a colon": lambda each: f"from {each}: refused",
    "with an interface": lambda each: f"{each}%eth0",
    "one of a network": lambda each: f"inet6 {each}/64 scope",
    "a network": lambda each: f"-s {ipaddress.ip_network((each, 48), strict=False)}",
    "of JSON": lambda each: f'{{"addr": "{ipaddress.ip_network((each, 44), strict=False)[0]}", "len": 44}}',
    "in /proc/net": lambda each: f"{_words(int(each), 16)}:1F90",
    "in if_inet6": lambda each: f"{int(each):032x} 02 40",
    "in a range": lambda each: f"{each}-{each + 7}",
}
NETWORKS = st.lists(
    st.tuples(st.one_of(V4, V6), st.integers(4, 31)).map(
        lambda each: kinds.network(kinds.number(str(each[0])), each[1] + (96 if each[0].version == 4 else 30))
    ),
    max_size=12,
)


def masked_text(*texts: str) -> tuple[list[str], maps.Key]:
    seen = tables.Collecting()
    for text in texts:
        seen.text(text)
    key = seen.key()
    of = tables.Substituting(key)
    return [of.text(text) for text in texts], key
