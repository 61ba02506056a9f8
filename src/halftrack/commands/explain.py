"""``halftrack explain [TOPIC]``: the runbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import completing, options, output

if TYPE_CHECKING:
    from halftrack.reporters.layout import Page

_HEADINGS: Final = {
    "symptom": "Symptoms",
    "cause": "Causes",
    "remedy": "Remedies",
    "setting": "Settings",
    "alert": "Alerts",
}


@click.command(
    "explain",
    help="Explains a symptom, a cause, a remedy, a setting or an alert. Without TOPIC: the list of them.",
)
@click.argument("topic", required=False, shell_complete=completing.topics)
@options.shared
@click.pass_context
def command(context: click.Context, topic: str | None = None) -> int:
    from halftrack.reporters.layout import Page  # noqa: PLC0415  # --help needs none of these

    given = options.given(context)
    if given.document:
        output.write(_document(topic))
        return 0
    page = Page(output.width(), output.wants_ascii())
    lines = _list(page) if topic is None else _page(topic, page)
    output.write("".join(f"{line}\n" for line in lines).encode())
    return 0


def _list(page: Page) -> list[str]:
    from halftrack import runbooks  # noqa: PLC0415

    lines: list[str] = []
    kind = None
    for each in runbooks.topics():
        if each.kind != kind:
            kind = each.kind
            lines += ([""] if lines else []) + [_HEADINGS[kind]]
        lines += page.wrap(each.summary, f"  {each.slug:<20} ")
    return lines


def _document(topic: str | None) -> bytes:
    """``halftrack.runbooks/1``: every page, or the one of a topic."""
    import msgspec  # noqa: PLC0415  # text does without

    from halftrack import runbooks  # noqa: PLC0415

    pages = runbooks.topics() if topic is None else (runbooks.find(topic),)
    document = {
        "schema": "halftrack.runbooks/1",
        "runbooks": [
            {"kind": page.kind, "slug": page.slug, "summary": page.summary, "text": runbooks.text(page.slug)}
            for page in pages
        ],
    }
    return msgspec.json.encode(document) + b"\n"


def _page(topic: str, page: Page) -> list[str]:
    from halftrack import runbooks  # noqa: PLC0415

    return [page.clean(line) for line in runbooks.text(topic).rstrip("\n").split("\n")]
