"""A runbook's plan as lines for people."""

from collections.abc import Mapping
from typing import Any

import click

from remediation.plan import Plan


def print_plan(found: Plan) -> None:
    """Each step with what it needs and what it is predicted to change."""
    click.echo(f"{found.title}  (plan {found.plan_hash[:10]})")
    click.echo("  ".join(f"{name}={value}" for name, value in found.inputs.items()))
    for step in found.steps:
        approval = step.approval or {}
        asks = f", asks {approval['count']} {approval['role']}" if approval.get("required") else ""
        click.echo(f"\n{step.id:14} {step.title}\n{'':14} {step.action} ({step.risk}{asks})")
        if step.when != "True":
            click.echo(f"{'':14} only when {step.when}")
        for item in step.predicted:
            click.echo(f"{'':14} {_effect(item)}")


def _effect(item: Mapping[str, Any]) -> str:
    before, after, low, high = (
        "?" if item[name] is None else f"{item[name]:.4g}" for name in ("before", "after", "low", "high")
    )
    unit = "" if item["unit"] in ("", "1") else f" {item['unit']}"
    return f"{item['quantity']} {before} -> {after}{'' if low == '?' else f' ({low} to {high})'}{unit}"
