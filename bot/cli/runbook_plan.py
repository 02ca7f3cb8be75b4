"""A runbook's dry run: the plan for an incident as if one were opened now."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bot.app import Bellhop
from bot.cli.options import opened
from bot.errors import TelemetryUnavailableError
from bot.flow.facts import link_of, plan_facts
from bot.model.diagnosis import Diagnosis
from bot.model.incident import Incident
from bot.model.network import Network, Subject
from remediation.plan import Plan, Predict, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook


async def plan_now(
    config: Path | None, wanted: Runbook, link: str | None, node: str | None, inputs: Mapping[str, Any]
) -> Plan:
    """The plan for a supposed incident now; with a configuration, as telemetry and network have it."""
    subject = _subject(wanted, link, node)
    if config is None:
        click.echo("no configuration: flows and predicted effects are left out", err=True)
        incident = await _supposed(None, subject, link or "")
        facts = plan_facts(incident, Network(name="", nodes={}, links={}, flows={}))
        return build_plan(wanted, inputs=inputs, facts=facts, actions=ACTIONS, predict=lambda effect: ())
    async with opened(config) as bellhop:
        watched = link or link_of(bellhop.network, subject) or subject.id
        incident = await _supposed(bellhop, subject, watched)
        facts = plan_facts(incident, bellhop.network)
        predict = await _predictor(bellhop, watched)
        return build_plan(wanted, inputs=inputs, facts=facts, actions=ACTIONS, predict=predict)


def _subject(wanted: Runbook, link: str | None, node: str | None) -> Subject:
    if node is not None:
        return Subject(kind="node", id=node)
    if any(each.type == "node" for each in wanted.spec.inputs.values()):
        raise click.UsageError(f"{wanted.metadata.name} acts on a node: say which with --node")
    return Subject(kind="link", id=str(link))


async def _supposed(bellhop: Bellhop | None, subject: Subject, link: str) -> Incident:
    """An incident as if one were opened now, with what a diagnosis says of the link."""
    now = time.time()
    found = (
        await bellhop.desk.diagnose(link) if bellhop else Diagnosis(link=link, at=now, verdict="unknown", summary="")
    )
    return Incident(
        id="dry-run",
        title="dry run",
        state="triggered",
        severity="sev4",
        subject=subject,
        opened_at=now,
        last_seq=0,
        diagnosis=found,
    )


async def _predictor(bellhop: Bellhop, link: str) -> Predict:
    try:
        return await bellhop.observer.predictor(link)
    except TelemetryUnavailableError as error:
        click.echo(f"no predicted effects: {error}", err=True)
        return lambda effect: ()
