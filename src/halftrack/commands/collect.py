"""``halftrack collect [-o FILE]``: all evidence of this node as one bundle, for a doctor elsewhere."""

from __future__ import annotations

import io
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from halftrack import __version__, collecting
from halftrack.commands import durations, options, output, saving
from halftrack.errors import UsageError

if TYPE_CHECKING:
    from halftrack.commands.options import Options
    from halftrack.evidence.values import Evidence


@click.command(
    "collect",
    help="Writes all that the doctor would look at on this node into one file: `halftrack doctor FILE` then"
    " gives, anywhere, what it would have given here. Reads only. The file holds addresses, names of"
    " containers and sockets: it is for its owner's eyes only until you give it away. --mask replaces"
    " addresses and names, in every spelling, by stand-ins that keep their relations, and writes beside it"
    " the map that unmask takes. Names of processes, chains, sets and interfaces stay, but for such names in"
    " them; so do ports, times, counters and settings.",
)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    help="Where to; - for standard output. Without it: halftrack-NODE-TIME.tgz here.",
)
@click.option("--listen", metavar="TIME", help="Also hear for so long which entries begin, e.g. 30s.")
@click.option(
    "--script",
    is_flag=True,
    help="Print a POSIX sh script that does this where nothing may be installed:"
    " ssh NODE sh -s < SCRIPT > FILE.",
)
@click.option("--mask", is_flag=True, help="Replace addresses, names of hosts and containers, and comments.")
@click.option(
    "--map",
    "map_name",
    metavar="FILE",
    help="With --mask: where the map goes, else BUNDLE.map; or one that is there, to use it again.",
)
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    help="With --mask: a bundle, what the script collected, or an sos report, instead of this node.",
)
@options.shared(*options.DOCUMENT, "netns", "root", "budget", "quiet")
@click.pass_context
def command(
    context: click.Context,
    target: str | None,
    listen: str | None,
    map_name: str | None,
    source: str | None,
    *,
    script: bool,
    mask: bool,
) -> int:
    given = options.given(context)
    if target == "":
        raise UsageError("-o FILE: the name is empty")
    if not mask and (map_name is not None or source is not None):
        raise UsageError("--map and --from go with --mask")
    if script:
        alone = (listen, map_name, source, given.netns) == (None,) * 4 and not given.assume
        return _script(target, given, alone=alone, mask=mask)
    if given.assume:
        raise UsageError("--assume is for what a file does not say: collect looks at the node")
    if target == "-" and output.is_terminal():
        raise UsageError("the bundle is no text: -o FILE, or pipe it somewhere")
    heard_s = None if listen is None else durations.listening(listen)
    if mask:
        return _masked(target, map_name, source, given, heard_s)
    from halftrack.commands import doctor  # noqa: PLC0415  # --help needs none of it

    seen = _with_rules(doctor.seen((), given, heard_s))
    data = packed(seen)
    saving.put(data, target or _name(seen))
    if target != "-":
        output.write(_told(seen, Path(target or _name(seen)), len(data), given))
    return 0


def _masked(
    target: str | None, map_name: str | None, source: str | None, given: Options, heard_s: int | None
) -> int:
    from halftrack.commands import doctor, masking  # noqa: PLC0415  # as above

    if source is not None and heard_s is not None:
        raise UsageError("--listen is for the live node: a file says nothing more")
    place = target or f"halftrack-masked{datetime.now(UTC):-%Y%m%d-%H%M%S}.tgz"
    map_path, known = masking.map_beside(place, map_name)
    seen = doctor.seen((source,) if source else (), given, heard_s)
    seen = seen if source else _with_rules(seen)
    size = 0

    def written(data: bytes) -> None:
        nonlocal size
        size = len(data)
        saving.put(data, place)

    found = masking.masked(seen, map_path, known, packed, written)
    if target != "-":
        output.write(_told(found, Path(place), size, given, map_path))
    return 0


def _script(target: str | None, given: Options, *, alone: bool, mask: bool) -> int:
    """The script as it is: it takes no words of ours."""
    if not alone:
        raise UsageError(
            "--script prints a script that looks at the whole node: only -o and --mask go with it"
        )
    text = collecting.script()
    if mask:
        from halftrack.masking.names import PLAIN  # noqa: PLC0415  # brings all of masking

        text = collecting.script(PLAIN)
    saving.put(text, target)
    if target is None or target == "-":
        return 0
    written = shlex.quote(target)
    output.message(f"run it by: ssh NODE sh -s < {written} > node.collected", given)
    output.message(f"read that by: {output.program()} doctor node.collected", given)
    if mask:
        output.message(
            "the map stays on the node, and unmask takes it there or wherever it was copied", given
        )
    return 0


def _with_rules(seen: Evidence) -> Evidence:
    """A plan goes by them."""
    from halftrack.live import rules  # noqa: PLC0415  # likewise

    return rules.added(seen)


def packed(seen: Evidence) -> bytes:
    """As a bundle."""
    from halftrack.formats import bundle  # noqa: PLC0415  # heavy

    file = io.BytesIO()
    bundle.write(seen, f"halftrack {__version__}, python {sys.version.split()[0]}", file)
    return file.getvalue()


def _name(seen: Evidence) -> str:
    node = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in seen.node).strip(".-")
    at = f"{seen.taken_at:-%Y%m%d-%H%M%S}" if seen.taken_at is not None else ""
    return f"halftrack-{node[:64] or 'node'}{at}.tgz"


def _told(seen: Evidence, path: Path, size: int, given: Options, map_path: Path | None = None) -> bytes:
    """What is in it, and what could not be had."""
    from halftrack.reporters import collected  # noqa: PLC0415  # likewise

    if given.document:
        return output.document(collected.document(seen, path, map_path), given)
    return collected.text(seen, path, size, output.program()).encode()
