"""Known troubles, reproduced on the running kernel in network namespaces that are the lab's alone.

A scenario is one file: what it is called, which cause it shows, and what it does. Nothing that is changed
there can be seen outside: no packet leaves, no setting of the node is written, nothing has a name that
somebody else could use. All of it goes with this process, however that ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import resource
from typing import TYPE_CHECKING, Final

from halftrack.errors import Incomplete, UsageError
from halftrack.lab.scenarios import (
    asymmetric_path,
    direct_return,
    filtered_client,
    half_close,
    hooks_off,
    idle_pool,
    injected,
    long_close_wait,
    open_client,
    owner_removed,
    rst_ignored,
    scan,
    shaping,
    shaping_htb,
    slow_path,
    stale_nat,
    syn_flood,
    table_flush,
    vanished_peer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from halftrack.lab.parameters import Parameters
    from halftrack.lab.scenario import Scenario
    from halftrack.lab.scene import Scene

SCENARIOS: Final[tuple[Scenario, ...]] = (
    shaping.FOUNDING,
    half_close.SCENARIO,
    filtered_client.SCENARIO,
    open_client.SCENARIO,
    shaping.SCENARIO,
    shaping_htb.SCENARIO,
    slow_path.SCENARIO,
    asymmetric_path.SCENARIO,
    direct_return.SCENARIO,
    syn_flood.SCENARIO,
    scan.SCENARIO,
    scan.UDP,
    stale_nat.SCENARIO,
    injected.SCENARIO,
    vanished_peer.SCENARIO,
    owner_removed.SCENARIO,
    long_close_wait.SCENARIO,
    table_flush.SCENARIO,
    hooks_off.SCENARIO,
    rst_ignored.SCENARIO,
    idle_pool.SCENARIO,
)
"""In the order in which they are listed: the founding trouble first."""
_DESCRIPTORS: Final = 65_536


def find(name: str) -> Scenario:
    """Raises UsageError that names what comes near."""
    for one in SCENARIOS:
        if one.name == name.lower():
            return one
    names = [one.name for one in SCENARIOS]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    told = f"did you mean {near[0]}?" if near else "halftrack lab lists them"
    raise UsageError(f"there is no scenario {name[:40]!a}: {told}")


@contextlib.contextmanager
def staged(chosen: Scenario, tell: Callable[[str], None], parameters: Parameters) -> Iterator[Scene]:
    """The scenario, played: what it leaves open goes on in the body, and all is gone after it.

    Raises FeatureMissing where this kernel cannot, Incomplete where the time is too short, or what a process
    may have; what ``tell`` raises.
    """
    from halftrack.lab.scene import Scene  # noqa: PLC0415  # the list needs none of it

    if chosen.founded:
        parameters = dataclasses.replace(parameters, founded=True)
    untold: list[OSError] = []

    def telling(text: str) -> None:
        try:
            tell(text)
        except OSError as error:
            untold.append(error)
            raise

    _allow_descriptors()
    with contextlib.ExitStack() as stack:
        try:
            scene = stack.enter_context(Scene(telling, parameters, delay_s=chosen.delay_s))
            chosen.play(scene)
        except OSError as error:
            if error in untold:  # nobody reads any more: that is no trouble of the lab's
                raise
            if not isinstance(error, TimeoutError):
                raise Incomplete(f"the lab cannot go on: {error.strerror or error}") from error
            told = f"{parameters.seconds:.0f} s were too short for an answer to come"
            raise Incomplete(f"{told}: allow more with --seconds") from None
        yield scene


def _allow_descriptors() -> None:
    """Each connection takes two of them, and a process that does not ask has a thousand, mostly."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
