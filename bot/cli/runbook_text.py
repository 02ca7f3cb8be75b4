"""A runbook's plan as lines for people: what each step does to what, whom it asks and what should change."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from bot.model.plan_wording import act_words, asked_words, predictions
from bot.model.visible import clean_line
from remediation.plan import Plan

_SHOWN_STEPS = 60


def print_plan(found: Plan) -> None:
    """The plan with its inputs, a few lines a step."""
    click.echo(f"{clean_line(found.title)}  (plan {found.plan_hash[:10]})")
    click.echo("  ".join(f"{name}={clean_line(value)}" for name, value in found.inputs.items()))
    click.echo()
    for line in plan_lines(found.to_json()):
        click.echo(line)


def plan_lines(plan: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Plain text; foreign words are on one line and without control characters, but not escaped for Rich."""
    steps = plan.get("steps") or ()
    for step in steps[:_SHOWN_STEPS]:
        yield from (indent + line for line in _step(step))
    if len(steps) > _SHOWN_STEPS:
        yield f"{indent}… and {len(steps) - _SHOWN_STEPS} more steps"


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    name, room = clean_line(step.get("id", "")), " " * 14
    yield f"{name:14} {clean_line(step.get('title') or '')}"
    asks = f", asks {asked}" if (asked := clean_line(asked_words(step))) else ""
    yield f"{room} {act_words(step)} ({clean_line(step.get('risk', ''))}{asks})"
    if step.get("when") not in (None, "", "True"):
        yield f"{room} only when {clean_line(step['when'])}"
    for line in predictions(step):
        yield f"{room} {line}"
