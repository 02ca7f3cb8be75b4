"""The plan of a run: every step rendered as far as can be known before, with its predicted effect and one hash."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action, Effect, Prediction, Risk, Target
from remediation.errors import RemediationError, TemplateError, UnknownNameError
from remediation.schema import Approval, Branch, Group, Runbook, Step, typed
from remediation.template import names_of, render, render_all

Predict = Callable[[Effect], tuple[Prediction, ...]]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What templates may know of the incident and of the flows that the plan touches."""

    incident: Mapping[str, Any]
    affected_flows: tuple[Mapping[str, Any], ...] = ()
    flows: Mapping[str, Mapping[str, Any]] | None = None
    """Every flow of the network by its name; None: nobody knows the network. So for the names of links and nodes."""
    links: Collection[str] | None = None
    nodes: Collection[str] | None = None

    def names(self, kind: str) -> Collection[str] | None:
        """The names of all links, nodes or flows; None where they are not known."""
        known: Mapping[str, Collection[str] | None] = {"link": self.links, "node": self.nodes, "flow": self.flows}
        return known.get(kind)

    def concerning(self, flows: Iterable[Any]) -> "PlanFacts":
        """The same, with these flows before all others that the plan touches."""
        known = self.flows or {}
        first = {flow: known[flow] for flow in flows if flow in known}
        others = (each for each in self.affected_flows if each["id"] not in first)
        return replace(self, affected_flows=(*first.values(), *others))


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
    """Render what can be rendered; raises RemediationError for missing or unfit inputs and unknown actions.

    A runbook that only looks may look for what the network does not have: it is there for the unknown.
    """
    acts = any(step.action not in actions or actions[step.action].risk is not Risk.READ for step in runbook.spec.acts)
    given = resolve_inputs(runbook, inputs, facts if acts else replace(facts, flows=None, links=None, nodes=None))
    facts = facts.concerning(given[name] for name, each in runbook.spec.inputs.items() if each.type == "flow")
    scope = {"inputs": given, "incident": facts.incident, "plan": {"affected_flows": list(facts.affected_flows)}}
    steps = tuple(each for part in runbook.spec.steps for each in _parts(part, scope, actions, predict))
    plan = Plan(
        runbook=runbook.metadata.name,
        title=runbook.metadata.title,
        inputs=given,
        affected_flows=facts.affected_flows,
        steps=steps,
    )
    return Plan(**{**_fields(plan), "plan_hash": _hash(plan, runbook)})


def resolve_inputs(runbook: Runbook, inputs: Mapping[str, Any], facts: PlanFacts) -> dict[str, Any]:
    """The run's inputs with defaults filled in; raises RemediationError naming each that is missing or unfit.

    Only a default is a template. What is given is data: a retry gives what the first run took from an alert.
    """
    unknown = set(inputs) - set(runbook.spec.inputs)
    problems = [f"{name}: is not an input of {runbook.metadata.name}" for name in sorted(unknown)]
    resolved: dict[str, Any] = {}
    for name, declared in runbook.spec.inputs.items():
        try:
            value = inputs[name] if name in inputs else render_all(declared.default, {"incident": facts.incident})
            resolved[name] = typed(value, declared.type)
            problems += [f"{name}: {fault}" for fault in _unknown(resolved[name], declared.type, facts)]
        except (ValueError, OverflowError, TemplateError) as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise RemediationError(f"inputs of {runbook.metadata.name}: {'; '.join(problems)}")
    return resolved


def _unknown(value: object, kind: str, facts: PlanFacts) -> Iterator[str]:
    """That the network has no such link, node or flow, and what the name is there."""
    known = facts.names(kind)
    if known is None or value in known:
        return
    kinds = [each for each in ("link", "node", "flow") if value in (facts.names(each) or ())]
    told = f"; it is a {' and a '.join(kinds)}" if kinds else ""
    yield f"{value} is no {kind} of the network{told}"


def is_required(approval: Approval, scope: Mapping[str, Any]) -> bool:
    """Whether people must say yes: always, unless it plainly says false. Raises TemplateError."""
    required = render(approval.required, scope) if isinstance(approval.required, str) else approval.required
    return str(required).lower() != "false"


def items_of(step: Step, scope: Mapping[str, Any]) -> list[Any]:
    """What a step is done for, one after the other; raises TemplateError when there are more than its limit."""
    items = render(step.foreach, scope)
    if not isinstance(items, list):
        raise TemplateError(f"foreach: {step.foreach} gives no list")
    if len(items) > step.limit:
        raise TemplateError(f"foreach: {len(items)} items are more than the limit of {step.limit}; nothing was done")
    return items


def _parts(
    part: Step | Group, scope: Mapping[str, Any], actions: Mapping[str, Action], predict: Predict
) -> Iterator[PlannedStep]:
    """A step as it will be done: a group's branches, and the act on each item where the items are known."""
    if isinstance(part, Group):
        together = f" (at the same time: {', '.join(each.id for each in part.parallel)})"
        yield from (_planned(each, scope, actions, predict, note=together) for each in part.parallel)
    elif not part.foreach:
        yield _planned(part, scope, actions, predict)
    else:
        yield from _repeated(part, scope, actions, predict)


def _repeated(
    step: Step, scope: Mapping[str, Any], actions: Mapping[str, Action], predict: Predict
) -> Iterator[PlannedStep]:
    try:
        items = items_of(step, scope)
    except TemplateError as error:
        if _looks_back(step.foreach):
            note = f" (once per item of {step.foreach}, {step.limit} at most)"
            yield _planned(step, scope, actions, predict, note=note)
            return
        raise RemediationError(f"step {step.id}: {error}") from None
    if not items:
        yield _planned(step, scope, actions, predict, note=f" (never: {step.foreach} has no items)")
    for index, item in enumerate(items, start=1):
        inner = {**scope, "item": item, "loop": {"index": index, "length": len(items)}}
        planned = _planned(step, inner, actions, predict, note=f" ({index} of {len(items)})")
        yield replace(planned, id=f"{step.id}.{index}")


def _looks_back(source: str) -> bool:
    return any(name.split(".")[0] in ("steps", "run") for name in names_of(source))


def _planned(
    step: Step | Branch, scope: Mapping[str, Any], actions: Mapping[str, Action], predict: Predict, note: str = ""
) -> PlannedStep:
    action = actions.get(step.action)
    if action is None:
        raise UnknownNameError(f"step {step.id}: there is no action {step.action}")
    parameters, known = _early(step.parameters, scope)
    model = _model(action, parameters) if known else None
    target = action.target(model) if model is not None else None
    effect = action.effect(model) if model is not None and action.effect is not None else None
    return PlannedStep(
        id=step.id,
        title=(step.title or step.action) + note,
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


def _approval(step: Step | Branch, scope: Mapping[str, Any], risk: Risk) -> dict[str, Any] | None:
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
    for planned in content["steps"]:
        planned.pop("predicted")
    content["conduct"] = [part.model_dump(mode="json") for part in runbook.spec.steps]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
