"""`bellhop review`: a second person judges what went ahead on one person's word."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.model.guard_event import Verdict
    from bot.model.incident import Review


@click.command(epilog='\b\nExample:\n  bellhop review INC-7-R1 drain --outcome justified --note "the ring was down"')
@config_option
@click.argument("run", default="")
@click.argument("step", default="")
@click.option("--outcome", type=click.Choice(["justified", "not-justified"]), help="How you judge it.")
@click.option("--note", default="", help="Why you judge it so.")
def review(config: Path, run: str, step: str, outcome: str | None, note: str) -> int:
    """Close the review of STEP of RUN, which somebody else let go ahead alone; without RUN, list what is owed."""
    if not run:
        return asyncio.run(_owed(config))
    if not step or outcome is None:
        raise click.UsageError("a review is closed with RUN STEP --outcome justified|not-justified --note WHY")
    return asyncio.run(_close(config, run, step, justified=outcome == "justified", note=note))


def owed_line(owed: "Review") -> str:
    """One open review, with the command that closes it."""
    from bot.incidents.title import one_line
    from bot.model.time import format_instant

    return (
        f"review owed: {owed.step} of {owed.run} went ahead on the word of {owed.by} at "
        f"{format_instant(owed.opened_at)}: {one_line(owed.reason)}; somebody else closes it: "
        f"bellhop review {owed.run} {owed.step} --outcome justified|not-justified --note WHY"
    )


async def _owed(config: Path) -> int:
    from bot.cli.options import opened

    async with opened(config) as bellhop:
        reviews = await bellhop.desk.reviews.owed()
    for each in reviews:
        click.echo(owed_line(each))
    if not reviews:
        click.echo("no review is owed")
    return 0


async def _close(config: Path, run: str, step: str, *, justified: bool, note: str) -> int:
    from bot.cli.options import myself, opened

    verdict: Verdict = "justified" if justified else "not justified"
    async with opened(config) as bellhop:
        answer = await bellhop.desk.reviews.close(run, step, await myself(bellhop), verdict=verdict, note=note)
    click.echo(answer.message, err=not answer.done)
    return 0 if answer.done else 1
