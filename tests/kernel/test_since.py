"""A node before and after, in every form that a moment of it may come in: what is new, stayed, left, changed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from kernel.collecting import collected
from kernel.draining import SERVER, stuck
from kernel.reporting import report
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

_REUSED = 3
_FORMS = ("text", "old text", "bundle", "script", "report")
_PAIRS = (
    *(("live", form) for form in _FORMS[2:]),
    *((form, form) for form in _FORMS),
    *(("text", "old text"), ("old text", "text"), ("text", "bundle"), ("bundle", "old text")),
    *(("live", "text"), ("script", "bundle"), ("bundle", "report"), ("report", "script")),
)
"""Of now and then. A text names no namespace: it is that of the one table that was looked into."""


def halftrack(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "halftrack", *words]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )


class Moments:
    """``then`` and ``now``: the file or directory of each form. The node stays as it is now."""

    def __init__(self, netns: Netns, place: Path) -> None:
        self.netns = netns
        self._place = place
        self.then: dict[str, Path] = {}
        self.now: dict[str, Path] = {}

    def take(self, name: str) -> dict[str, Path]:
        directory = self._place / name
        directory.mkdir()
        found = {form: directory / form.replace(" ", "-") for form in _FORMS[:4]}
        date = time.strftime("%a %b %d %H:%M:%S UTC %Y\n", time.gmtime())
        found["text"].write_text(date + self.netns.run("conntrack", "-L", "-o", "id"), encoding="ascii")
        old = self.netns.run("cat", "/proc/net/nf_conntrack")
        found["old text"].write_text(date + old, encoding="ascii")
        told = halftrack("collect", "--netns", self.netns.name, "-o", str(found["bundle"]))
        assert told.returncode == 0, told.stderr
        found["script"].write_bytes(collected(["dash"]).stdout)
        return found | {"report": report(directory, self.netns)}

    def compared(self, now: str, then: str) -> dict[str, Any]:
        """``now``: a form, or live."""
        source = ["--netns", self.netns.name] if now == "live" else [str(self.now[now])]
        told = halftrack("doctor", *source, "--since", str(self.then[then]), "--json")
        assert told.returncode < 4, told.stderr
        document: dict[str, Any] = json.loads(told.stdout)
        return document

    def of_it(self, document: dict[str, Any], what: str) -> list[dict[str, Any]]:
        """Of the namespace alone, which a text does not name: others may be at work on this node."""
        names = (self.netns.name, "text", "old-text")
        return [each for each in document["since"][what] if each["netns"] in names]

    def table(self, document: dict[str, Any]) -> dict[str, Any]:
        [found] = [each for each in self.of_it(document, "tables") if each["stayed"] is not None]
        return found


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moments]:
    """1,500 entries of one service stay, 700 of another leave, 400 come; a setting and the rules change."""
    with scratch_netns("since") as netns:
        netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        netns.run("nft", "add table inet ours; add chain inet ours in { type filter hook input priority 0; }")
        netns.sysctl("nf_conntrack_timestamp", 1)
        stuck(netns, 1_500)
        stuck(netns, 700, port=443, first=100_000)
        found = Moments(netns, tmp_path_factory.mktemp("since"))
        found.then = found.take("then")
        netns.run("conntrack", "-D", "-p", "tcp", "--orig-port-src", "443")
        stuck(netns, 400, first=200_000)
        for client in ("10.0.0.1", "10.0.0.2", "10.0.0.3")[:_REUSED]:
            netns.run("conntrack", "-D", "-p", "tcp", "--orig-dst", client)
        stuck(netns, _REUSED)
        netns.sysctl("nf_conntrack_tcp_loose", 0)
        netns.run("nft", "add rule inet ours in ct state invalid drop")
        time.sleep(1.1)  # the two moments are seconds apart, as documents write them
        found.now = found.take("now")
        yield found


@pytest.mark.parametrize(("now", "then"), _PAIRS)
def test_what_is_new_what_stayed_what_left(moments: Moments, now: str, then: str) -> None:
    found = moments.compared(now, then)
    table = moments.table(found)
    reused = table["reused"]
    # By ids alone some may be missed: an entry made anew in the place of the old one has its id, too.
    assert 0 <= reused <= _REUSED
    assert (table["new"], table["stayed"], table["left"]) == (400 + reused, 1_500 - reused, 700 + reused)
    assert (table["unseen_before"], table["unseen_now"]) == (0, 0)
    if now in ("live", "bundle") and then == "bundle":
        assert (reused, table["identity"]) == (_REUSED, "start")
    one_sided = [each for each in moments.of_it(found, "findings") if each["symptom"] == "one-sided"]
    assert [(each["before"], each["now"], each["course"]) for each in one_sided] == [
        (2_200, 1_900, "smaller")
    ]


@pytest.mark.parametrize("form", ["live", "text", "report"])
def test_since_itself_all_stayed(moments: Moments, form: str) -> None:
    moments.then, then = moments.now, moments.then
    try:
        table = moments.table(moments.compared(form, "bundle" if form == "live" else form))
    finally:
        moments.then = then
    assert (table["new"], table["stayed"], table["left"], table["reused"]) == (0, 1_900, 0, 0)


@pytest.mark.parametrize(("now", "then"), [("live", "bundle"), ("bundle", "script"), ("report", "report")])
def test_settings_that_changed(moments: Moments, now: str, then: str) -> None:
    found = moments.of_it(moments.compared(now, then), "settings")
    assert [(each["netns"], each["before"], each["now"]) for each in found] == [
        (moments.netns.name, "1", "0")
    ]
    assert found[0]["setting"].endswith("_tcp_loose")


@pytest.mark.parametrize("now", ["live", "bundle"])
def test_rules_that_changed(moments: Moments, now: str) -> None:
    [rules] = moments.of_it(moments.compared(now, "bundle"), "rules")
    assert rules["gone"] == []
    assert [each for each in rules["new"] if "invalid" in each] == rules["new"]


def test_the_order_in_which_they_are_named_does_not_count(moments: Moments) -> None:
    now, then = str(moments.now["bundle"]), str(moments.then["bundle"])
    one, other = (
        halftrack("doctor", *words, "--json") for words in ((now, "--since", then), (then, "--since", now))
    )
    first, second = json.loads(one.stdout), json.loads(other.stdout)
    for document in (first, second):
        del document["seconds"]
    assert first == second


def test_on_the_screen(moments: Moments) -> None:
    told = halftrack("doctor", "--netns", moments.netns.name, "--since", str(moments.then["bundle"]))
    assert told.returncode in (1, 2), told.stderr
    for wanted in (
        "\nSINCE   ",
        "403 new, 1,497 stayed, 703 left",
        "  smaller  one-sided/",
        "tcp_loose 1 -> 0",
        "1 new, 0 gone",
    ):
        assert wanted in told.stdout, told.stdout
    assert all(len(line) <= 80 for line in told.stdout.splitlines())
