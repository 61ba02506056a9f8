"""Pieces of shell commands: everything that comes from a table or a name is quoted here."""

from __future__ import annotations

import re
import shlex
from typing import Final

from halftrack.evidence.literals import literal

_ODD: Final = re.compile(r"[^!-~]+")


def word(text: str) -> str:
    """One argument, quoted where the shell would read anything into it."""
    return shlex.quote(text)


def comment(text: str) -> str:
    """A comment line; whatever is in the text cannot end it."""
    return f"# {' '.join(_ODD.sub(' ', text).split())}"


def written(path: str, body: str, *, expand: bool = False) -> str:
    """A command that writes a whole file. ``expand``: variables in the body are filled in."""
    mark = "EOF" if expand else "'EOF'"
    return f"cat > {word(path)} <<{mark}\n{body.rstrip()}\nEOF"


class Addresses:
    """Addresses as commands spell them: real ones as they are, masked ones as variables to fill in.

    ``assignments`` are the lines that go before the commands, in the order in which the masked
    addresses were first asked for.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def spell(self, address: str) -> str:
        """The address as a shell argument."""
        try:
            return str(literal(address))
        except ValueError:
            name = self._names.setdefault(address, f"ADDR_{len(self._names) + 1}")
            return f'"${{{name}:?}}"'

    def spell_bare(self, address: str) -> str:
        """The address inside a file that the shell expands: no quotes."""
        return self.spell(address).strip('"')

    @property
    def assignments(self) -> tuple[str, ...]:
        return tuple(
            f"{name}=    {comment(f'the address shown as {shown}')}" for shown, name in self._names.items()
        )

    def __bool__(self) -> bool:
        return bool(self._names)
