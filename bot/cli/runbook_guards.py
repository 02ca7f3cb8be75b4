"""`bellhop runbook ledger | reset | promote`: what a runbook's predictions were worth, and what follows from it."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import config_option
from bot.cli.pause import said

if TYPE_CHECKING:
    from bot.model.guard import LedgerLine


@click.command(epilog="\b\nExample:\n  bellhop runbook ledger f4-entanglement-exhaustion")
@config_option
@click.argument("name", required=False)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def ledger(config: Path, name: str | None, format_: str) -> None:
    """Predicted beside measured of every run that was verified, and each runbook's mode where it ran."""
    lines, modes = asyncio.run(_ledger(config, name))
    if format_ == "json":
        import msgspec

        click.echo(json.dumps({"modes": modes, "lines": msgspec.to_builtins(lines)}))
        return
    for line in lines:
        _print(line)
    for each in modes:
        click.echo(f"{each['runbook']} on {each['target']}: mode {each['mode']}")
    if not lines:
        click.echo("no run has been verified yet", err=True)


@click.command(epilog="\b\nExample:\n  bellhop runbook reset f1-excess-loss")
@config_option
@click.argument("name")
def reset(config: Path, name: str) -> int:
    """Switch a runbook on again whose last runs went wrong."""
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.switches.reset(name, me)))


@click.command(
    epilog="\b\nExamples:\n  bellhop runbook promote f1-excess-loss link:ams-rtm\n"
    '  bellhop runbook promote f1-excess-loss link:ams-rtm --why "a month of drills went well"'
)
@config_option
@click.argument("name")
@click.argument("target")
@click.argument("words", nargs=-1, metavar="[WHY]...")
@click.option(
    "--why", default="", help="Why, where the ledger does not propose it; the same as the words behind TARGET."
)
def promote(config: Path, name: str, target: str, words: tuple[str, ...], why: str) -> int:
    """Let a runbook do one step more by itself on TARGET: observe, suggest, approve, auto.

    It takes the role approver, and a reason unless the ledger proposes just this step.
    """
    reason = " ".join([*words, why]).strip()
    return asyncio.run(said(config, lambda bellhop, me: bellhop.desk.switches.promote(name, target, me, reason)))


async def _ledger(config: Path, name: str | None) -> "tuple[tuple[LedgerLine, ...], list[dict[str, Any]]]":
    from bot.cli.options import opened

    async with opened(config) as bellhop:
        switches = bellhop.desk.switches
        lines = await switches.ledger(name)
        places = dict.fromkeys((line.runbook, line.target) for line in lines)
        modes = [
            {"runbook": runbook, "target": target, "mode": await switches.mode(runbook, target)}
            for runbook, target in places
        ]
    return lines, modes


def _print(line: "LedgerLine") -> None:
    from bot.model.time import format_instant

    head = f"{format_instant(line.at)}  {line.run}  {line.runbook} on {line.target}"
    click.echo(f"{head}  {line.verdict}: {line.reason}")
    for each in line.quantities:
        band = f" ({_number(each.low)} to {_number(each.high)})" if each.low is not None else ""
        told = f"predicted {_number(each.predicted)}{band}, measured {_number(each.measured)}"
        click.echo(f"    {each.quantity}: before {_number(each.before)}, {told}{_unit(each.unit)}")


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _unit(unit: str) -> str:
    return "" if unit in ("", "1") else f" {unit}"
