"""`bellhop postmortem INCIDENT`: the drafted report."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop postmortem INC-7 --format html -o inc-7.html")
@config_option
@click.argument("incident")
@click.option("--format", "format_", type=click.Choice(["md", "html", "json"]), default="md", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; the screen otherwise.")
def postmortem(config: Path, incident: str, format_: str, output: Path | None) -> None:
    """The report of INCIDENT as its events tell it now."""
    text = asyncio.run(_report(config, incident, format_))
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"{output}", err=True)


async def _report(config: Path, incident: str, format_: str) -> str:
    from bot.cli.options import opened

    async with opened(config) as bellhop:
        return await bellhop.desk.postmortem(incident, format_)  # type: ignore[arg-type]
