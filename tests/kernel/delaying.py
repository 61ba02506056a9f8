"""A long way between two namespaces: packets are carried by hand from one to the other, later."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.lab import carrying
from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Way:
    near: Netns
    far: Netns
    near_address: str
    far_address: str


@contextlib.contextmanager
def long_way(delay_s: float, near_address: str, far_address: str) -> Iterator[Way]:
    """Two namespaces between which a packet takes ``delay_s``, one way; gone afterwards."""
    with contextlib.ExitStack() as stack:
        near, far = stack.enter_context(scratch_netns("near")), stack.enter_context(scratch_netns("far"))
        one, other_one = (netns.call(lambda: carrying.open_tun("tun0")) for netns in (near, far))
        stack.enter_context(carrying.Carrier(one, other_one, delay_s))
        for netns, own, other in ((near, near_address, far_address), (far, far_address, near_address)):
            netns.run("ip", "address", "add", own, "peer", other, "dev", "tun0")
            netns.run("ip", "link", "set", "tun0", "up")
        yield Way(near, far, near_address, far_address)
