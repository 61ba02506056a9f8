"""Replays of captures that nobody meant to be replayed."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutations import examples, mutated
from halftrack.commands import replay_run
from halftrack.errors import HalftrackError
from halftrack.reporters import json, replay, replay_flow
from unit import stories

_STORY = stories.file(stories.founding(), stories.founding(ipv6=True), others=stories.datagrams(3.0))
_WORDS = st.sampled_from([(), ("tcp_loose=0",), ("max=1",), ("tcp_timeout_close=0", "udp_timeout=0")])
_KERNELS = st.sampled_from(["6.18", "openvz6-early", "openvz5", "el7"])
_FLOWS = st.sampled_from([None, "192.0.2.1:40000-198.51.100.2:80", "192.0.2.1:5353-198.51.100.2:53"])


@examples
@given(mutated(_STORY), _WORDS, _KERNELS, _FLOWS)
def test_any_bytes_give_a_table_a_story_or_one_error(
    data: bytes, words: tuple[str, ...], kernel: str, flow: str | None
) -> None:
    against = ("tcp_timeout_established=60",) if flow is None else ()
    wanted = replay_run.wanted(
        "-", words, kernel=kernel, node=None, at="all", interface=None, against=against, explained=flow
    )
    run = replay_run.Run(wanted, io.BytesIO(data))
    failed: str | None = None
    try:
        run.work()
    except HalftrackError as error:
        failed = str(error)
    if failed is not None:
        assert failed.isprintable()
        return
    document = run.document(with_entries=True)
    json.pretty(document)
    passed, skipped = document.packets.passed, sum(document.skipped.values())
    assert flow is not None or passed + skipped == document.packets.file
    render = replay.render if flow is None else replay_flow.render
    assert all(len(line) <= 80 for line in render(document).splitlines())
