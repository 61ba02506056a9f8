"""The runbooks: one page per symptom, cause, remedy, setting and alert, as Markdown that a terminal can show.

Each page has a title, one sentence, and the headings Meaning, Impact, Diagnosis and Mitigation; a
remedy's says When, What is changed, What can break, How to see that it works, How to go back, and
the same By hand. In indented commands, words in capitals are for the reader to fill in.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from halftrack.errors import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Kind = Literal["symptom", "cause", "remedy", "setting", "alert"]

_DIRECTORIES: Final[MappingProxyType[Kind, str]] = MappingProxyType(
    {"symptom": "symptoms", "cause": "causes", "remedy": "remedies", "setting": "settings", "alert": "alerts"}
)
_ALIASES: Final = MappingProxyType(
    {
        "tcp_timeout_established": ("five-days",),
        "nf_conntrack_buckets": ("hashsize",),
        "nf_conntrack_max": ("limit",),
    }
)
_PREFIXES: Final = ("net.netfilter.", "net.", "nf_conntrack_")


@dataclass(frozen=True, slots=True)
class Topic:
    """A page: its name, what it is about, and other names it is found by."""

    kind: Kind
    slug: str
    title: str
    summary: str
    aliases: tuple[str, ...] = ()


@cache
def topics() -> tuple[Topic, ...]:
    """Every page, symptoms first, then causes, remedies, settings and alerts, each by name."""
    return tuple(
        _topic(kind, page)
        for kind, directory in _DIRECTORIES.items()
        for page in sorted(files(__name__).joinpath(directory).iterdir(), key=lambda page: page.name)
        if page.name.endswith(".md")
    )


def path(topic: Topic) -> str:
    """Where its page lies, from the directory of all runbooks."""
    return f"{_DIRECTORIES[topic.kind]}/{topic.slug}.md"


def text(name: str) -> str:
    """The page of a topic as Markdown, by its slug, an alias, or a sysctl's full name.

    Raises UsageError, with what comes near, where there is none.
    """
    topic = find(name)
    page = files(__name__).joinpath(path(topic))
    return page.read_text(encoding="utf-8")


def find(name: str) -> Topic:
    """The topic of a slug, an alias, or a sysctl's full name. Raises UsageError as ``text`` does."""
    wanted = _plain(name)
    names = {_plain(each): topic for topic in topics() for each in (topic.slug, *topic.aliases)}
    if wanted in names:
        return names[wanted]
    printable = "".join(letter for letter in name[:60] if letter.isprintable())
    near = [names[each].slug for each in get_close_matches(wanted, names, n=3, cutoff=0.6)]
    hint = "halftrack explain lists them all"
    if near:
        hint = f"did you mean {' or '.join(dict.fromkeys(near))}? {hint}"
    raise UsageError(f"no topic {printable!r}: {hint}")


def _plain(name: str) -> str:
    """A name without case, and without what comes before every setting's name."""
    bare = name.strip().lower()
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    return bare.replace("_", "-")


def _topic(kind: Kind, page: Traversable) -> Topic:
    slug = page.name.removesuffix(".md")
    title, _, summary = page.read_text(encoding="utf-8").partition("\n")
    return Topic(
        kind=kind,
        slug=slug,
        title=title.removeprefix("# "),
        summary=" ".join(summary.strip().split("\n\n", 1)[0].split()),
        aliases=_ALIASES.get(slug, ()),
    )
