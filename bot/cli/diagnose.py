"""`bellhop diagnose`: one diagnosis, or many from a file; read-only."""

import asyncio
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.model.diagnosis import Diagnosis

_EXAMPLE = "\b\nExamples:\n  bellhop diagnose ams-rpt1\n  bellhop diagnose --batch questions.jsonl --format jsonl"


@click.command(epilog=_EXAMPLE)
@config_option
@click.argument("link", required=False)
@click.option("--at", default=None, help="When, as RFC 3339 such as 2026-01-05T12:00:00Z; now when left out.")
@click.option("--batch", type=click.File("rb"), help='Questions, a JSON line {"id","link","at"} each; - is stdin.')
@click.option("--format", "format_", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the deciding signals as SVG here.")
def diagnose(
    *, config: Path, link: str | None, at: str | None, batch: IO[bytes] | None, format_: str, plot: Path | None
) -> None:
    """What is wrong with LINK, with evidence and the capacity that the model predicts."""
    if (link is None) == (batch is None):
        raise click.UsageError("give either LINK or --batch FILE")
    if batch is None:
        asyncio.run(_one(config, str(link), at, format_, plot))
        return
    if at is not None or plot is not None:
        raise click.UsageError("--at and --plot go with LINK; each question of a batch has its own instant")
    from bot.cli.diagnose_batch import diagnose_batch

    asyncio.run(diagnose_batch(config, batch))


async def _one(config: Path, link: str, at: str | None, format_: str, plot: Path | None) -> None:
    from rich.console import Console

    from bot.cli.options import opened
    from bot.cli.story import tell
    from bot.model.diagnosis import diagnosis_line
    from bot.model.event import DiagnosisMade
    from bot.postmortem.figure import sparkline

    instant = _instant(at)
    async with opened(config) as bellhop:
        found = await bellhop.desk.diagnose(link, instant)
    if plot is not None:
        _draw(found, plot)
    if format_ != "text":
        click.echo(json.dumps(diagnosis_line(link, found)))
        return
    console = Console(highlight=False)
    told = tell(DiagnosisMade(diagnosis=found))
    for part in told if isinstance(told, list) else [told]:
        console.print(part)
    for trace in found.traces:
        console.print(f"  {sparkline(trace):40} [dim]{trace.signal} of {trace.subject.id}[/dim]")
    for sentence in found.rejected:
        console.print(f"[dim]not {sentence}[/dim]")


def _draw(found: "Diagnosis", place: Path) -> None:
    from bot.errors import UsageError
    from bot.postmortem.figure import svg

    try:
        place.write_text(str(svg(found.traces)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror}") from None


def _instant(text: str | None) -> float | None:
    from bot.model.time import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
