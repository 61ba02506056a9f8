"""Sockets that come after an entry was judged dead save it, whenever they come."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.changes.drain import acting, looking
from halftrack.changes.drain.reins import Reins
from halftrack.diagnosis import filters
from halftrack.draining.fates import MAY_LIVE_S, Wish
from halftrack.draining.outcome import Outcome
from halftrack.evidence import addresses
from kernel.draining import SERVER, stuck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from halftrack.changes.drain.entries import Entries
    from kernel.scratch import Netns

_COUNT: Final = 500
_ONES: Final = 7
_TCP_REPAIR: Final = 19
_WANTED: Final = filters.parse(("one-sided",))


@pytest.fixture
def server(netns: Netns) -> Netns:
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    netns.run("ip", "route", "add", "default", "dev", "lo")
    stuck(netns, _COUNT)
    return netns


@contextlib.contextmanager
def _sockets(netns: Netns, entries: pl.DataFrame) -> Iterator[None]:
    """One for each entry, opened as one is that was moved here: no packet tells of it."""
    with contextlib.ExitStack() as opened:

        def connect() -> None:
            for entry in entries.iter_rows(named=True):
                one = opened.enter_context(socket.socket())
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
                one.bind((SERVER, entry["orig_sport"]))
                peer = addresses.to_text(entry["orig_dst_hi"], entry["orig_dst_lo"])
                one.connect((peer, entry["orig_dport"]))

        netns.call(connect)
        yield


def _left(netns: Netns) -> list[str]:
    return netns.run("conntrack", "-L", "-p", "tcp").splitlines()


@pytest.mark.parametrize("mode", ["retime", "delete"])
def test_before_it_is_changed_it_is_left_alone(server: Netns, tmp_path: Path, mode: str) -> None:
    outcome = Outcome()
    looked = looking.look(_WANTED, Wish("delete" if mode == "delete" else "retime"), server.name)

    with _sockets(server, looked.judgement.view.flows[:_ONES]):
        acting.drain(looked, _WANTED, tmp_path, outcome, Reins())

    assert outcome.unproven == _ONES
    assert outcome.removed + outcome.retimed == _COUNT - _ONES
    assert outcome.healed == 0


def test_while_it_is_removed_it_is_put_back(
    server: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = Outcome()
    looked = looking.look(_WANTED, Wish("delete"), server.name)
    remove = acting.Entries.remove
    with contextlib.ExitStack() as late:

        def woken_first(entries: Entries, frame: pl.DataFrame) -> object:
            late.enter_context(_sockets(server, frame[:_ONES]))
            return remove(entries, frame)

        monkeypatch.setattr(acting.Entries, "remove", woken_first)
        acting.drain(looked, _WANTED, tmp_path, outcome, Reins())

        left = _left(server)
    assert (outcome.healed, outcome.removed) == (_ONES, _COUNT - _ONES)
    assert len(left) == _ONES
    assert all(int(line.split()[2]) >= MAY_LIVE_S - 5 for line in left)


def test_who_was_there_all_along_proves_nothing_for_the_others(server: Netns, tmp_path: Path) -> None:
    """Sockets that come and go beside the entries change nothing about them."""
    outcome = Outcome()
    strangers = looking.look(_WANTED, Wish("delete"), server.name).judgement.view.flows[:_ONES]
    with _sockets(server, strangers):
        looked = looking.look(_WANTED, Wish("delete"), server.name)
    acting.drain(looked, _WANTED, tmp_path, outcome, Reins())

    assert outcome.removed == _COUNT - _ONES
    assert len(_left(server)) == _ONES
