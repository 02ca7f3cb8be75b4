"""`bellhop reroute`: a run that a person asks for, in an incident of its own."""

import asyncio
import uuid
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop reroute key-exchange\n  bellhop reroute key-exchange --back")
@config_option
@click.argument("flow")
@click.option("--back", is_flag=True, help="Bring the flow back to its home route.")
def reroute(config: Path, flow: str, *, back: bool) -> int:
    """Move a flow to its alternate route, or back; an approver must agree."""
    from bot.cli.pause import said

    key = uuid.uuid4().hex
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.requests.reroute(flow, me, key=key, back=back)))
