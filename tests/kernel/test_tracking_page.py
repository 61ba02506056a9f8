"""What the page "How the kernel tracks TCP" claims, of the kernel that runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.tcp.profiles import PRESENT
from kernel.campaigns import PROFILE
from kernel.talking_past import TalkingPast
from kernel.wire import tracked_wire
from tracking.page import CLAIMS, MODEL_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def talk() -> Iterator[TalkingPast]:
    with tracked_wire("page") as wire:
        made = TalkingPast(wire)
        yield made
        made.exchange.close()


@pytest.mark.skipif(PROFILE is not PRESENT, reason="the page is about kernels from 6.1 on")
@pytest.mark.parametrize("name", sorted(CLAIMS.keys() - MODEL_ONLY))
def test_the_running_kernel_does_what_the_page_claims(talk: TalkingPast, name: str) -> None:
    CLAIMS[name](talk)
