"""The plan of a run: every step rendered as far as can be known before, with its predicted effect and one hash."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action, Effect, Prediction, Risk, Target
from remediation.errors import RemediationError, TemplateError, UnknownNameError
from remediation.schema import Approval, Runbook, Step, typed
from remediation.template import render, render_all

_CONDUCT: Mapping[str, Any] = {
    "timeout": True,
    "retry": True,
    "on_failure": True,
    "rollback": True,
    "idempotency": True,
    "approval": {"on_timeout"},
}
"""What a step does that the plan does not show: how long, how often, and what follows when it fails."""

Predict = Callable[[Effect], tuple[Prediction, ...]]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What templates may know of the incident and of the flows that the plan touches."""

    incident: Mapping[str, Any]
    affected_flows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step as it stands before the run; `parameters` may still hold templates over earlier outputs."""

    id: str
    title: str
    action: str
    parameters: Mapping[str, Any]
    target: str
    risk: str
    when: str
    approval: Mapping[str, Any] | None
    predicted: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The rendered plan; `plan_hash` is what an approval is bound to."""

    runbook: str
    title: str
    inputs: Mapping[str, Any]
    affected_flows: tuple[Mapping[str, Any], ...]
    steps: tuple[PlannedStep, ...]
    plan_hash: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return dict(json.loads(json.dumps(asdict(self))))


def build_plan(
    runbook: Runbook,
    *,
    inputs: Mapping[str, Any],
    facts: PlanFacts,
    actions: Mapping[str, Action],
    predict: Predict,
) -> Plan:
    """Render what can be rendered; raises RemediationError for missing or unfit inputs and unknown actions."""
    given = resolve_inputs(runbook, inputs, facts)
    scope = {"inputs": given, "incident": facts.incident, "plan": {"affected_flows": list(facts.affected_flows)}}
    steps = tuple(_planned(step, scope, actions, predict) for step in runbook.spec.steps)
    plan = Plan(
        runbook=runbook.metadata.name,
        title=runbook.metadata.title,
        inputs=given,
        affected_flows=facts.affected_flows,
        steps=steps,
    )
    return Plan(**{**_fields(plan), "plan_hash": _hash(plan, runbook)})


def resolve_inputs(runbook: Runbook, inputs: Mapping[str, Any], facts: PlanFacts) -> dict[str, Any]:
    """The run's inputs with defaults filled in; raises RemediationError naming each that is missing or unfit."""
    unknown = set(inputs) - set(runbook.spec.inputs)
    problems = [f"{name}: is not an input of {runbook.metadata.name}" for name in sorted(unknown)]
    resolved: dict[str, Any] = {}
    for name, declared in runbook.spec.inputs.items():
        value = inputs.get(name, declared.default)
        try:
            resolved[name] = typed(render_all(value, {"incident": facts.incident}), declared.type)
        except (ValueError, OverflowError, TemplateError) as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise RemediationError(f"inputs of {runbook.metadata.name}: {'; '.join(problems)}")
    return resolved


def is_required(approval: Approval, scope: Mapping[str, Any]) -> bool:
    """Whether people must say yes: always, unless it plainly says false. Raises TemplateError."""
    required = render(approval.required, scope) if isinstance(approval.required, str) else approval.required
    return str(required).lower() != "false"


def _planned(step: Step, scope: Mapping[str, Any], actions: Mapping[str, Action], predict: Predict) -> PlannedStep:
    action = actions.get(step.action)
    if action is None:
        raise UnknownNameError(f"step {step.id}: there is no action {step.action}")
    parameters, known = _early(step.parameters, scope)
    model = _model(action, parameters) if known else None
    target = action.target(model) if model is not None else None
    effect = action.effect(model) if model is not None and action.effect is not None else None
    return PlannedStep(
        id=step.id,
        title=step.title or step.action,
        action=step.action,
        parameters=parameters,
        target=str(target) if isinstance(target, Target) else "",
        risk=str(action.risk),
        when=str(step.when),
        approval=_approval(step, scope, action.risk),
        predicted=tuple(asdict(item) for item in predict(effect)) if effect is not None else (),
    )


def _early(value: Mapping[str, Any], scope: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Parameters rendered where they depend on no earlier step, and whether all were."""
    rendered: dict[str, Any] = {}
    known = True
    for name, each in value.items():
        try:
            rendered[name] = render_all(each, scope)
        except TemplateError:
            rendered[name], known = each, False
    return rendered, known


def _model(action: Action, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the action's own model
    try:
        return action.parameters.model_validate(parameters)
    except ValidationError as error:
        raise RemediationError(f"{action.name}: {complaint(error)}") from None


def complaint(error: ValidationError) -> str:
    """The first fault of an action's parameters: where, and what is wrong."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _approval(step: Step, scope: Mapping[str, Any], risk: Risk) -> dict[str, Any] | None:
    if step.approval is None or risk is Risk.READ:
        return None
    try:
        required = is_required(step.approval, scope)
    except TemplateError:
        required = True
    return {
        "required": required,
        "role": step.approval.role,
        "count": step.approval.count,
        "timeout": step.approval.timeout,
    }


def _fields(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in ("runbook", "title", "inputs", "affected_flows", "steps")}


def _hash(plan: Plan, runbook: Runbook) -> str:
    """SHA-256 over what will be done, also when a step fails; predictions move with the telemetry and are left out."""
    content = plan.to_json()
    for planned, step in zip(content["steps"], runbook.spec.steps, strict=True):
        planned.pop("predicted")
        planned["conduct"] = step.model_dump(mode="json", include=_CONDUCT)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
