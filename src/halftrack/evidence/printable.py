"""Text of unknown origin, made fit for one line of a screen."""

from __future__ import annotations


def escaped(text: str, most: int | None = None, *, ascii_only: bool = False) -> str:
    r"""The text with what is not one plain character spelled out: ``\x1b``, ``\n``, ``\u202e``.

    That is what a terminal would obey, what turns text around and what does not show; with
    ``ascii_only`` all that is not ASCII. Longer than ``most`` characters, it ends in ``...``.
    """
    if most is not None:
        text = text[: most + 1]
    if not text.isprintable() or (ascii_only and not text.isascii()):
        text = "".join(
            one if one.isprintable() and (one.isascii() or not ascii_only) else _spelled(one) for one in text
        )
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
