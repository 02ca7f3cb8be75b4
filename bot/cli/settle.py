"""`bellhop settle`: a person says whether an act happened of which nobody knows."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.app import Bellhop
    from bot.model.incident import Incident, PendingOutcome
    from bot.model.person import Answer

_EXAMPLES = """\b
Examples:
  bellhop settle
  bellhop settle INC-7-R1 move --happened
  bellhop settle INC-7-R1 move --not-happened --why "the switch still shows the old route"
"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.argument("run", default="")
@click.argument("step", default="")
@click.option("--happened/--not-happened", default=None, help="What you found at the equipment.")
@click.option("--why", default="", help="How you know; it is noted in the incident.")
def settle(config: Path, run: str, step: str, happened: bool | None, why: str) -> int:
    """Say whether STEP of RUN happened; without RUN, list what waits for such an answer.

    Look at the equipment first: the run goes on with what you say.
    """
    if not run:
        return asyncio.run(_open(config))
    if not step or happened is None:
        raise click.UsageError("an outcome is told with RUN STEP --happened or RUN STEP --not-happened")
    return asyncio.run(_told(config, run, step, happened=happened, why=why))


async def _open(config: Path) -> int:
    from bot.cli.options import opened

    async with opened(config) as bellhop:
        views = await bellhop.desk.incidents(open_only=False)
    asked = [(view, each) for view in views for each in view.outcomes]
    for view, each in asked:
        click.echo(_line(view, each))
    if not asked:
        click.echo("no run asks whether an act happened")
    return 0


def _line(view: "Incident", asked: "PendingOutcome") -> str:
    from bot.model.visible import clean_line
    from bot.model.wording import doubt_words

    return (
        f"{view.id}, {asked.run}: {doubt_words(asked.step, looks=asked.looks)} {clean_line(asked.reason)}; look, then: "
        f"bellhop settle {asked.run} {asked.step} --happened|--not-happened"
    )


async def _told(config: Path, run: str, step: str, *, happened: bool, why: str) -> int:
    import uuid

    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        person, key = await myself(bellhop), uuid.uuid4().hex
        answer = await bellhop.desk.settle(run, step, person, happened=happened, key=key)
        noted = await _noted(bellhop, run, step, why) if answer.done and why.strip() else None
    click.echo(answer.message, err=not answer.done)
    if noted is not None and not noted.done:
        click.echo(f"the reason was not noted: {noted.message}", err=True)
    return 0 if answer.done else 1


async def _noted(bellhop: "Bellhop", run: str, step: str, why: str) -> "Answer":
    from bot.cli.options import myself

    incident = run.rpartition("-R")[0]
    return await bellhop.desk.note(incident, f"{step} of {run}: {why.strip()}", await myself(bellhop))
