"""What several commands share: the configuration file, and a bot opened on it."""

import os
import pwd
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bot.app import Bellhop
    from bot.model.person import Person

config_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bellhop.yaml"),
    show_default=True,
    envvar="BELLHOP_CONFIG",
    help="The configuration file.",
)


@asynccontextmanager
async def opened(config: Path) -> "AsyncIterator[Bellhop]":
    """The bot on a configuration, its store open, nothing executing."""
    from bot.app import Bellhop
    from bot.settings import load_settings

    bellhop = Bellhop(load_settings(config))
    await bellhop.open()
    try:
        yield bellhop
    finally:
        await bellhop.close()


async def myself(bellhop: "Bellhop") -> "Person":
    """Who sits at this terminal, with the roles that the configuration gives to `cli:<user>`."""
    return await bellhop.desk.person(f"cli:{account()}")


def account() -> str:
    """The account that this process runs under, whatever the environment says; `uid-10001` for one without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
