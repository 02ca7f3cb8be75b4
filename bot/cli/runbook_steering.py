"""`bellhop runbook abort | skip | retry`: what a person does to a single run from the command line."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option
from bot.cli.pause import said


@click.command(epilog='\b\nExamples:\n  bellhop runbook abort INC-7-R1 "the wrong link"\n  bellhop runbook abort INC-7')
@config_option
@click.argument("run", metavar="RUN|INCIDENT")
@click.argument("why", nargs=-1)
def abort(config: Path, run: str, why: tuple[str, ...]) -> int:
    """Stop RUN before its next act, what it did is taken back; one that has not begun is withdrawn and never begins.

    An INCIDENT stands for the one run in it that goes on or is to begin.
    """
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.abort(run, me, " ".join(why))))


@click.command(epilog='\b\nExample:\n  bellhop runbook skip INC-7-R1 purify "the source is new"')
@config_option
@click.argument("run")
@click.argument("step")
@click.argument("why", nargs=-1)
def skip(config: Path, run: str, step: str, why: tuple[str, ...]) -> int:
    """Pass over STEP of RUN, which has not begun, waits for its approval or only looks; the run goes on behind it.

    A step that verifies the repair is skipped by an approver only; that is reviewed afterwards, and so is the skip
    of a step that would have taken back what an earlier one did. Who asked for the run has neither a verification
    nor a step that asks for a yes skipped: somebody else does, and where an intrusion is not excluded, security.
    """
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.steering.skip(run, step, me, " ".join(why))))


@click.command(epilog="\b\nExample:\n  bellhop runbook retry INC-7-R1 realign")
@config_option
@click.argument("run")
@click.argument("step", default="")
def retry(config: Path, run: str, step: str) -> int:
    """Run again what ended without success: from STEP, from where it ended, or, taken back, from its first one.

    It is a new run with the same inputs; approvals are asked for and guards are checked anew.
    """
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.steering.retry(run, me, step)))
