"""`bellhop approve RUN STEP`: a person's yes from the command line."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.app import Bellhop
    from bot.model.incident import Incident, PendingApproval

_EXAMPLES = """\b
Examples:
  bellhop approve INC-7-R1 replenish
  bellhop approve INC-7-R1 replenish --yes
  bellhop approve INC-7-R1 replenish --break-glass "the ring is down"
"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.argument("run")
@click.argument("step")
@click.option("--yes", "-y", is_flag=True, help="Do not ask back; on a terminal what is approved is still shown.")
@click.option(
    "--break-glass",
    metavar="WHY",
    help="Let it go ahead on your word alone; you need the role approver or one that it asks for, and somebody else "
    "must review it.",
)
def approve(config: Path, run: str, step: str, yes: bool, break_glass: str | None) -> int:
    """Approve STEP of RUN, which waits for it; you need the role that the step asks for.

    On a terminal it shows what is done and asks you first; in a pipe or a script it approves at once.
    """
    shown = asyncio.run(_show(config, run, step)) if sys.stdout.isatty() else None
    if shown is not None and not yes and sys.stdin.isatty():
        question = "Approve?" if break_glass is None else "Let it go ahead on your word alone?"
        if not click.confirm(question):
            click.echo("not approved; nothing has changed", err=True)
            return 1
    return asyncio.run(decide(config, run, step, approves=True, break_glass=break_glass, shown=shown))


async def decide(
    config: Path, run: str, step: str, *, approves: bool, break_glass: str | None = None, shown: str | None = None
) -> int:
    """Approve or reject as the person at this terminal, only the plan whose hash was `shown` if any; the exit code."""
    import uuid

    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        person = await myself(bellhop)
        desk, key = bellhop.desk, uuid.uuid4().hex
        answer = (
            await desk.approve(run, step, person, plan_hash=shown, key=key, break_glass=break_glass)
            if approves
            else await desk.reject(run, step, person, plan_hash=None, key=key)
        )
        left = (await _waiting(bellhop, run, step))[1] if answer.done and shown is not None else None
    click.echo(answer.message, err=not answer.done)
    if left is not None:
        _say_left(left)
    return 0 if answer.done else 1


async def _show(config: Path, run: str, step: str) -> str | None:
    """Print the question; the hash of its plan, None where nothing waits."""
    from bot.cli.approve_question import question_lines
    from bot.cli.options import opened

    async with opened(config) as bellhop:
        view, ask = await _waiting(bellhop, run, step)
    if ask is None:
        return None
    for line in question_lines(view, ask):
        click.echo(line)
    return ask.plan_hash


async def _waiting(bellhop: "Bellhop", run: str, step: str) -> "tuple[Incident, PendingApproval | None]":
    """The run's incident, and its question about the step while it is open; raises NotFoundError."""
    from bot.flow.authority import pending_at
    from bot.flow.past import incident_of

    view = await bellhop.desk.incident(incident_of(run))
    return view, pending_at(view, run, step)


def _say_left(ask: "PendingApproval") -> None:
    from bot.model.approval_wording import approvals_words
    from bot.model.visible import clean_line

    click.echo(clean_line(approvals_words(ask)))
