"""What the page "How the kernel tracks TCP" claims: a function for each claim, under the claim's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracking.talk import Talk

    Claim = Callable[[Talk], None]

CLAIMS: Final[dict[str, Claim]] = {}
"""By the name that stands in the page."""
MODEL_ONLY: Final[set[str]] = set()
"""Of what takes more than one connection in a namespace to show; the running kernel is asked elsewhere."""


def claim(function: Claim) -> Claim:
    """Named after its function, with hyphens."""
    CLAIMS[function.__name__.replace("_", "-")] = function
    return function


def model_only(function: Claim) -> Claim:
    MODEL_ONLY.add(function.__name__.replace("_", "-"))
    return claim(function)
