"""`bellhop gameday`: break a simulated network, let the bot handle it, and score what it did."""

import asyncio
from pathlib import Path
from typing import Literal

import click

_SCENARIOS = [f"f{number}" for number in range(1, 9)]


@click.command(epilog="\b\nExamples:\n  bellhop gameday f1\n  bellhop gameday all --seed 11 --format json")
@click.argument("scenario", type=click.Choice([*_SCENARIOS, "all"]))
@click.option("--seed", default=11, show_default=True, type=int, help="Seed of the simulated network's noise.")
@click.option(
    "--speed", default=60.0, show_default=True, type=click.FloatRange(1, 600), help="Simulated seconds in a real one."
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--output",
    default=Path("bellhop-gameday"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the postmortems, the stores and the stories.",
)
def gameday(scenario: str, seed: int, speed: float, format_: Literal["text", "json"], output: Path) -> int:
    """Inject SCENARIO (or all eight), let the bot handle it, and score detection, diagnosis and mitigation.

    Every approval is given. Nothing outside this machine is asked or changed. Exit code 0 only when every scenario
    was detected, named with its subject, mitigated and verified.
    """
    from bot.cli.gameday_score import play, show

    scores = []
    for name in _SCENARIOS if scenario == "all" else [scenario]:
        scores.append(asyncio.run(play(name, seed=seed, speed=speed, output=output.resolve())))
    show(scores, format_)
    return 0 if all(score.passed for score in scores) else 1
