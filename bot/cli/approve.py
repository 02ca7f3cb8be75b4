"""`bellhop approve RUN STEP`: a person's yes from the command line."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop approve INC-7-R1 replenish")
@config_option
@click.argument("run")
@click.argument("step")
def approve(config: Path, run: str, step: str) -> int:
    """Approve STEP of RUN, which waits for it; you need the role that the step asks for."""
    return asyncio.run(decide(config, run, step, approves=True))


async def decide(config: Path, run: str, step: str, *, approves: bool) -> int:
    """Approve or reject as the person at this terminal; the exit code."""
    import uuid

    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        person = await myself(bellhop)
        act = bellhop.desk.approve if approves else bellhop.desk.reject
        answer = await act(run, step, person, plan_hash=None, key=uuid.uuid4().hex)
    click.echo(answer.message, err=not answer.done)
    return 0 if answer.done else 1
