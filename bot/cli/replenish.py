"""`bellhop replenish`: a run that a person asks for, in an incident of its own."""

import asyncio
import uuid
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop replenish ams-utr")
@config_option
@click.argument("link")
def replenish(config: Path, link: str) -> int:
    """Fill the pool of a link that is well, before a demand that is known."""
    from bot.cli.pause import said

    key = uuid.uuid4().hex
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.requests.replenish(link, me, key=key)))
