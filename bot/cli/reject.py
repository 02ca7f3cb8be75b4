"""`bellhop reject RUN STEP`: a person's no from the command line."""

import asyncio
from pathlib import Path

import click

from bot.cli.approve import decide
from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop reject INC-7-R1 replenish")
@config_option
@click.argument("run")
@click.argument("step")
def reject(config: Path, run: str, step: str) -> int:
    """Reject STEP of RUN; the run stops there."""
    return asyncio.run(decide(config, run, step, approves=False))
