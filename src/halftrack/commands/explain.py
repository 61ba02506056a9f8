"""``halftrack explain [TOPIC]``: the runbooks."""

from __future__ import annotations

import click

from halftrack.commands import completing, options, output


@click.command(
    "explain",
    help="Explains a symptom, a cause, a remedy, a setting or an alert. Without TOPIC: the list of them.",
)
@click.argument("topic", required=False, shell_complete=completing.topics)
@options.shared(*options.DOCUMENT)
@click.pass_context
def command(context: click.Context, topic: str | None = None) -> int:
    from halftrack.reporters import runbooks  # noqa: PLC0415  # --help needs none of these
    from halftrack.reporters.layout import Page  # noqa: PLC0415  # likewise

    given = options.given(context)
    if given.document:
        output.write(output.document(runbooks.document(topic), given))
        return 0
    page = Page(output.width(), output.wants_ascii())
    lines = runbooks.listed(page) if topic is None else runbooks.text(topic, page)
    output.write("".join(f"{line}\n" for line in lines).encode())
    return 0
