"""`bellhop serve`: the bot."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop serve --config bellhop.yaml")
@config_option
def serve(config: Path) -> None:
    """Run the bot: alert intake, Slack, web pages, runbook workers. Stops cleanly on SIGTERM and Ctrl-C."""
    from bot.app import Bellhop
    from bot.logs import configure
    from bot.settings import load_settings

    settings = load_settings(config)
    configure(settings.logs)
    asyncio.run(_serve(Bellhop(settings)))


async def _serve(bellhop: "object") -> None:
    from bot.app import Bellhop
    from bot.http import serve_http

    if not isinstance(bellhop, Bellhop):
        raise TypeError(bellhop)
    await serve_http(bellhop, announce=lambda address: click.echo(f"bellhop listens on {address}"))
