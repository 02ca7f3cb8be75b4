"""`bellhop incident`: the same operations that Slack and the web pages offer."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import config_option
from bot.cli.review import owed_line

if TYPE_CHECKING:
    from bot.model.guard import Pause
    from bot.model.incident import Incident


_EXAMPLES = """\b
Examples:
  bellhop incident list
  bellhop incident show INC-7
  bellhop incident resolve INC-7 "realigned by hand"
"""


@click.group(epilog=_EXAMPLES)
def incident() -> None:
    """List, show, acknowledge, note and resolve incidents."""


@incident.command()
@config_option
def status(config: Path) -> None:
    """Whether runs may act at all, the open incidents and the reviews that are owed."""
    asyncio.run(_list(config, open_only=True, as_json=False))


@incident.command(name="list")
@config_option
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(config: Path, everything: bool, format_: str) -> None:
    """The open incidents, a line each."""
    asyncio.run(_list(config, open_only=not everything, as_json=format_ == "json"))


@incident.command()
@config_option
@click.argument("id")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(config: Path, id: str, format_: str) -> None:  # noqa: A002 - the argument's name on the screen
    """Everything that happened in one incident."""
    asyncio.run(_show(config, id, as_json=format_ == "json"))


@incident.command()
@config_option
@click.argument("id")
def ack(config: Path, id: str) -> int:  # noqa: A002
    """Say that you are on it."""
    return asyncio.run(_act(config, id, "acknowledge", ""))


@incident.command()
@config_option
@click.argument("id")
@click.argument("text", nargs=-1, required=True)
def note(config: Path, id: str, text: tuple[str, ...]) -> int:  # noqa: A002
    """Write something down for the postmortem."""
    return asyncio.run(_act(config, id, "note", " ".join(text)))


@incident.command()
@config_option
@click.argument("id")
@click.argument("words", nargs=-1, metavar="[WHY]...")
@click.option("--why", default="", help="Why it is over; the same as the words behind the id.")
def resolve(config: Path, id: str, words: tuple[str, ...], why: str) -> int:  # noqa: A002
    """Declare an incident over."""
    return asyncio.run(_act(config, id, "resolve", " ".join([*words, why]).strip()))


@incident.command()
@config_option
@click.argument("id")
@click.option("--runbook", default=None, help="Which one; the diagnosis' own when left out.")
def run(config: Path, id: str, runbook: str | None) -> int:  # noqa: A002
    """Start a runbook; the running bot carries it out."""
    return asyncio.run(_act(config, id, "run", runbook or ""))


async def _list(config: Path, *, open_only: bool, as_json: bool) -> None:
    import msgspec

    from bot.cli.options import opened

    async with opened(config) as bellhop:
        incidents = await bellhop.desk.incidents(open_only=open_only)
        owed = () if as_json else await bellhop.desk.reviews.owed()
        pause = await bellhop.desk.switches.paused()
    if as_json:
        click.echo(msgspec.json.encode(incidents).decode())
        return
    _say_pause(pause)
    for each in incidents:
        click.echo(_summary(each))
    if not incidents:
        click.echo("no open incidents" if open_only else "no incidents")
    for review in owed:
        click.echo(owed_line(review))


def _summary(view: "Incident") -> str:
    from bot.incidents.title import one_line
    from bot.model.wording import verdict_words

    verdict = verdict_words(view.diagnosis)
    return f"{view.id:8} {view.severity} {view.state:20} {view.subject!s:24} {verdict:28} {one_line(view.title)}"


def _say_pause(pause: "Pause | None") -> None:
    from bot.model.visible import clean_line
    from bot.model.wording import pause_words

    if pause is not None:
        click.secho(f"{clean_line(pause_words(pause))}; no run acts until: bellhop resume", fg="yellow", bold=True)


async def _show(config: Path, id: str, *, as_json: bool) -> None:  # noqa: A002
    import msgspec
    from rich.console import Console

    from bot.cli.options import opened
    from bot.cli.story import line

    async with opened(config) as bellhop:
        view = await bellhop.desk.incident(id)
        events = await bellhop.desk.events(id)
        pause = await bellhop.desk.switches.paused()
    if as_json:
        click.echo(json.dumps({"incident": msgspec.to_builtins(view), "events": msgspec.to_builtins(events)}))
        return
    _say_pause(pause)
    console = Console(highlight=False)
    console.print(_summary(view), markup=False)
    if view.diagnosis is not None and view.diagnosis.playbook:
        console.print(f"guide for people: bellhop runbook show {view.diagnosis.playbook}", markup=False)
    for review in view.reviews:
        console.print(owed_line(review), style="yellow", markup=False)
    for event in events:
        if (told := line(event)) is not None:
            console.print(told)


async def _act(config: Path, id: str, act: str, text: str) -> int:  # noqa: A002
    from bot.cli.options import myself, opened

    async with opened(config) as bellhop:
        desk, person = bellhop.desk, await myself(bellhop)
        match act:
            case "acknowledge":
                answer = await desk.acknowledge(id, person)
            case "note":
                answer = await desk.note(id, text, person)
            case "resolve":
                answer = await desk.resolve(id, person, text)
            case _:
                answer = await desk.run(id, person, text or None)
    click.echo(answer.message, err=not answer.done)
    return 0 if answer.done else 1
