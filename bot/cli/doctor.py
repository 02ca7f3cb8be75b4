"""`bellhop doctor`: is everything that the bot needs there? One line each."""

import asyncio
from pathlib import Path

import click

from bot.cli.options import config_option


@click.command(epilog="\b\nExample:\n  bellhop doctor --config bellhop.yaml")
@config_option
def doctor(config: Path) -> int:
    """Check configuration, network, runbooks, rules, store, telemetry, controller and Slack; exit 1 if any fails."""
    from bot.doctor import examine
    from bot.settings import load_settings

    settings = load_settings(config)
    click.echo(f"ok    configuration: {config}")
    findings = asyncio.run(examine(settings))
    for finding in findings:
        click.echo(f"{'ok   ' if finding.good else 'FAIL '} {finding.part}: {finding.message}")
    return 0 if all(finding.good for finding in findings) else 1
