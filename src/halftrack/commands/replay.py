"""``halftrack replay FILE [SETTING=VALUE…]``: packets through the kernel's rules, the table they leave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import completing, options, output
from halftrack.commands.progress import progress
from halftrack.diagnosis import words as counted
from halftrack.errors import Incomplete, UsageError
from halftrack.tcp import kernels

if TYPE_CHECKING:
    from halftrack.commands.options import Options
    from halftrack.commands.replay_run import Run
    from halftrack.formats.node import Node

_PARQUET: Final = ".parquet"


@click.command(
    "replay",
    help="Puts the packets of FILE, a capture (pcap or pcapng, packed or not, - for standard input), through"
    " the tracker of a kernel: the table that a node with these rules holds at the end, and its size over"
    " time. SETTING=VALUE is written as for sysctl, with or without net.netfilter.nf_conntrack_; what is"
    " not given is the kernel's default. `max` limits the table; without it, as many entries as come."
    " Packets count as seen by the tracker when they were captured, each once.",
)
@click.argument("file", metavar="FILE", required=False, shell_complete=completing.files)
@click.argument("words", metavar="[SETTING=VALUE]...", nargs=-1)
@click.option(
    "--kernel",
    metavar="KERNEL",
    help=f"Whose rules: what uname -r prints, or one of {', '.join(kernels.NAMED)}. [default:"
    f" {kernels.DEFAULT}]",
)
@click.option(
    "--from",
    "node",
    metavar="SOURCE",
    help="Whose kernel and settings: a bundle, or text of sysctl and uname -r, - for standard input.",
)
@click.option(
    "--at",
    type=click.Choice(("all", "in", "out")),
    default="all",
    show_default=True,
    help="Which packets the tracker saw, where the capture tells which way they went: those that came in"
    " (of a router's two interfaces: before the tracker, also what is refused), those that went out"
    " (behind it), or all of them, each as it was first seen.",
)
@click.option(
    "--interface",
    metavar="NAME|N",
    help="Packets of this interface alone, by the name or number that the capture has for it: where addresses"
    " are translated, of one side of the translation.",
)
@click.option(
    "--explain",
    "explained",
    metavar="FLOW|N",
    help="One flow alone, packet by packet: what it did to the entry, and by which rule. As"
    " SOURCE:PORT-TARGET:PORT in either order, or the flow of packet N.",
)
@click.option(
    "--against",
    metavar="SETTING=VALUE",
    multiple=True,
    help="The same once more with this changed, side by side; also kernel=KERNEL. May be repeated.",
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the entries at the end: as Parquet in the flow table's columns (FILE.parquet), or else as a"
    " bundle, which doctor and list read.",
)
@click.option("--example", is_flag=True, help="In place of FILE: the founding case, captured in the lab.")
@options.shared(*options.DOCUMENT, "budget", *options.SCREEN, "quiet")
@click.pass_context
def command(
    context: click.Context,
    *,
    file: str | None,
    words: tuple[str, ...],
    kernel: str | None,
    node: str | None,
    at: str,
    interface: str | None,
    explained: str | None,
    against: tuple[str, ...],
    record: Path | None,
    example: bool,
) -> int:
    given = options.given(context)
    if given.netns is not None or given.root != Path("/"):
        raise UsageError("a capture is replayed, no node is looked at: leave --netns and --root out")
    if given.assume:
        raise UsageError("write SETTING=VALUE and --kernel in place of --assume")
    if explained is not None and against:
        raise UsageError("--explain follows one flow, --against compares tables: choose one")
    from halftrack.commands import replay_run  # noqa: PLC0415  # brings numpy and Polars; --help does without

    source, settings = _source(file, words, example=example)
    wanted = replay_run.wanted(
        source,
        settings,
        kernel=kernel,
        node=_node(node, source),
        at=at,
        interface=interface,
        against=against,
        explained=explained,
    )
    run = replay_run.Run(wanted, sys.stdin.buffer if source == "-" else None, given.budget_s)
    with progress(lambda: _doing(run), given):
        run.work()
    _show(run, given, record)
    if not run.capture.tally.whole:
        raise Incomplete(f"answered without the rest of {run.capture.name}: it was not read to its end")
    return 0


def _node(name: str | None, capture: str) -> Node | None:
    """Raises UnreadableInput where it tells nothing of a node."""
    if name is None:
        return None
    if name == capture == "-":
        raise UsageError("standard input is one thing only: the capture, or --from")
    from halftrack.formats import node  # noqa: PLC0415  # rarely wanted

    return node.node(name, sys.stdin.buffer if name == "-" else None)


def _source(file: str | None, words: tuple[str, ...], *, example: bool) -> tuple[str, tuple[str, ...]]:
    """The capture and the settings. With ``--example`` the first word is a setting, too."""
    from halftrack.commands import replay_run  # noqa: PLC0415  # as above

    if example:
        return replay_run.EXAMPLE, words if file is None else (file, *words)
    if file is None:
        raise UsageError("name a FILE, a capture (pcap or pcapng); or look at --example")
    return file, words


def _doing(run: Run) -> str:
    share = run.share
    how_far = "" if share is None else f"{share:.0%}, "
    return f"replaying: {how_far}{run.packets:,} packets"


def _show(run: Run, given: Options, record: Path | None) -> None:
    if record is not None:
        from halftrack.commands import saving  # noqa: PLC0415  # rarely wanted

        saving.save(run.parquet() if record.suffix == _PARQUET else run.bundle(), record)
        output.message(f"{counted.count(len(run.flows), 'entry is', 'entries are')} in {record}", given)
    if given.document:
        output.write(output.document(run.document(with_entries=True), given))
        return
    from halftrack.reporters import replay, replay_flow  # noqa: PLC0415  # JSON does without

    document = run.document(with_entries=False)
    if document.explained is not None:
        output.write(output.screen(replay_flow.render, document, given))
    else:
        again = None if run.wanted.file == "-" else run.wanted.typed(output.program())
        output.write(output.screen(replay.render, document, given, again=again, left=run.shown()))
