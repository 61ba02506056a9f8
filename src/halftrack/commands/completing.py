"""What a shell offers at a press of Tab where click does not know by itself (``deploy/completions``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own names of files."""
    return [CompletionItem(incomplete, type="file")]


def topics(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of ``explain``."""
    from halftrack import runbooks  # noqa: PLC0415  # only at a press of Tab

    return _those((topic.slug for topic in runbooks.topics()), incomplete)


def scenarios(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of ``lab``."""
    from halftrack.lab import SCENARIOS  # noqa: PLC0415  # only at a press of Tab

    return _those((one.name for one in SCENARIOS), incomplete)


def remedies(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of ``plan`` and ``fix``; a plan's file, as soon as what is typed begins no remedy."""
    from halftrack.planning.wanted import REMEDIES  # noqa: PLC0415  # only at a press of Tab

    return _those(REMEDIES, incomplete) or [CompletionItem(incomplete, type="file")]


def terms(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Words and fields of a filter."""
    from halftrack.diagnosis.filters.vocabulary import FIELDS, WORDS  # noqa: PLC0415  # only at a press of Tab

    return _those((*WORDS, *(f"{field}=" for field in FIELDS)), incomplete)


def _those(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]
