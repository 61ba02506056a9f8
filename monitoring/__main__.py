"""``python -m monitoring DIRECTORY``: all of it as files, with links to where your people read runbooks."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit

from monitoring.files import files
from monitoring.rules import RUNBOOKS


def main() -> None:
    """Write below the directory; a usage error is exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m monitoring", description="Rules, inhibition, dashboard.")
    parser.add_argument("directory", type=Path, help="where they are written to")
    parser.add_argument(
        "--runbooks",
        type=_address,
        default=RUNBOOKS,
        metavar="URL",
        help=f"where the pages of the alerts are; URL/HalftrackLeak.md is one of them (default: {RUNBOOKS})",
    )
    given = parser.parse_args()
    for name, text in files(given.runbooks).items():
        path: Path = given.directory / Path(name).relative_to("deploy")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!a} is no http or https address")
    return text.rstrip("/")


if __name__ == "__main__":
    main()
