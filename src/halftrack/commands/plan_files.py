"""A plan that somebody kept as a file, and the addresses that were masked where it was made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

_MOST_BYTES: Final = 16 << 20


def filled(plan: Plan, told: tuple[str, ...]) -> Plan:
    """The plan with the addresses that were told, each ``NAME=ADDRESS``. Raises UsageError."""
    if not told:
        return plan
    from halftrack.plans import filling  # noqa: PLC0415  # for plans with masked addresses only

    values = {}
    for each in told:
        name, equals, address = each.partition("=")
        if not equals:
            raise UsageError(f"--fill {each!a}: write --fill ADDR_1=203.0.113.73")
        values[name] = address
    try:
        return filling.filled(plan, values)
    except ValueError as error:
        raise UsageError(str(error)) from error


def read(name: str) -> Plan:
    """The plan in a file, ``-`` for standard input. Raises UsageError, UnreadableInput."""
    import msgspec  # noqa: PLC0415  # after what may be wrong with the words

    from halftrack.plans import document  # noqa: PLC0415  # likewise

    try:
        if name == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_MOST_BYTES)
        return document.decode(data)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {name!a}: halftrack plan -o {name!a} makes one") from error
    except OSError as error:
        raise UnreadableInput(f"{name!a} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableInput(f"{name!a} holds no plan: {error}") from error
    except ValueError as error:
        raise UnreadableInput(f"{name!a}: {error}") from error
