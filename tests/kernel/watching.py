"""A real Prometheus and Alertmanager beside a scratch node, both in a namespace of their own.

They scrape the node over a link, and answer on their own loopback: what happens in the node's table does
not keep a test from asking them.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.parse import quote

import yaml
from monitoring import inhibition, rules
from monitoring.files import as_yaml
from monitoring.pace import Pace

from kernel.scratch import scratch_netns
from unit.promtool import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel.scratch import Netns

NODE, WATCHER = "192.0.2.1", "192.0.2.2"
EXPORTER: Final = 9321
_PROMETHEUS, _ALERTMANAGER = "127.0.0.1:9090", "127.0.0.1:9093"
_PATIENCE_S: Final = 120
PACE: Final = Pace(minute_s=1)
"""Half an hour of the rules is half a minute here."""


@dataclass(frozen=True, slots=True)
class Watcher:
    netns: Netns

    def ask(self, address: str, path: str) -> Any:
        """A JSON answer of one of the two; None where it does not answer yet."""

        def answer() -> Any:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as found:
                return json.load(found)

        try:
            return self.netns.call(answer)
        except HTTPError as refused:
            refused.close()
        except OSError:
            pass
        return None

    def value(self, expr: str) -> float | None:
        """What a query comes to now, of the first series."""
        found = self.ask(_PROMETHEUS, f"/api/v1/query?query={quote(expr)}")
        return float(found["data"]["result"][0]["value"][1]) if found and found["data"]["result"] else None

    def firing(self) -> dict[str, dict[str, Any]]:
        """Alerts that fire now, by name."""
        found = self.ask(_PROMETHEUS, "/api/v1/alerts")
        alerts = found["data"]["alerts"] if found else []
        return {each["labels"]["alertname"]: each for each in alerts if each["state"] == "firing"}

    def told(self) -> dict[str, bool]:
        """What people would be told: alerts that Alertmanager has, and whether each is held back by another."""
        found = self.ask(_ALERTMANAGER, "/api/v2/alerts") or []
        return {each["labels"]["alertname"]: bool(each["status"]["inhibitedBy"]) for each in found}

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline, (
                self.firing(),
                self.told(),
                self.ask(_PROMETHEUS, "/api/v1/targets"),
            )
            time.sleep(0.2)


@contextlib.contextmanager
def watching(node: Netns, directory: Path, more: list[dict[str, Any]]) -> Iterator[Watcher]:
    """Joined to the node by a link. ``more``: rules beside ours, of the same group."""
    for name in ("prometheus", "prometheus-alertmanager"):
        tool(name)
    with scratch_netns("watch") as netns, contextlib.ExitStack() as running:
        node.run("ip", "link", "add", "watch", "type", "veth", "peer", "name", "up0", "netns", netns.name)
        for end, link, address in ((node, "watch", NODE), (netns, "up0", WATCHER)):
            end.run("ip", "address", "add", f"{address}/24", "dev", link)
            end.run("ip", "link", "set", link, "up")
        for words in _commands(directory, more):
            running.enter_context(_running(netns, directory / f"{words[0]}.log", words))
        yield Watcher(netns)


def _commands(directory: Path, more: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    groups = rules.groups(PACE)
    groups[0]["rules"] += more
    (directory / "rules.yaml").write_text(as_yaml({"groups": groups}), encoding="utf-8")
    second = PACE.span(1)
    configured = {
        "global": {"scrape_interval": second, "scrape_timeout": second, "evaluation_interval": second},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_ALERTMANAGER]}]}]},
        "scrape_configs": [
            {"job_name": "halftrack", "static_configs": [{"targets": [f"{NODE}:{EXPORTER}"]}]},
        ],
    }
    route = {"receiver": "nobody", "group_wait": "0s"}
    managed = {"route": route, "receivers": [{"name": "nobody"}], **inhibition.inhibit_rules()}
    for name, content in (("prometheus", configured), ("alertmanager", managed)):
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    yield (
        "prometheus-alertmanager",
        f"--config.file={directory}/alertmanager.yaml",
        f"--storage.path={directory}/alertmanager",
        f"--web.listen-address={_ALERTMANAGER}",
        "--cluster.listen-address=",
    )
    yield (
        "prometheus",
        f"--config.file={directory}/prometheus.yaml",
        f"--storage.tsdb.path={directory}/prometheus",
        f"--web.listen-address={_PROMETHEUS}",
    )


@contextlib.contextmanager
def _running(netns: Netns, log: Path, words: tuple[str, ...]) -> Iterator[None]:
    with (
        log.open("wb") as said,
        subprocess.Popen(
            ["ip", "netns", "exec", netns.name, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ) as process,
    ):
        try:
            yield
        finally:
            process.kill()
