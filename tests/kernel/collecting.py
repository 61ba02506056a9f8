"""Running the collecting script: under the shells that nodes have, and where nothing else is to be seen.

And the doctor, on what it printed.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, Final

from halftrack import collecting
from kernel.running import piped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCRIPT: Final = collecting.script()
SHELLS: Final = {
    "dash": ["dash", "-s"],
    "bash": ["bash", "--posix", "-s"],
    "busybox": ["busybox", "sh", "-s"],
    "mksh": ["mksh", "-s"],
    "yash": ["yash", "-s"],
}
"""What reads the script from standard input."""
_ALONE: Final = """
umount -R /run/netns 2>/dev/null
exec "$@"
"""


def alone(words: Sequence[str], netns: str | None = None) -> list[str]:
    """A command that sees its own processes and network namespace alone; a new one where ``netns`` is None."""
    inside = ["ip", "netns", "exec", netns] if netns else ["unshare", "-n"]
    return [*inside, "unshare", "-mpf", "--mount-proc", "sh", "-c", _ALONE, "sh", *words]


def collected(
    shell: Sequence[str], env: Mapping[str, str] | None = None, **seconds: int
) -> subprocess.CompletedProcess[bytes]:
    """``env``: instead of this process's own; ``seconds``: SECONDS, BETWEEN."""
    settings = {"HALFTRACK_BETWEEN": "1"} | {
        f"HALFTRACK_{name}": str(value) for name, value in seconds.items()
    }
    return subprocess.run(
        shell,
        input=SCRIPT,
        capture_output=True,
        check=False,
        timeout=120,
        env={**(os.environ if env is None else env), **settings},
    )


def doctor(*words: str, stdin: bytes | None = None) -> dict[str, Any]:
    done = piped("doctor", *words, "--json", stdin=stdin)
    assert done.returncode < 4, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def essence(document: dict[str, Any], netns: str) -> list[Any]:
    """Of the findings of one namespace, what somebody goes by."""
    return sorted(
        (
            finding["symptom"],
            finding["severity"],
            finding["entries"],
            [(group["service"], group["entries"], group["side"]) for group in finding["groups"]],
            [advice["remedy"] for advice in finding["remedies"]],
        )
        for finding in document["findings"]
        if any(group["netns"] == netns for group in finding["groups"])
    )
