"""A runbook under examination: its steps where they are written, and what their templates may see."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from remediation.errors import Fault, Severity, TemplateError
from remediation.load import Loaded
from remediation.plan import items_of
from remediation.registry import ACTIONS
from remediation.schema import Branch, Group, Runbook, Step, typed
from remediation.template import names_of, render_all, texts

Where = tuple[str | int, ...]
"""The path of a value in its file."""

PLACES = ("link", "node", "flow")
"""The kinds of places that an act touches."""

_SAMPLES: Mapping[str, Any] = {
    "link": "a-link", "node": "a-node", "flow": "a-flow", "text": "text", "ratio": 0.5, "number": 1.0,
    "integer": 1, "duration": 60.0, "boolean": True,
}  # fmt: skip
INCIDENT: Mapping[str, Any] = {
    "id": "INC-1", "title": "title", "severity": "sev2", "subject": {"kind": "link", "id": "a-link"}, "link": "a-link",
    "mode": "F1", "confidence": 0.9, "summary": "summary", "onset": 0.0,
    "playbook": "a-playbook", "other_links": ["another-link"],
}  # fmt: skip
"""What templates may know of an incident, with a value of each kind."""
_PLAN: Mapping[str, Any] = {
    "affected_flows": [
        {"id": "a-flow", "priority": "critical", "route": ["a-link"], "alternates": [["another-link"]]},
    ],
}


@dataclass(frozen=True, slots=True)
class Place:
    """A step, where it is written, and how many steps and groups come before it or its group."""

    path: Where
    step: Step | Branch
    at: int


@dataclass(frozen=True)
class Case:
    """One runbook under examination, and what is known around it; what nobody knows is empty.

    `signals` are the names that telemetry knows, where it is a mapping each with the kind of place that it is of.
    `modes` are the failure modes that a diagnosis comes to. `network` has for each kind the names that there are.
    """

    loaded: Loaded
    signals: Collection[str]
    modes: frozenset[str] = frozenset()
    network: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def runbook(self) -> Runbook:
        """What the file says."""
        return self.loaded.runbook

    @property
    def places(self) -> Iterator[Place]:
        """Every step, also those inside groups."""
        for at, part in enumerate(self.runbook.spec.steps):
            path: Where = ("spec", "steps", at)
            if isinstance(part, Group):
                yield from (Place((*path, "parallel", each), step, at) for each, step in enumerate(part.parallel))
            else:
                yield Place(path, part, at)

    def fault(self, path: Where, message: str, severity: Severity = Severity.ERROR) -> Fault:
        """A fault at a place of the file."""
        return self.loaded.document.fault(path, message, severity)

    def scope(self) -> dict[str, Any]:
        """What templates see before the first step, with a value of the right kind for everything."""
        return {"inputs": self._inputs, "incident": INCIDENT, "plan": _PLAN, "run": {"id": "INC-1-R1"}}

    @cached_property
    def _inputs(self) -> dict[str, Any]:
        return {name: _sample(each.type, each.default) for name, each in self.runbook.spec.inputs.items()}

    def apart(self) -> dict[str, Any]:
        """The same with another name for each input that names a place: what is the same text then is the same."""
        inputs = self.runbook.spec.inputs
        names = {name: f"input {name}" for name, each in inputs.items() if each.type in (*PLACES, "text")}
        scope = self.scope()
        return {**scope, "inputs": {**scope["inputs"], **names}}

    def early(self, value: object) -> Any:  # noqa: ANN401 - YAML data
        """A value that is written out or follows from defaults alone; raises TemplateError for any other."""
        inputs = self.runbook.spec.inputs
        told = {name: each.default for name, each in inputs.items() if each.default is not None}
        told = {
            name: self._inputs[name] for name, default in told.items() if not any(map(is_template, _texts(default)))
        }
        names = {name for text in _texts(value) if is_template(text) for name in names_of(text)}
        if unknown := [name for name in names if not _leads(name, told)]:
            raise TemplateError(f"{', '.join(sorted(unknown))}: only the run will know")
        return render_all(value, {"inputs": told})

    def inner(self, step: Step | Branch) -> dict[str, Any]:
        """What the templates of a step's act see; `item` is left out where only the run will know it."""
        scope = self.scope()
        if not isinstance(step, Step) or not step.foreach:
            return scope
        loop = {"index": 1, "length": 1}
        try:
            return {**scope, "loop": loop, "item": items_of(step, scope)[0]}
        except (TemplateError, IndexError):
            return {**scope, "loop": loop}

    def earlier(self, place: Place) -> dict[str, bool]:
        """The names that a step may look back at, and whether each gives lists."""
        groups = {part.id: False for part in self.runbook.spec.steps[: place.at] if isinstance(part, Group)}
        steps = (each.step for each in self.places if each.at < place.at)
        return groups | {step.id: isinstance(step, Step) and bool(step.foreach) for step in steps}

    def later(self, place: Place) -> set[str]:
        """The actions of the steps after one; not those that go on beside it."""
        return {each.step.action for each in self.places if each.at > place.at}

    def takes_back(self, place: Place) -> bool:
        """Whether a step's act is what takes back an earlier step's."""
        earlier = [each.step for each in self.places if each.at < place.at]
        undoing = {step.rollback.action for step in earlier if step.rollback}
        undoing |= {ACTIONS[step.action].compensation for step in earlier if step.action in ACTIONS}
        return place.step.action in undoing


def is_template(text: str) -> bool:
    """Whether a text is looked at as a template at all."""
    return "{{" in text or "{%" in text


def _texts(value: object) -> list[str]:
    return [text for _, text in texts(value)]


def _leads(name: str, inputs: Mapping[str, Any]) -> bool:
    root, _, rest = name.partition(".")
    return root == "inputs" and (not rest or rest.partition(".")[0] in inputs)


def _sample(kind: str, default: object) -> Any:  # noqa: ANN401 - an input of any type
    try:
        return typed(render_all(default, {"incident": INCIDENT}), kind)  # type: ignore[arg-type]
    except (ValueError, TemplateError):
        return _SAMPLES[kind]
