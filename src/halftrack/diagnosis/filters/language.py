"""From the words of a command line to a filter."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from typing import Final

from halftrack.diagnosis.filters import scanning
from halftrack.diagnosis.filters.terms import AnyOf, Filter, Match, Not, Term, Word
from halftrack.diagnosis.filters.vocabulary import FIELDS, WORDS
from halftrack.errors import UsageError

_TOKEN: Final = re.compile(r'(?:[^\s";]|"[^"]*")+|;')
_TERM: Final = re.compile(r"([A-Za-z][A-Za-z.-]*)(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_DEEPEST: Final = 20
_MOST_TERMS: Final = 1000


def parse(words: Sequence[str]) -> Filter:
    """A filter from command-line words; one word may hold several terms.

    Raises UsageError, whose message shows how to write what was meant.
    """
    tokens = _Tokens([token for word in words for token in _split(word)])
    terms = []
    while not tokens.at_end:
        terms.append(_term(tokens, 0))
    return Filter(tuple(terms))


class _Tokens:
    def __init__(self, tokens: list[str]) -> None:
        if len(tokens) > _MOST_TERMS:
            raise UsageError(f"a filter of more than {_MOST_TERMS} terms: put values together with commas")
        self._tokens = tokens
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1]

    def take_if(self, wanted: str) -> bool:
        found = not self.at_end and self._tokens[self._next] == wanted
        self._next += found
        return found


def _split(word: str) -> list[str]:
    if word.count('"') % 2:
        raise UsageError('a quotation mark without its partner: write owner="my container"')
    tokens = []
    for token in _TOKEN.findall(word):
        # An owner's or a label's name may hold anything, so only a token's very start is looked at.
        if token.lower().startswith("any:") and len(token) > 4:
            tokens += ["any:", token[4:]]
        else:
            tokens.append(token)
    return tokens


def _term(tokens: _Tokens, depth: int) -> Term:
    if depth > _DEEPEST:
        raise UsageError("the filter is nested too deeply")
    if tokens.take_if(";"):
        raise UsageError("`;` ends an `any:` and there is none: write any: assured nat \\;")
    word = tokens.take()
    if word.lower() == "any:":
        return _any(tokens, depth)
    if word.lower() == "not":
        if tokens.at_end:
            raise UsageError("`not` stands before a term: write not assured")
        term = _term(tokens, depth + 1)
        return term.term if isinstance(term, Not) else Not(term)
    found = _TERM.fullmatch(word)
    return _match(found[1].lower(), found[2], found[3]) if found else _word(word)


def _any(tokens: _Tokens, depth: int) -> Term:
    terms = []
    while not tokens.take_if(";"):
        if tokens.at_end:
            raise UsageError("`any:` has no end: write any: assured nat \\;")
        terms.append(_term(tokens, depth + 1))
    if not terms:
        raise UsageError("`any:` holds no term: write any: assured nat \\;")
    return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))


def _match(name: str, operator: str, text: str) -> Term:
    if name not in FIELDS:
        raise UsageError(_unknown(name, "field", f"{name}{operator}"))
    if operator in ("=", "!="):
        match = Match(name, scanning.values(name, text))
        return Not(match) if operator == "!=" else match
    return Match(name, (scanning.compared(name, operator, text.replace('"', "")),))


def _word(token: str) -> Word:
    word = token.lower()
    if word in WORDS:
        return Word(word)
    if word in FIELDS:
        raise UsageError(f"`{word}` is a field and needs a value: write {word}={FIELDS[word].example}")
    raise UsageError(_unknown(word, "word", token))


def _unknown(name: str, kind: str, token: str) -> str:
    shown = ascii(token)[1:-1]
    if name in ("or", "and"):
        return f"`{shown}`: terms side by side mean and; for or write any: assured nat \\;"
    if os.path.exists(token):  # noqa: PTH110  # a word, perhaps of a file
        return f"`{shown}` is no {kind} of a filter; to list what that file holds: --from {shown}"
    near = difflib.get_close_matches(name, [*WORDS, *FIELDS], n=1, cutoff=0.6)
    if near:
        example = f"{near[0]}={FIELDS[near[0]].example}" if near[0] in FIELDS else near[0]
        return f"`{shown}` is no {kind} of a filter: did you mean {example}?"
    return f"`{shown}` is no {kind} of a filter. Words: {', '.join(WORDS)}. Fields: {', '.join(FIELDS)}"
