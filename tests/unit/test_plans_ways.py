"""The words before a command that bring it into a network namespace."""

from __future__ import annotations

import pytest

from halftrack.plans import ways


@pytest.mark.parametrize(
    ("path", "pid", "typed"),
    [
        ("/run/netns/web-1", None, "ip netns exec web-1 "),
        ("/var/run/netns/web-1", 12, "ip netns exec web-1 "),
        ("/run/netns/-a", None, "nsenter --net=/run/netns/-a "),
        ("/run/netns/a b;c", None, "ip netns exec 'a b;c' "),
        ("/run/docker/netns/0a", None, "nsenter --net=/run/docker/netns/0a "),
        ("/proc/12/ns/net", 12, "nsenter -t 12 -n "),
        (None, 1, "nsenter -t 1 -n "),
        (None, None, ""),
    ],
)
def test_the_way_in_as_it_is_typed(path: str | None, pid: int | None, typed: str) -> None:
    assert ways.into(path, pid) == typed
