"""What the commands print: verdicts, where a report is, progress on a terminal.

In: results of runs. Out: lines on stdout, progress on stderr when a person sees it. Must not run
anything.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

_ENDED_BY = {"healthy": "green", "warning": "yellow", "critical": "red", "unknown": "magenta"}


class Progress:
    """One line on a terminal that is overwritten from cell to cell; nothing elsewhere."""

    def __init__(self, name: str) -> None:
        self.shown = watched(sys.stderr)
        self._name = name

    def __enter__(self) -> "Progress":
        if self.shown:
            click.echo(f"{self._name}: starting a kernel", nl=False, err=True)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.shown:
            click.echo("\r\x1b[2K", nl=False, err=True)

    def tell(self, number: int, total: int, section: str) -> None:
        """Say which cell is being run."""
        self.say(f"{self._name}: {number}/{total} {section}")

    def say(self, text: str) -> None:
        """Say what is being done, in place of what was said before."""
        if self.shown:
            line = text[: max(20, columns(sys.stderr) - 1)]
            click.echo(f"\r\x1b[2K{line}", nl=False, err=True)


def watched(stream: TextIO | None) -> bool:
    """Whether a person sees it; a stream that was closed before we began is None."""
    return stream is not None and stream.isatty()


def person() -> bool:
    """Whether a person is at any of the three streams."""
    return any(watched(stream) for stream in (sys.stdin, sys.stdout, sys.stderr))


def columns(stream: TextIO) -> int:
    """Return the width of a terminal; one that does not know it says 0."""
    return os.get_terminal_size(stream.fileno()).columns


def say_verdict(result: Mapping[str, Any], report: Path) -> None:
    """Print the verdict, the cause, and where the report is."""
    subject = " on ".join(part for part in (result["notebook"], result["system"]) if part)
    click.echo(f"{word(result['verdict'])} {subject}")
    for sentence in causes(result):
        click.echo(f"  {sentence}")
    click.echo(f"  {shown(report)}")


def word(verdict: str) -> str:
    """Return a verdict as it is printed."""
    text = "COULD NOT LOOK" if verdict == "unknown" else verdict.upper()
    return click.style(text, fg=_ENDED_BY[verdict], bold=True)


def causes(result: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each finding, the worst first, and for what ended the run.

    What they name comes from AWS and its logs: a terminal is to show it, not to obey it.
    """
    from opslib.show import visible

    ranks = {word: rank for rank, word in enumerate(("critical", "warning", "unknown"))}
    told = [
        f"{finding['severity']}: {' '.join(finding['title'].split())}"
        for finding in sorted(
            result["findings"], key=lambda f: ranks.get(f["severity"], len(ranks))
        )
    ]
    if result["verdict"] == "unknown":
        told = [limit["what"] for limit in result["limits"] if limit["reason"] != "note"][:1] + told
    return [visible(sentence) for sentence in told]


def shown(path: Path) -> str:
    """Return a path as a person in this folder would type it."""
    here = Path.cwd()
    path = path.resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
