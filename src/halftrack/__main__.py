"""The program's entry: ``halftrack`` and ``python -m halftrack``.

Ctrl-C counts from here on, before anything is imported that takes its time: nothing is half-done
while reading, so the process simply ends.
"""

import os
import signal

from halftrack.errors import INTERRUPTED


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Reading a kernel or a pipe in other threads may take its time to notice.
    signal.signal(signal.SIGINT, _end)

from halftrack.commands.main import main  # noqa: E402  # what it imports may be interrupted

if __name__ == "__main__":
    main()
