"""`bellhop demo`: the whole story on one machine, with nothing but Python."""

import asyncio
from pathlib import Path

import click

_SCENARIOS = [f"f{number}" for number in range(1, 9)]
_EXAMPLE = "\b\nExample:\n  bellhop demo --scenario f4 --auto-approve"


@click.command(epilog=_EXAMPLE)
@click.option("--scenario", default="f4", show_default=True, type=click.Choice(_SCENARIOS), help="The fault to inject.")
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1, 600),
    help="Simulated seconds in a real second.",
)
@click.option("--auto-approve", is_flag=True, help="Approve every step without asking, for scripts.")
@click.option("--web/--no-web", default=False, help="Serve the web pages while it runs, and print their address.")
@click.option("--seed", default=7, show_default=True, type=int, help="Seed of the simulated network's noise.")
@click.option(
    "--output",
    default=Path("bellhop-demo"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the postmortem and the demo's store.",
)
def demo(scenario: str, speed: float, auto_approve: bool, web: bool, seed: int, output: Path) -> int:
    """Inject a fault into a simulated network and watch Bellhop deal with it.

    A simulated network serves metrics and a controller; a fault is injected; the objective burns and an alert
    is posted; Bellhop diagnoses, plans, asks for approval, acts, verifies and writes the postmortem.
    Exit code 0 only when the incident was resolved.
    """
    from bot.cli.demo_story import Demo, Options

    options = Options(
        scenario=scenario, speed=speed, auto_approve=auto_approve, web=web, seed=seed, output=output.resolve()
    )
    return 0 if asyncio.run(Demo(options).play()) else 1
