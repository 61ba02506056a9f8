"""A support case from the mail to the reply: what is asked for is what helps, and the page shows what is seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel import founding, screens, support

if TYPE_CHECKING:
    from kernel.support import Seen

PAGE = Path(__file__).resolve().parents[2] / "docs/support-case.md"
VISITORS = len(founding.CLIENTS)
STUCK = support.VISITS * VISITORS
HELD = STUCK + 1
"""With the connection of whoever waits for a page while it is collected."""
REPLIES = ("first", "report", "reply", "last")


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    return {each.step.name: each for each in support.take()}


def asked(text: str) -> list[str]:
    """The commands below the title that asks."""
    part = text.partition("Please send next:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in part.splitlines() if line.startswith("    ")]


def test_every_reply_fits_a_mail(seen: dict[str, Seen]) -> None:
    for name in REPLIES:
        lines = seen[name].text.partition("halftrack: to go with it")[0].splitlines()
        assert len(lines) <= 60, name
        assert max(map(len, lines)) <= 78, name
        assert seen[name].text.isascii(), name


def test_what_is_asked_for_is_what_helps(seen: dict[str, Seen]) -> None:
    """First the script; with what it collects, another moment; after the cure nothing."""
    assert asked(seen["first"].text) == asked(seen["report"].text) == ["sh collect.sh > node.collected"]
    assert "counters again in" in seen["collected"].text
    assert asked(seen["reply"].text)[0] == "sleep 900; sh collect.sh > later.collected"
    typed = {each.step.typed for each in seen.values()}
    masked = " ".join(each.removesuffix("\\").strip() for each in asked(seen["reply"].text)[1:])
    assert masked in typed, "by the map of before"
    assert asked(seen["last"].text) == []


def test_claims_name_lines_of_what_was_sent(seen: dict[str, Seen]) -> None:
    assert re.search(r"^\[1\]  mail\.txt:1-20$", seen["first"].text, re.MULTILINE)
    member = r"^\[\d\]  sos_commands/kernel/sysctl_-a:\d+$"
    assert len(re.findall(member, seen["report"].text, re.MULTILINE)) >= 2
    assert re.search(
        rf"^\[\d\]  sos_commands/conntrack/conntrack_-L_-o_extended:1-(?:{STUCK}|{STUCK + 1})$",
        seen["report"].text,
        re.MULTILINE,
    )
    assert re.search(r"^Read in masked\.tgz:$", seen["reply"].text, re.MULTILINE)
    assert re.search(rf"^\[\d\]  ns/\S+/entries/\S+:1-{HELD}$", seen["reply"].text, re.MULTILINE)


def test_nothing_masked_is_named(seen: dict[str, Seen]) -> None:
    for name in ("doctor", "plan", "reply", "since", "last"):
        for address in (founding.SERVER, *founding.CLIENTS):
            assert address not in seen[name].text, name
        assert "node17" not in seen[name].text, name


def test_why_is_known_from_the_mail(seen: dict[str, Seen]) -> None:
    """The script saw the queue in which the pages wait, in the container that has no entries of its own."""
    assert "Cause: unknown so far" in seen["first"].words
    assert "Likely cause: shaping" in seen["doctor"].words
    assert "Likely cause: shaping" in seen["reply"].words
    assert re.search(r"masked-\d+ \(netns\) \S+ tcp/80 \(server side\)", seen["doctor"].words)


def test_it_is_cured_and_measured(seen: dict[str, Seen]) -> None:
    assert re.search(rf"\b{STUCK} of [\d,]+ ", seen["doctor"].words)
    assert seen["cure"].text.count("-> 300 ... 300") == 2
    assert f"deleted at once: {STUCK} " in seen["clear"].text
    assert f"Entries {HELD} -> {VISITORS} " in seen["since"].words
    assert f"{VISITORS} new, 0 stayed, {HELD} left" in seen["since"].words
    assert f"Stuck {STUCK} -> 0." in seen["since"].words
    assert seen["last"].text.startswith("OK  masked-1: ")
    assert f"{VISITORS} of " in seen["last"].text


def test_the_page_shows_what_is_seen(seen: dict[str, Seen]) -> None:
    shown = support.shown(PAGE.read_text(encoding="utf-8"))
    assert shown.keys() == seen.keys()
    for name, screen in shown.items():
        told = f"{name}: scripts/record support writes it"
        assert screens.alike(screen) == screens.alike(seen[name].screen), told
