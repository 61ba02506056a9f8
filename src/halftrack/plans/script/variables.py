"""Masked addresses of a plan as variables at the top of its script: written there, and filled in later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.plans.words import VARIABLE, comment

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN: Final = "the address shown as"
_EMPTY: Final = re.compile(
    rf"^(?P<name>{VARIABLE})=''(?P<words> +# {_SHOWN} )(?P<shown>[0-9a-fA-F:.]+)$", re.ASCII | re.MULTILINE
)


def assignments(variables: Mapping[str, str]) -> list[str]:
    """Lines, one for each. ``variables``: by name, how the source shows the address."""
    return [f"{name}=''    {comment(f'{_SHOWN} {shown}')}" for name, shown in variables.items()]


def filled_in(masked: str, text: str) -> str:
    """``text`` with the addresses that it shows in such lines as their values.

    ``masked``: the same before its stand-ins were replaced; what is shown as it was there stays empty.
    """
    stand_ins = {found["name"]: found["shown"] for found in _EMPTY.finditer(masked)}

    def filled(found: re.Match[str]) -> str:
        known = stand_ins.get(found["name"]) != found["shown"]
        return f"{found['name']}='{found['shown']}'{found['words']}{found['shown']}" if known else found[0]

    return _EMPTY.sub(filled, text)
