"""Commands that are printed to be typed next: they repeat what decided what was seen."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.commands import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options


def again(
    verb: str,
    sources: Sequence[str],
    given: Options,
    *more: str,
    words: Sequence[str] = (),
    here: bool | None = None,
) -> str | None:
    """``verb`` on the same as was looked at; None where that cannot be seen once more.

    ``sources``: named behind the verb, or as options among ``more``; none: this node. ``here``: as in
    ``program``, None: where nothing else is named.
    """
    if "-" in sources:
        return None
    named = [f"./{source}" if source.startswith("-") else source for source in sources]
    told = [verb, *words, *named, *more, *_options(given)]
    if here is None:
        here = not sources and not any(each.startswith("--") for each in more)
    return f"{program(here=here)} {shlex.join(told)}"


def program(*, here: bool) -> str:
    """``here``: it is about this node, and may need what sudo gave to this run."""
    sudo = "sudo " if here and os.environ.get("SUDO_USER") else ""
    return f"{sudo}{output.program()}"


def _options(given: Options) -> list[str]:
    told = []
    if given.netns is not None:
        told += ["--netns", given.netns]
    if given.root != Path("/"):
        told += ["--root", str(given.root)]
    if given.budget_s is not None:
        told += ["--budget", f"{given.budget_s:.0f}s"]
    for key, value in given.assume.items():
        told += ["--assume", f"{key}={value}"]
    return told
