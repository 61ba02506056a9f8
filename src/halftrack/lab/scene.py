"""What a scenario acts on: the network, its connections, the clock; and whom it tells what it does."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import polars as pl

from halftrack.errors import Incomplete
from halftrack.evidence import addresses, uapi
from halftrack.kernel import ctnetlink
from halftrack.lab.network import Network
from halftrack.lab.parameters import BESIDE, Parameters
from halftrack.lab.sockets import Sockets
from halftrack.lab.talking import healthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from halftrack.lab.place import Place

FOUNDING: Final = {"tcp_timeout_unacknowledged": 432_000, "tcp_timeout_max_retrans": 432_000}
"""Both raised, a kernel that cuts one-sided entries short keeps them for five days, as older ones do."""
ENDING: Final = {
    f"tcp_timeout_{state}": 2 for state in ("fin_wait", "close_wait", "last_ack", "time_wait", "close")
}
"""How long a router that forgets soon remembers what has been closed. All of them: a FIN that a busy machine
sends twice takes an entry one state further.
"""
_USUAL: Final = Parameters()
_SETTING: Final = "netfilter/nf_conntrack_"
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST."""
_LOOK_AGAIN_S: Final = 0.1
_BACKLOG: Final = 512
_DROP: Final = """table inet lab {{
  chain drops {{ type filter hook input priority 0; {match} drop; }}
}}
"""


class Visit(NamedTuple):
    """One connection, by both of its sockets."""

    client: socket.socket
    served: socket.socket


class Scene:
    """``tell`` is given a sentence for each thing that is done. Entered, the network is there; left, it is
    gone with all sockets, however that comes about.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        parameters: Parameters = _USUAL,
        *,
        delay_s: float = 0.0,
        first: Scene | None = None,
    ) -> None:
        """``first``: one that has been entered, at whose router this one takes place, too."""
        self.tell = tell
        self.parameters = parameters
        self._delay_s = delay_s
        self._first = first
        self._end_s = time.monotonic() + parameters.seconds
        self._open = contextlib.ExitStack()
        self._sockets = Sockets()

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _set_up(self) -> None:
        first = None if self._first is None else self._first.net
        self.net: Network = Network(self._open, self.parameters, delay_s=self._delay_s, first=first)
        self._open.callback(self._sockets.close)
        self.tell(
            f"three network namespaces: client ({self.net.clients[0]} and more), router (tracks), server"
            f" ({self.net.server_address}); nothing leads out of them"
        )
        if self._delay_s:
            self.tell(f"packets take {self._delay_s:g} s from the router to the server, and as long back")
        if self.parameters.founded:
            self.net.router.set({_SETTING + name: str(value) for name, value in FOUNDING.items()})
            self.tell(
                "as founded: both timeouts that cut one-sided entries short are raised to 432000 s, as if"
                " the kernel were one that does not"
            )
        if self.parameters.background:
            self.enter(healthy(self, self.parameters.background))
            self.tell(f"{self.parameters.background} healthy connections talk beside, on port {BESIDE}")

    def _end(self) -> None:
        self._sockets.shut()
        self._open.close()

    def leave_standing(self) -> None:
        """The namespaces and open sockets are their processes' own from now on: nothing of them ends here."""
        for place in self.net.places:
            claim = [self.net.claim] if place is self.net.server and self.net.claim else []
            place.stay(one for one in (*self._sockets.of(place), *claim) if one.fileno() >= 0)
        for place in self.net.places:
            place.leave()
        self._open.pop_all()
        self._sockets.close()  # ours alone: theirs are open

    def enter(self, context: contextlib.AbstractContextManager[object]) -> None:
        """Something that goes on until the scene is left."""
        self._open.enter_context(context)

    @property
    def port(self) -> int:
        """Of the service that the trouble is about."""
        return self.parameters.port

    def visits(self, number: int, port: int | None = None, own: Sequence[str] = ()) -> list[Visit]:
        """So many new connections to the server, from one client address (``own``; all) after the other."""
        return self._visits(number, (self.net.server_address, port or self.port), own or self.net.clients)

    def visits_beside(self, number: int) -> list[Visit]:
        """Between addresses of client and server that no scenario has anything to do with."""
        return self._visits(number, (self.net.server_beside, BESIDE), (self.net.client_beside,))

    def _visits(self, number: int, goal: tuple[str, int], own: Sequence[str]) -> list[Visit]:
        listener = self._sockets.listener(self.net.server, goal, _BACKLOG)
        begun = [self.begin(goal, own[each % len(own)]) for each in range(number)]
        clients = {one.getsockname()[:2]: one for one in begun}
        found: list[Visit] = []
        while len(found) < number:
            listener.settimeout(self.left())
            try:
                served, who = listener.accept()
            except TimeoutError:
                raise self._late("connections to be opened") from None
            client = clients.pop(who[:2], None)
            if client is None:  # of somebody who has given up since
                served.close()
                continue
            self._sockets.keep(self.net.server, served)
            found.append(Visit(client, served))
        for client, served in found:
            for one in (client, served):
                one.settimeout(self.left())
        return found

    def talk(self, visits: list[Visit], data: bytes = b"hello") -> None:
        """All clients say something, and then the server to each; all of it is heard. Raises OSError."""
        for side, other in ((0, 1), (1, 0)):
            for visit in visits:
                visit[side].sendall(data)
            for visit in visits:
                visit[other].recv(len(data))

    def begin(self, goal: tuple[str, int], own: str) -> socket.socket:
        """A connection from an address of the client that nobody has waited for yet."""

        def connect() -> socket.socket:
            client = socket.socket(self.net.family)
            client.settimeout(0)
            client.bind((own, 0))
            code = client.connect_ex(goal)
            if code not in (0, errno.EINPROGRESS):
                client.close()
                raise OSError(code, errno.errorcode[code])
            return client

        return self._sockets.keep(self.net.client, self.net.client.call(connect))

    def datagrams(self, place: Place, where: tuple[str, int]) -> socket.socket:
        """A socket of UDP there, which does not wait."""

        def bound() -> socket.socket:
            one = socket.socket(self.net.family, socket.SOCK_DGRAM)
            one.bind(where)
            one.settimeout(0)
            return one

        return self._sockets.keep(place, place.call(bound))

    def listener(self, port: int | None = None, backlog: int = _BACKLOG) -> socket.socket:
        """The server's, one for each port."""
        where = self.net.server_address, port or self.port
        return self._sockets.listener(self.net.server, where, backlog)

    @contextlib.contextmanager
    def given(self, why: str, **seconds: int) -> Iterator[None]:
        """While the body runs the router's timeouts are these; then as they were: nobody sees any of it."""
        before = {
            name: self.net.router.call((Path("/proc/sys/net") / (_SETTING + name)).read_text).strip()
            for name in seconds
        }
        told = ", ".join(f"{name} {value} s" for name, value in seconds.items())
        self.tell(f"for now {told}: {why}")
        self.net.router.set({_SETTING + name: str(value) for name, value in seconds.items()})
        try:
            yield
        finally:
            self.net.router.set({_SETTING + name: value for name, value in before.items()})

    def drop(self, place: Place, match: str) -> None:
        """Let ``place`` throw away what comes in and matches, in the words of nft. Raises HalftrackError."""
        place.run(["nft", "-f", "-"], _DROP.format(match=match))

    def entries(self) -> pl.DataFrame:
        """The router's table without the healthy traffic beside. Raises OSError, HalftrackError.

        Of a second scene at a router its own entries alone.
        """
        found = ctnetlink.dump(netns_path=self.net.router.path).flows.frame
        found = found.filter(pl.col("orig_dport").ne_missing(BESIDE))
        return found if self._first is None else found.filter(self._ours())

    def _ours(self) -> pl.Expr:
        """Entries that an address of this scene has to do with."""
        ours = [addresses.parse(one) for one in (self.net.server_address, *self.net.clients)]
        known = pl.DataFrame(ours, schema={"hi": pl.UInt64, "lo": pl.UInt64}, orient="row")
        return pl.any_horizontal(
            pl.struct(pl.col(f"{end}_hi").alias("hi"), pl.col(f"{end}_lo").alias("lo")).is_in(
                known.to_struct().implode()
            )
            for end in ("orig_src", "orig_dst", "reply_src", "reply_dst")
        )

    def one_sided(self) -> pl.DataFrame:
        """Its established entries that never saw a reply."""
        return self.entries().filter(
            (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)
            & (pl.col("status") & uapi.IPS_SEEN_REPLY == 0)
        )

    @property
    def family(self) -> str:
        """As nft calls it where it takes addresses."""
        return "ip" if self.net.family == uapi.AF_INET else "ip6"

    def until_forgotten(self, what: str) -> None:
        """Wait until the router knows no connection any more."""
        self.until(lambda: not self.entries().height, what)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait. Raises Incomplete where the time is over first."""
        while not holds():
            if self.left() <= _LOOK_AGAIN_S:
                raise self._late(what)
            time.sleep(_LOOK_AGAIN_S)

    def pause(self, seconds: float) -> None:
        """Let time pass, no more than there is."""
        time.sleep(max(0.0, min(seconds, self.left())))

    def left(self) -> float:
        """Seconds, at least a little: what waits for as long says itself that it was too short."""
        return max(self._end_s - time.monotonic(), _LOOK_AGAIN_S)

    def _late(self, what: str) -> Incomplete:
        return Incomplete(
            f"{self.parameters.seconds:.0f} s were too short for {what}: allow more with --seconds"
        )


def reset(one: socket.socket) -> None:
    """Close it with RST, as who gives up does."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    one.close()
