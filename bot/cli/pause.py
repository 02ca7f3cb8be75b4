"""`bellhop pause` and `bellhop resume`: the kill switch."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option

if TYPE_CHECKING:
    from bot.app import Bellhop
    from bot.model.person import Answer, Person


@click.command(epilog='\b\nExample:\n  bellhop pause "somebody works on the ring"')
@config_option
@click.argument("reason", nargs=-1)
def pause(config: Path, reason: tuple[str, ...]) -> int:
    """Let no run act until `bellhop resume`; looking, asking and telling go on."""
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.switches.pause(me, " ".join(reason))))


@click.command()
@config_option
def resume(config: Path) -> int:
    """Let runs act again, from where they stood still."""
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.switches.resume(me)))


async def said(config: Path, ask: "Callable[[Bellhop, Person], Awaitable[Answer]]") -> int:
    """Ask the desk as the person at this terminal, and say its answer; the exit code."""
    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        answer = await ask(bellhop, await myself(bellhop))
    click.echo(answer.message, err=not answer.done)
    return 0 if answer.done else 1
