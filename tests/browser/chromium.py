"""A real Chromium without a window and without a network, driven over its debugging pipe.

One JSON object a message, ended by a NUL, on descriptors 3 and 4 (content/browser/devtools/devtools_pipe_handler.cc).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = (
    "import os, sys; read, write = int(sys.argv[1]), int(sys.argv[2]);"
    " os.dup2(read, 3); os.dup2(write, 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
)


def command() -> list[str] | None:
    """The program with what cuts it off from every network; None where it is not installed."""
    program = shutil.which("chromium")
    if program is None:
        return None
    return ["unshare", "--net", program] if os.geteuid() == 0 and shutil.which("unshare") else [program]


class Page:
    """One page. ``asked``: the address of everything that it asked for; ``told``: names of other events."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.asked: list[str] = []
        self.told: list[str] = []

    def attach(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for what in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{what}.enable")

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read, 1 << 20)
            assert more, "the browser is gone"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        elif "method" in message:
            self.told.append(message["method"])
        return message

    def open(self, url: str, width: int = 1280, *, dark: bool = False, media: str = "screen") -> None:
        """Show it, so wide, until it is loaded."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.asked, self.told = [], []
        self.send("Page.navigate", url=url)
        while "Page.loadEventFired" not in self.told:
            self._message()

    def value(self, expression: str) -> Any:
        """What JavaScript finds in the page: also where the page itself may run none."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def screenshot(self) -> bytes:
        """All of it as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def pdf(self) -> bytes:
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True)["data"])


@contextlib.contextmanager
def browser(program: list[str]) -> Iterator[Page]:
    """A page in a browser of its own, gone afterwards with all that it wrote."""
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="ht-browser-", ignore_cleanup_errors=True) as home:
        words = [*program, *_OPTIONS, f"--user-data-dir={home}", "about:blank"]
        process = subprocess.Popen(
            [sys.executable, "-c", _START, str(theirs_read), str(theirs_write), *words],
            pass_fds=(theirs_read, theirs_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home},
        )
        os.close(theirs_read)
        os.close(theirs_write)
        try:
            page = Page(ours_read, ours_write)
            page.attach()
            yield page
        finally:
            os.close(ours_write)
            os.close(ours_read)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()
