"""A runbook tried on the simulated network, with the fault that it handles."""

import io
import tempfile
from pathlib import Path

import click
from rich.console import Console

from bot.cli.demo_story import Demo, Options
from bot.diagnosis.rules import load_rules
from bot.errors import UsageError
from bot.simulator.scenarios import SCENARIOS
from remediation.schema import Runbook

_SPEED = 120.0


async def heals(runbook: Runbook, *, folder: Path | None, rules: Path | None, seed: int) -> bool:
    """Whether the runbook ends each failure mode that it handles; tells the story of those that it does not.

    `folder` has the runbook, None for those that ship; `rules` are those of the user. Raises UsageError when there is
    no fault to try it with, FileFaultsError when the rules are not in order.
    """
    modes = _modes(runbook, rules)
    return all([await _heals(runbook, mode, folder, rules, seed) for mode in modes])


async def _heals(runbook: Runbook, mode: str, folder: Path | None, rules: Path | None, seed: int) -> bool:
    story = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="bellhop-") as output:
        options = Options(
            scenario=mode.lower(),
            speed=_SPEED,
            auto_approve=True,
            web=False,
            seed=seed,
            output=Path(output),
            runbooks=folder,
            rules=rules,
        )
        healed = await Demo(options, Console(file=story, width=120, highlight=False)).play()
    if not healed:
        click.echo(story.getvalue(), nl=False)
    click.echo(f"{runbook.metadata.name}: {mode} {'healed' if healed else 'not healed'}")
    return healed


def _modes(runbook: Runbook, rules: Path | None) -> tuple[str, ...]:
    """The modes to try: those that the diagnosis answers with this runbook."""
    name, chosen = runbook.metadata.name, {each.mode: each.runbook for each in load_rules(rules).modes}
    modes = tuple(mode for mode in runbook.spec.handles if mode.lower() in SCENARIOS)
    if not modes:
        raise UsageError(f"{name} handles no failure mode, so there is no fault to try it with")
    for mode in modes:
        if chosen.get(mode) != name:
            hint = f"let your rule for {mode} (runbooks.rules in the configuration) say runbook: {name}"
            raise UsageError(f"a diagnosis of {mode} answers with {chosen.get(mode)}, not with {name}", hint=hint)
    return modes
