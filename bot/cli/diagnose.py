"""`bellhop diagnose`: one diagnosis, or many from a file; read-only."""

import asyncio
import json
from pathlib import Path
from typing import IO

import click

from bot.cli.options import config_option

_EXAMPLE = "\b\nExamples:\n  bellhop diagnose ams-rpt1\n  bellhop diagnose --batch questions.jsonl --format jsonl"


@click.command(epilog=_EXAMPLE)
@config_option
@click.argument("link", required=False)
@click.option("--at", default=None, help="When, as RFC 3339 such as 2026-01-05T12:00:00Z; now when left out.")
@click.option("--batch", type=click.File("rb"), help='Questions, a JSON line {"id","link","at"} each; - is stdin.')
@click.option("--format", "format_", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True)
def diagnose(config: Path, link: str | None, at: str | None, batch: IO[bytes] | None, format_: str) -> None:
    """What is wrong with LINK, with evidence and the capacity that the model predicts."""
    if (link is None) == (batch is None):
        raise click.UsageError("give either LINK or --batch FILE")
    if batch is None:
        asyncio.run(_one(config, str(link), at, format_))
        return
    if at is not None:
        raise click.UsageError("--at goes with LINK; each question of a batch has its own")
    from bot.cli.diagnose_batch import diagnose_batch

    asyncio.run(diagnose_batch(config, batch))


async def _one(config: Path, link: str, at: str | None, format_: str) -> None:
    from rich.console import Console

    from bot.cli.options import opened
    from bot.cli.story import tell
    from bot.model.diagnosis import diagnosis_line
    from bot.model.event import DiagnosisMade

    instant = _instant(at)
    async with opened(config) as bellhop:
        found = await bellhop.desk.diagnose(link, instant)
    if format_ != "text":
        click.echo(json.dumps(diagnosis_line(link, found)))
        return
    console = Console(highlight=False)
    told = tell(DiagnosisMade(diagnosis=found))
    for part in told if isinstance(told, list) else [told]:
        console.print(part)
    for sentence in found.rejected:
        console.print(f"[dim]not {sentence}[/dim]")


def _instant(text: str | None) -> float | None:
    from bot.model.time import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
