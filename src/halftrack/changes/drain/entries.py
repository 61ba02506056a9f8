"""Reading entries again and changing them, many in one datagram.

Every message names its entry by the original tuple, so that none can be taken for one that means
the whole table. Nothing is acknowledged: the kernel answers only what it refuses.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import socket
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from halftrack.changes.drain import messages
from halftrack.errors import Busy, PermissionMissing
from halftrack.evidence import uapi
from halftrack.evidence.flows import SCHEMA, TUPLE_COLUMNS
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.ctnetlink.columns import Columns
from halftrack.kernel.ctnetlink.decode import Decoder
from halftrack.kernel.netlink_messages import CT_GET, CT_NEW, NLMSG_ERROR, NLMSG_HDRLEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import polars as pl

_ASKED: Final = 500
"""Entries asked for at a time: their answers fit into what the socket may hold, a page or two each."""
_MANY: Final = 1_000
_FEW: Final = 150
"""Changes in one datagram. Should all of them be refused, the answers still fit into the socket:
one that overflows loses answers, and what was refused would count as done (net/netlink/af_netlink.c)."""
_ANSWER_BYTES: Final = 4_096
"""More than any answer takes."""
_USED: Final = netlink.DATAGRAM - _ANSWER_BYTES
_COMPARED: Final = 50
"""Entries that the kernel compares and removes in part of a millisecond: what comes meanwhile is unseen."""
_AT_ONCE_S: Final = 0.0005
_TRIES: Final = 100
_NUMBER: Final = struct.Struct("=I")
_FIRST: Final = 1
"""Number of the first message of a batch."""
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
_BUFFER: Final = 16 << 20


class Entries:
    """Of one namespace. Frames have the columns of ``flows.SCHEMA`` that make a tuple, or more."""

    def __init__(self, netns_path: str | None) -> None:
        """Raises OSError where the namespace cannot be entered."""
        self._socket = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)
        self._at_once = _FEW
        with contextlib.suppress(OSError):  # CAP_NET_ADMIN of the node; the usual ones do, only slower
            for option in (_SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
                self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
            self._at_once = _MANY

    def again(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same rows as they are now, in their order; all null where an entry is gone.

        An answer that gets lost counts as gone: what was not seen is not touched. Raises
        PermissionMissing, OSError.
        """
        tuples = frame.select(TUPLE_COLUMNS)
        sequence = netlink_messages.sequence()
        answers = _Answers(tuples.height)
        for raw in messages.of(tuples, CT_GET, sequence):
            width = messages.width(raw)
            for at in range(0, len(raw), _ASKED * width):
                asked = raw[at : at + _ASKED * width]
                self._socket.sendall(asked)
                answers.take(self._socket, len(asked) // width)
        decoder = Decoder(sequence, Columns())
        decoder.add(answers.memory, answers.lengths)
        now = decoder.frame()
        return tuples.join(
            now, on=list(TUPLE_COLUMNS), how="left", nulls_equal=True, maintain_order="left"
        ).select(list(SCHEMA))

    def retime(self, frame: pl.DataFrame, seconds: int) -> Mapping[int, int]:
        """Leave them so many seconds. What the kernel refused: errno to number of entries.

        Raises OSError.
        """
        more = netlink_messages.attribute(uapi.CTA_TIMEOUT, struct.pack(">I", seconds))
        return self._tell(messages.of(frame.select(TUPLE_COLUMNS), CT_NEW, 1, more))

    def put_back(self, frame: pl.DataFrame, least_s: int) -> None:
        """Make TCP entries anew that are not there any more, each with what it had left, or ``least_s``.

        Where the kernel has made one by now, that stays. Raises OSError.
        """
        self._tell(messages.anew(frame, least_s))

    def remove(self, frame: pl.DataFrame) -> npt.NDArray[np.int32]:
        """Remove entries that are not assured. For each the errno with which the kernel refused, 0: removed.

        The kernel compares for itself: first it is told the status that each has, which it refuses
        with EBUSY for one that was answered or assured meanwhile (ctnetlink_change_status), and within
        ``_AT_ONCE_S`` the rest are removed, with their ids, which it compares, too. Raises Busy, OSError.
        """
        codes = np.zeros(frame.height, np.int32)
        step = min(_COMPARED, self._at_once // 2)  # what is removed is heard of with what is compared next
        for asked, deletes in messages.removing(frame.select(*TUPLE_COLUMNS, "id", "status"), _FIRST):
            for start in range(0, len(deletes), step):
                some = slice(start, start + step)
                places = asked.places[some]
                self._compare(asked.raw[some], places, codes)
                self._send(deletes[some], places, codes)
            self._hear(codes)
        return codes

    def _compare(
        self, raw: npt.NDArray[np.uint8], places: npt.NDArray[np.intp], codes: npt.NDArray[np.int32]
    ) -> None:
        """Until it went so quickly that nothing can have happened since. Raises Busy.

        What is still to be heard of the entries before is heard here, too.
        """
        for _ in range(_TRIES):
            begun_s = time.monotonic()
            self._send(raw, places, codes)
            self._hear(codes)
            if time.monotonic() - begun_s < _AT_ONCE_S:
                return
        raise Busy("this machine is too slow just now to remove what it reads: re-time, or try later")

    def _tell(self, all_of_them: Iterable[bytes]) -> Counter[int]:
        refused: Counter[int] = Counter()
        for raw in all_of_them:
            step = self._at_once * messages.width(raw)
            for at in range(0, len(raw), step):
                self._socket.sendall(raw[at : at + step])
                refused.update(code for _, code in self._refusals())
        return refused

    def _send(
        self, raw: npt.NDArray[np.uint8], places: npt.NDArray[np.intp], codes: npt.NDArray[np.int32]
    ) -> None:
        """Messages about entries in these places, but for those that were refused before."""
        refused = codes[places] != 0
        left = raw[~refused] if refused.any() else raw
        if len(left):
            self._socket.sendall(left.data)

    def _hear(self, codes: npt.NDArray[np.int32]) -> None:
        for number, code in self._refusals():
            codes[number - _FIRST] = code

    def _refusals(self) -> list[tuple[int, int]]:
        """Number of the message, and errno. EPERM is a fixed timeout: who may not change may not read."""
        found: list[tuple[int, int]] = []
        while True:
            try:
                answer = memoryview(self._socket.recv(_ANSWER_BYTES, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return found
            if answer[4:6] == _ERROR:
                found.append((_NUMBER.unpack_from(answer, 8)[0], _code(answer)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class _Answers:
    """Entries among answers, packed as the decoder wants them: a datagram of many."""

    def __init__(self, most: int) -> None:
        size = (most * _ANSWER_BYTES // _USED + 2) * netlink.DATAGRAM
        self._memory = memoryview(mmap.mmap(-1, size))  # what is not written takes no room
        self.lengths = [0]

    @property
    def memory(self) -> memoryview:
        return self._memory[: len(self.lengths) * netlink.DATAGRAM]

    def take(self, sock: socket.socket, count: int) -> None:
        """So many answers, which the kernel has given by now; one that got lost is none."""
        memory, lengths = self._memory, self.lengths
        at = (len(lengths) - 1) * netlink.DATAGRAM + lengths[-1]
        for _ in range(count):
            if lengths[-1] > _USED:
                at = len(lengths) * netlink.DATAGRAM
                lengths.append(0)
            try:
                size = sock.recv_into(memory[at:], _ANSWER_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue
            if memory[at + 4 : at + 6] == _ERROR:
                if _code(memory[at : at + size]) in (errno.EPERM, errno.EACCES):
                    raise PermissionMissing("changing entries of the connection table needs CAP_NET_ADMIN")
            else:
                lengths[-1] += size
                at += size


_ERROR: Final = struct.pack("=H", NLMSG_ERROR)


def _code(answer: memoryview) -> int:
    return netlink_messages.error_code(bytes(answer[NLMSG_HDRLEN : NLMSG_HDRLEN + 4]))
