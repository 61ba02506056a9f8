"""The page as markup: nothing from outside becomes any, whatever a table holds and a container is called."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from browser.diagnoses import EVIL, all_of_them
from halftrack.diagnosis import examine
from halftrack.remedies import advise
from halftrack.reporters import html
from halftrack.reporters.html import doing
from halftrack.reporters.html.markup import Markup, lines, tag
from halftrack.reporters.phrases.remedies import chosen
from unit.anything import node
from unit.pages import plain
from unit.since import compared


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "<b>", Markup("<i/>"), 1_000, None, ["a", "\x1b"]) == "<p>&lt;b&gt;<i/>1,000a\\x1b</p>"
    assert tag("p", class_='"x', data_label=None, open=True, hidden=False) == '<p class="&quot;x" open></p>'
    assert lines(["a\n<b", "c"]) == "<pre><code>a\n&lt;b\nc</code></pre>"


@pytest.mark.parametrize("name", ["full", "fixed", "days", "cut", "calm", "evil"])
def test_every_page_is_plain(name: str) -> None:
    text = html.render(all_of_them()[name], planned=f"halftrack plan --from {EVIL}", made_by=EVIL)
    found = plain(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    assert {"h1", "svg", "footer"} <= found.seen


@pytest.mark.parametrize("name", ["full", "fixed", "days", "cut", "calm", "evil"])
def test_each_command_stands_once_and_none_is_missing(name: str) -> None:
    """A remedy that stands under What to do says so where it stands with its finding."""
    diagnosis = all_of_them()[name]
    page = html.render(diagnosis)
    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    assert len(blocks) == len(set(blocks))
    remedies = [each for finding in diagnosis.findings for each in finding.remedies if each.commands]
    for each in remedies:
        assert page.count(str(lines(each.commands))) == 1
    first = [each for each in doing.first(diagnosis) if each.commands]
    different = {each.commands for each in remedies}
    assert page.count("Typed as under ") == len(first) + len(remedies) - len(different)


def test_what_to_do_says_for_which_finding() -> None:
    diagnosis = all_of_them()["full"]
    first = [each.of for each in chosen(diagnosis, None) if each.of is not None]
    assert len(diagnosis.findings) > 1
    assert first
    page = html.render(diagnosis)
    assert re.findall(r"For finding (\d+):", page) == [str(each) for each in first]
    alone = msgspec.structs.replace(diagnosis, findings=diagnosis.findings[:1])
    assert "For finding" not in html.render(alone)


def test_it_says_what_the_screen_says() -> None:
    diagnosis = all_of_them()["full"]
    text = "".join(plain(html.render(diagnosis)).text).replace("\xa0", " ")
    for finding in diagnosis.findings:
        assert finding.title in text
        for group in finding.groups:
            assert f"{group.entries:,}" in text
        for cause in finding.causes:
            assert f"{cause.cause} {cause.confidence:.2f}" in text
        for advice in finding.remedies:
            for command in advice.commands:
                assert command in text
    for gap in diagnosis.gaps:
        assert gap.why in text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_whatever_a_table_holds(seed: int, height: int) -> None:
    now = node(seed, height)
    judged = examine(now)
    plain(html.render(advise(judged.diagnosis, now, judged.cases)))
    plain(html.render(compared(now, now)))
