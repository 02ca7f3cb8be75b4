"""From a diagnosis to a runbook's plan with its predicted effect in numbers, and to its start."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bot.errors import TelemetryUnavailableError
from bot.flow.blast import links_at, links_over, needs_of
from bot.flow.durable import DurableClient
from bot.flow.facts import is_security_gated, link_of, place_of, plan_facts
from bot.flow.journal import Journal
from bot.flow.modes import Modes
from bot.flow.observe import Observer
from bot.model.diagnosis import Diagnosis
from bot.model.event import PlanProposed
from bot.model.guard import Mode
from bot.model.incident import Incident, RunView
from bot.model.network import Network
from bot.model.run_inputs import as_kind
from bot.store import GuardRows, Transaction
from remediation import machine
from remediation.asking import asking
from remediation.contract import Risk
from remediation.errors import RemediationError
from remediation.load import Library
from remediation.plan import Plan, Predict, build_plan
from remediation.registry import ACTIONS
from remediation.retrying import begin_at
from remediation.schema import Runbook

UNKNOWN_RUNBOOK = "unknown"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that stands in the incident, and whether its run was started."""

    run: str
    runbook: str
    plan_hash: str
    started: bool
    reason: str
    mode: Mode = "auto"
    waits: str = ""
    """Who holds what the run needs, while it stands in line for it."""
    over: str = ""
    """How its run ended, where the same was proposed before and that is over."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A run that begins where an earlier one ended, with the inputs of that one and what it left."""

    of: str
    step: str
    place: int
    inputs: Mapping[str, Any]
    told: Mapping[str, Any]
    done: tuple[str, ...]


class Proposer:
    """Chooses a runbook, renders its plan, writes it into the incident and queues the run where it may."""

    def __init__(
        self,
        *,
        journal: Journal,
        observer: Observer,
        library: Library,
        client: DurableClient,
        modes: Modes,
    ) -> None:
        self._journal = journal
        self._observer = observer
        self._client = client
        self._modes = modes
        self.library = library

    async def propose(
        self,
        incident: str,
        *,
        cause: str,
        runbook: str | None = None,
        by: str = "bellhop",
        start: bool = False,
        retry: Retry | None = None,
        inputs: Mapping[str, Any] | None = None,
        unless: Callable[[Incident], str] | None = None,
    ) -> Proposal:
        """Plan `runbook`, or the one that the diagnosis names, once per `cause`.

        `start` queues the run at once (a person asked); otherwise mode and trigger of the runbook decide. Plan and
        start are one commit; `retry` begins where another run ended, with the inputs of that one. `unless` says, in
        that commit, what of the incident stands in the way. Raises RemediationError with that, and when there is no
        such runbook or it cannot be planned.
        """
        view = await self._journal.incident(incident)
        name = runbook or _runbook_of(view)
        mode = await self._journal.store.read(lambda transaction: self._modes.now(transaction, name, str(view.subject)))
        chosen = asking(self.library.get(name), ACTIONS, every_act=mode == "approve", security=is_security_gated(view))
        plan, key = await self.plan(view, chosen, retry, inputs), f"proposed:{cause}"

        def write(current: Incident, transaction: Transaction) -> Proposal:
            if (earlier := _earlier(transaction, current, key)) is not None:
                return earlier
            if unless is not None and (against := unless(current)):
                raise RemediationError(against)
            run = f"{incident}-R{len(current.runs) + 1}"
            allowed, reason = (True, f"{by} asked for it") if start else _may_start(current, chosen, mode)
            body = PlanProposed(
                run=run,
                runbook=chosen.metadata.name,
                title=plan.title,
                plan_hash=plan.plan_hash,
                plan=plan.to_json(),
                cause=cause,
                mode=mode,
                retry_of=retry.of if retry else "",
                begins_at=retry.step if retry else "",
            )
            reason += _left_alone(current, plan, self._observer.network)
            transaction.append(incident, [self._journal.entry(body, key=key, by=by, why=reason)])
            waits = (
                self._enqueue(transaction, current, run, chosen, plan=plan, mode=mode, retry=retry) if allowed else ""
            )
            return Proposal(
                mode=mode,
                run=run,
                runbook=chosen.metadata.name,
                plan_hash=plan.plan_hash,
                started=allowed,
                reason=reason,
                waits=waits,
            )

        return await self._journal.decide(incident, write)

    def is_sure(self, diagnosis: Diagnosis) -> bool:
        """Whether the first finding is as certain as its runbook asks; raises UnknownNameError without a runbook."""
        finding = diagnosis.findings[0]
        return finding.confidence >= self.library.get(finding.runbook).spec.trigger.min_confidence

    async def plan(
        self,
        incident: Incident,
        runbook: Runbook,
        retry: Retry | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Plan:
        """The rendered plan for an incident, with predictions where telemetry allows them."""
        plan = build_plan(
            runbook,
            inputs=retry.inputs if retry else _given(runbook, inputs or {}),
            facts=plan_facts(incident, self._observer.network),
            actions=ACTIONS,
            predict=await self._predictor(incident),
        )
        return _again(plan, retry) if retry else plan

    def _enqueue(
        self,
        transaction: Transaction,
        view: Incident,
        run: str,
        runbook: Runbook,
        *,
        plan: Plan,
        mode: Mode,
        retry: Retry | None,
    ) -> str:
        """Queue the run; who holds what it needs. A shadow stands in no real run's way."""
        facts = plan_facts(view, self._observer.network)
        state = machine.start(runbook, run=run, plan=plan, facts=facts, actions=ACTIONS)
        if retry is not None:
            state = begin_at(state, retry.place, told=retry.told, done=retry.done)
        self._client.enqueue_run(
            transaction,
            run=run,
            target=f"shadow on {view.subject}" if mode == "observe" else str(view.subject),
            argument={
                "run": run,
                "incident": view.id,
                "runbook": runbook.metadata.name,
                "plan_hash": plan.plan_hash,
                "state": state.to_json(),
                "shadow": mode == "observe",
            },
        )
        if mode == "observe":
            return ""
        needs = needs_of(self._observer.network, runbook, plan.to_json(), state.scope)
        held = GuardRows(transaction).held(needs)
        return "; ".join(f"{each.resource} is held by {each.run} ({each.runbook})" for each in held)

    async def _predictor(self, incident: Incident) -> Predict:
        link = incident.diagnosis.link if incident.diagnosis else link_of(self._observer.network, incident.subject)
        if not link:
            return lambda effect: ()
        try:
            return await self._observer.predictor(link)
        except TelemetryUnavailableError:
            return lambda effect: ()


def _given(runbook: Runbook, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs, texts among them read as the kind that the runbook declares; unknown ones stay as they are."""
    declared = runbook.spec.inputs
    return {name: as_kind(value, declared[name].type) if name in declared else value for name, value in inputs.items()}


def _may_start(incident: Incident, runbook: Runbook, mode: Mode) -> tuple[bool, str]:
    """Whether a run begins by itself, and why or why not."""
    trigger = runbook.spec.trigger
    finding = incident.diagnosis.findings[0] if incident.diagnosis and incident.diagnosis.findings else None
    if mode == "suggest":
        return False, "in the mode suggest only people start this runbook here"
    if not trigger.auto:
        return False, "this runbook is started by people only"
    if finding is not None and finding.confidence < trigger.min_confidence:
        return False, (
            f"confidence {finding.confidence:.0%} is below the {trigger.min_confidence:.0%} "
            "that this runbook asks for; a person can start it"
        )
    return True, "the diagnosis is confident enough" if finding else "it only observes"


def _left_alone(incident: Incident, plan: Plan, network: Network) -> str:
    """Which links of a node that is at fault the plan does nothing about; empty where it sees to all, or to none."""
    place = place_of(incident)
    touched = frozenset().union(*(links_at(network, step.target) for step in plan.steps if step.risk != Risk.READ))
    left = [link for link in links_over(network, str(place)) if link not in touched]
    if place.kind != "node" or not touched or not left:
        return ""
    return f"; it acts on {', '.join(sorted(touched))} only: of {place} it leaves {', '.join(left)} alone"


def _again(plan: Plan, retry: Retry) -> Plan:
    """A plan of its own: nobody's yes to the first run counts for its retry."""
    bound = hashlib.sha256(f"{plan.plan_hash} {retry.of} {retry.step}".encode()).hexdigest()
    return dataclasses.replace(plan, title=f"{plan.title}, again from {retry.step}", plan_hash=bound)


def _runbook_of(incident: Incident) -> str:
    findings = incident.diagnosis.findings if incident.diagnosis else ()
    return findings[0].runbook if findings else UNKNOWN_RUNBOOK


def _earlier(transaction: Transaction, incident: Incident, key: str) -> Proposal | None:
    """What was proposed for the same cause before."""
    event = transaction.happened(incident.id, [key]).get(key)
    if event is None or not isinstance(found := event.body, PlanProposed):
        return None
    known = incident.runs[found.run]
    return Proposal(
        run=found.run,
        runbook=found.runbook,
        plan_hash=found.plan_hash,
        started=known.result is None,
        reason="asked for before",
        over="" if known.result is None else is_over(known),
    )


def is_over(run: RunView) -> str:
    """That a run is over, and how it ended."""
    return f"{run.run} is over: {run.result}{', ' + run.reason if run.reason else ''}"
