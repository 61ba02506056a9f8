"""``halftrack unmask FILE --map MAP``: originals for stand-ins, in a bundle or in whatever came back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import options, output, saving
from halftrack.commands.progress import progress
from halftrack.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from halftrack.masking.key import Key

_MOST_TEXT: Final = 256 << 20
"""What came back is read by people, mostly; it is in memory several times."""


@click.command(
    "unmask",
    help="Puts back what `halftrack collect --mask` replaced: in a masked bundle (which needs -o), or in any"
    " text that came back, such as an answer, a JSON document or a script. What is no stand-in stays.",
)
@click.argument("source", metavar="FILE")
@click.option("--map", "map_name", metavar="MAP", required=True, help="The map that collect --mask wrote.")
@click.option("-o", "--output", "target", metavar="FILE", help="Where to. Without it: standard output.")
@options.shared("quiet")
@click.pass_context
def command(context: click.Context, source: str, map_name: str, target: str | None) -> int:
    given = options.given(context)
    key = _key(map_name)
    if source == map_name:
        raise UsageError("FILE is the map itself")
    with progress("reading", given):
        data = _unmasked(source, key, map_name, named=target is not None)
    saving.put(data, target)
    return 0


def _unmasked(name: str, key: Key, map_name: str, *, named: bool) -> bytes:
    from halftrack import masking  # noqa: PLC0415  # heavy
    from halftrack.commands.collect import packed  # noqa: PLC0415  # likewise
    from halftrack.formats import bundle, collection  # noqa: PLC0415  # likewise
    from halftrack.formats.sources import source  # noqa: PLC0415  # likewise
    from halftrack.live import collected  # noqa: PLC0415  # likewise
    from halftrack.plans.script.variables import filled_in  # noqa: PLC0415  # likewise

    given = source(name, getattr(sys.stdin, "buffer", None))
    read = bundle.read if bundle.begins(given) else collected.read if collection.begins(given) else None
    if read is None:
        text = given.whole(_MOST_TEXT).decode("utf-8", "surrogateescape")
        found, left = masking.unmasked_text(text, key)
        if left:
            output.complain(f"{', '.join(left)}: not put back, as a shell would read more than a name in it")
        elif found == text:
            output.complain(f"{given.name} has no stand-in of {map_name} in it: it stays as it is")
        return filled_in(text, found).encode("utf-8", "surrogateescape")
    if not named and output.is_terminal():
        raise UsageError("the bundle is no text: -o FILE, or pipe it somewhere")
    evidence = read(given.chunks(), given.name)
    if evidence.input.masked == "none":
        raise UnreadableInput(f"{given.name} is not masked: there is nothing to undo")
    if masking.foreign(evidence, key):
        raise UnreadableInput(f"{map_name} is not the map of {given.name}: nothing was replaced")
    return packed(masking.unmasked(evidence, key))


def _key(name: str) -> Key:
    from halftrack.formats.sources import source  # noqa: PLC0415  # heavy
    from halftrack.masking import key  # noqa: PLC0415  # likewise

    given = source(name, getattr(sys.stdin, "buffer", None))
    return key.read(given.whole(key.LARGEST), given.name)
