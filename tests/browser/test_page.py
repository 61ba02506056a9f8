"""``doctor --format html`` in a real Chromium: nothing is fetched, nothing runs, everything fits and can be read."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from browser.chromium import browser, command
from browser.diagnoses import SEEN_OF_IT, all_of_them
from cli.conftest import process
from halftrack.reporters import html

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser.chromium import Page

NAMES = ("full", "fixed", "days", "cut", "calm", "evil")
READ = {
    "full": (
        "CRITICAL",
        "RELIEF",
        "CURE",
        "CLEAR",
        "one-sided, critical",
        "halftrack plan --from node17.tgz",
    ),
    "fixed": ("BEFORE AND AFTER", "gone", "smaller", "tcp_timeout_established 432000 -> 7440"),
    "days": ("Entries at every moment", "Growth"),
    "cut": ("40\u00a0% of it is seen", "stand-ins", "table.txt:7"),
    "calm": ("2 of 262,144 entries",),
    "evil": (SEEN_OF_IT, "\\x1b[2J\\u202e"),
}
"""What has to be there to be read."""
WIDTHS = (360, 768, 1280)
_OVER = """
[...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 0.5 || box.left < -0.5);
}).map(each => each.tagName + '.' + each.className)
"""
_FOREIGN = (
    "document.querySelectorAll('script,img,iframe,object,embed,form,a,base,link:not([rel=icon])').length"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("pages")
    found = {}
    for name, diagnosis in all_of_them().items():
        found[name] = place / f"{name}.html"
        text = html.render(diagnosis, planned="halftrack plan --from node17.tgz", made_by="Halftrack")
        found[name].write_text(text, encoding="utf-8")
    assert tuple(found) == NAMES
    return found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    program = command()
    if program is None:
        pytest.skip("needs chromium")
    with browser(program) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_for_and_nothing_runs(page: Page, pages: dict[str, Path], name: str) -> None:
    url = pages[name].as_uri()
    page.open(url)
    assert [each for each in page.asked if not each.startswith("data:")] == [url]
    assert page.value("window.hurt === undefined")
    assert page.value(_FOREIGN) == 0
    assert not {"Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Log.entryAdded"} & set(page.told)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_it_fits(page: Page, pages: dict[str, Path], name: str, width: int) -> None:
    page.open(pages[name].as_uri(), width)
    page.value("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert page.value("innerWidth") == width
    assert page.value("document.documentElement.scrollWidth") == width
    assert page.value(_OVER) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_read_without_scripts(page: Page, pages: dict[str, Path], name: str) -> None:
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(pages[name].as_uri())
        text = page.value("document.body.innerText")
        title = page.value("document.title")
    finally:
        page.send("Emulation.setScriptExecutionDisabled", value=False)
    missing = [wanted for wanted in READ[name] if wanted not in text]
    assert missing == [], text
    assert title.startswith(("CRITICAL ", "WARNING ", "PARTIAL ", "OK "))


def test_light_and_dark(page: Page, pages: dict[str, Path]) -> None:
    """Text stands out from what is behind it by 4.5 to 1 at least (WCAG 2.2, 1.4.3)."""
    background = "getComputedStyle(document.querySelector('{}')).{}"
    seen = {}
    for dark in (False, True):
        page.open(pages["full"].as_uri(), dark=dark)
        seen[dark] = page.value(background.format("body", "backgroundColor"))
        behind = _light(page.value(background.format("article", "backgroundColor")))
        for what in ("h3", "article small", "article .soft", ".big"):
            before = _light(page.value(background.format(what, "color")))
            lighter, darker = max(before, behind), min(before, behind)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (what, dark)
        for chip in ("critical", "warning", "info"):
            ink, tint = (
                _light(page.value(background.format(f".chip.{chip}", each)))
                for each in ("color", "backgroundColor")
            )
            assert (max(ink, tint) + 0.05) / (min(ink, tint) + 0.05) >= 4.5, (chip, dark)
    assert seen[False] != seen[True]


def _light(color: str) -> float:
    """Relative luminance of ``rgb(…)``."""
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_it_prints_with_all_that_is_folded_away(page: Page, pages: dict[str, Path]) -> None:
    page.open(pages["full"].as_uri(), media="print", dark=True)
    folded = "[...document.querySelectorAll('details > :not(summary)')]"
    assert page.value(f"{folded}.length") > 3
    assert page.value(f"{folded}.every(each => each.getBoundingClientRect().height > 0)")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_drawn(page: Page, pages: dict[str, Path], name: str) -> None:
    page.open(pages[name].as_uri())
    drawn = (
        "[...document.querySelectorAll('svg')].every(each => each.clientWidth > 0 && each.clientHeight > 0)"
    )
    assert page.value(drawn)
    assert page.value("document.querySelectorAll('svg[role=img]').length") >= (3 if name != "calm" else 1)
    assert page.value(
        "[...document.querySelectorAll('svg[role=img]')].every(each => each.querySelector('title').textContent)"
    )
    assert page.screenshot().startswith(b"\x89PNG")


def test_as_it_is_typed(tmp_path: Path) -> None:
    """From the program into the browser, both as processes."""
    program = command()
    if program is None:
        pytest.skip("needs chromium")
    made = process("doctor", "--example", "--format", "html")
    assert made.returncode == 1, made.stderr
    file = tmp_path / "page.html"
    file.write_bytes(made.stdout)
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'home'}"]
    shown = subprocess.run(
        [*program, *options, "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "xx.xx.xx.73 tcp/80 (server side)" in shown.stdout
    assert shown.stdout.count("<script") == 0
