"""`bellhop approve RUN STEP`: a person's yes from the command line."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option

_EXAMPLES = """\b
Examples:
  bellhop approve INC-7-R1 replenish
  bellhop approve INC-7-R1 replenish --break-glass "the ring is down"
"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.argument("run")
@click.argument("step")
@click.option(
    "--break-glass",
    metavar="WHY",
    help="Let it go ahead on your word alone; you need the role approver or one that it asks for, and somebody else "
    "must review it.",
)
def approve(config: Path, run: str, step: str, break_glass: str | None) -> int:
    """Approve STEP of RUN, which waits for it; you need the role that the step asks for."""
    return asyncio.run(decide(config, run, step, approves=True, break_glass=break_glass))


async def decide(config: Path, run: str, step: str, *, approves: bool, break_glass: str | None = None) -> int:
    """Approve or reject as the person at this terminal; the exit code."""
    import uuid

    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        person = await myself(bellhop)
        desk, key = bellhop.desk, uuid.uuid4().hex
        answer = (
            await desk.approve(run, step, person, plan_hash=None, key=key, break_glass=break_glass)
            if approves
            else await desk.reject(run, step, person, plan_hash=None, key=key)
        )
    click.echo(answer.message, err=not answer.done)
    return 0 if answer.done else 1
