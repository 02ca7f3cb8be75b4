"""`bellhop maintenance`: announced work, during which alerts call nobody."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option

_EXAMPLE = "\b\nExamples:\n  bellhop maintenance ams-utr 2h new lasers\n  bellhop maintenance ams-utr end"


@click.command(epilog=_EXAMPLE)
@config_option
@click.argument("place", required=False)
@click.argument("length", required=False)
@click.argument("reason", nargs=-1)
def maintenance(config: Path, place: str | None, length: str | None, reason: tuple[str, ...]) -> int:
    """Announce work on a link or node (PLACE) for LENGTH such as 2h, or `end` it; without words, what goes on.

    Incidents of alerts that fire meanwhile are suppressed, and no runbook acts there; what still fires at the end is
    raised.
    """
    from bot.cli.pause import said
    from remediation.duration import parse_duration

    if place is None:
        return asyncio.run(_list(config))
    if length == "end":
        return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.requests.end_maintenance(place, me)))
    try:
        seconds = parse_duration(length or "")
    except ValueError as error:
        raise click.UsageError(f"LENGTH: {error}, or end") from None
    told = " ".join(reason)
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.requests.maintain(place, seconds, me, told)))


async def _list(config: Path) -> int:
    from bot.cli.options import opened
    from bot.model.time import format_instant

    async with opened(config) as bellhop:
        works = await bellhop.desk.requests.maintenance()
    for work in works:
        click.echo(f"{work.subject!s:24} until {format_instant(work.ends_at)}  {work.by}  {work.reason}")
    return 0
