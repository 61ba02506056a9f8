"""The rules that somebody asks for: a kernel, its settings, a limit; and others to compare them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.errors import UsageError
from halftrack.evidence import sysctls
from halftrack.replaying import asked
from halftrack.tcp import kernels, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.tcp.kernels import Kernel
    from halftrack.tcp.settings import Settings

_KERNEL: Final = "kernel="
DEFAULT: Final = kernels.DEFAULT
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rules:
    """``given``: what was asked for, by name without prefix; ``limit`` (``max``) among it. 0 is no limit.

    ``node``: sysctls as they were read somewhere, which hold where nothing else was asked for.
    """

    kernel: Kernel
    given: Mapping[str, int]
    node: Mapping[str, str]
    settings: Settings
    limit: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(
            f"{name} is unknown to this kernel ({self.kernel.release}): it changes nothing."
            for name in asked.unknown_to(self.given, self.kernel.profile)
        )


def rules(words: Iterable[str], kernel: str = DEFAULT, node: Mapping[str, str] = _NONE) -> Rules:
    """Of ``SETTING=VALUE`` words, else as the node has it, else defaults. Raises UsageError."""
    return _rules(asked.settings(words), kernels.find(kernel), node)


def against(words: Iterable[str], base: Rules) -> Rules:
    """The same rules but for these words; ``kernel=NAME`` is one, too. Raises UsageError."""
    kernel, others = base.kernel, []
    for word in words:
        if word.lower().startswith(_KERNEL):
            kernel = kernels.find(word[len(_KERNEL) :])
        else:
            others.append(word)
    found = _rules({**base.given, **asked.settings(others)}, kernel, base.node)
    if found == base:
        raise UsageError("--against names nothing that is different: there is nothing to compare")
    return found


def _rules(given: Mapping[str, int], kernel: Kernel, node: Mapping[str, str]) -> Rules:
    texts = {**node, **asked.full_names(dict(given))}
    found = settings.resolve(texts, kernel.features, kernel.profile)
    return Rules(kernel, given, node, found, given.get(sysctls.LIMIT) or None)
