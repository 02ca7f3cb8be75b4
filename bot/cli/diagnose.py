"""`bellhop diagnose`: one diagnosis, or many from a file; read-only."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.app import Bellhop

_EXAMPLE = "\b\nExamples:\n  bellhop diagnose ams-rpt1\n  bellhop diagnose --batch questions.jsonl --format jsonl"


@click.command(epilog=_EXAMPLE)
@config_option
@click.argument("link", required=False)
@click.option("--at", default=None, help="When, as RFC 3339 such as 2026-01-05T12:00:00Z; now when left out.")
@click.option("--batch", type=click.File("r"), default=None, help='Questions, a JSON line {"id","link","at"} each.')
@click.option("--format", "format_", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True)
def diagnose(config: Path, link: str | None, at: str | None, batch: IO[str] | None, format_: str) -> None:
    """What is wrong with LINK, with evidence and the capacity that the model predicts."""
    if (link is None) == (batch is None):
        raise click.UsageError("give either LINK or --batch FILE")
    asyncio.run(_batch(config, batch) if batch is not None else _one(config, str(link), at, format_))


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


async def _batch(config: Path, lines: IO[str]) -> None:
    from rich.progress import track

    from bot.cli.options import opened
    from bot.model.diagnosis import diagnosis_line

    questions = list(_questions(lines))
    async with opened(config) as bellhop:
        shown = track(questions, "diagnosing", disable=not sys.stderr.isatty(), transient=True)
        for question in shown:
            found = await _answer(bellhop, question)
            click.echo(json.dumps(diagnosis_line(question["id"], found)))


async def _answer(bellhop: "Bellhop", question: dict[str, Any]) -> Any:  # noqa: ANN401
    return await bellhop.desk.diagnose(question["link"], _instant(question.get("at")))


def _questions(lines: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = json.loads(line)
        except json.JSONDecodeError as error:
            raise click.UsageError(f"{lines.name}:{number}:{error.colno}: is not JSON: {error.msg}") from None
        if not isinstance(question, dict) or not isinstance(question.get("link"), str) or "id" not in question:
            raise click.UsageError(f'{lines.name}:{number}:1: needs {{"id", "link", "at"}}')
        yield question


def _instant(text: str | None) -> float | None:
    from bot.model.time import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from None
