"""Running nft, iptables and systemctl: by argument lists, in a clean environment, for a bounded time.

A tool runs in the network namespace of the calling thread.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from halftrack.errors import Busy, FeatureMissing, HalftrackError, PermissionMissing
from halftrack.evidence.printable import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHIN_S: Final = 30.0
PATH: Final = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
_DENIED: Final = ("operation not permitted", "permission denied", "you must be root")
_LONGEST_TOLD: Final = 200


class Refused(HalftrackError):
    """The tool or the kernel behind it did not take what it was given."""

    exit_code = 76


def find(name: str) -> str | None:
    """Where a tool is; None where it is not installed. Nobody's PATH is believed."""
    return shutil.which(name, path=PATH)


def run(words: Sequence[str], stdin: str = "") -> str:
    """What the tool prints. Raises FeatureMissing, PermissionMissing, Busy, Refused."""
    program = find(words[0])
    if program is None:
        raise FeatureMissing(f"{words[0]} is not installed here")
    try:
        done = subprocess.run(  # noqa: S603  # no shell; words are our own or checked before
            [program, *words[1:]],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=_WITHIN_S,
            env={"PATH": PATH, "LC_ALL": "C"},
            cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise Busy(f"{words[0]} did not answer within {_WITHIN_S:.0f} s") from error
    except OSError as error:
        raise FeatureMissing(f"{words[0]} cannot be run: {os.strerror(error.errno or 0)}") from error
    if done.returncode:
        raise _failed(words[0], done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


def attempt(words: Sequence[str]) -> bool:
    """Run what may as well fail; whether it did not."""
    try:
        run(words)
    except HalftrackError:
        return False
    return True


def _failed(name: str, said: str) -> HalftrackError:
    lines = [line for line in said.splitlines() if line.strip(" ^~\t")]
    told = escaped(" ".join(lines[:2]))[:_LONGEST_TOLD] or "no reason given"
    if any(sign in said.lower() for sign in _DENIED):
        return PermissionMissing(f"{name} may not change rules here: needs CAP_NET_ADMIN ({told})")
    return Refused(f"{name} refused: {told}")
