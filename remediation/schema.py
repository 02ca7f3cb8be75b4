"""The runbook language as checked values. Unknown words are faults: a typing error must not go unseen."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from remediation.duration import PositiveDuration, parse_duration

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
InputType = Literal["link", "node", "flow", "ratio", "number", "integer", "text", "duration", "boolean"]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$")]
Title = Annotated[str, Field(min_length=1, max_length=200)]


def _known(value: str) -> str:
    if _ON_FAILURE.fullmatch(value) is None:
        raise ValueError("must be stop, continue, rollback or goto:STEP")
    return value


_ON_FAILURE = re.compile(r"stop|continue|rollback|goto:[a-z][a-z0-9_]{0,40}")
OnFailure = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "pattern": rf"^({_ON_FAILURE.pattern})$"})
]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Metadata(_Block):
    """Who this runbook is."""

    name: Name
    title: Title
    owner: str = ""
    description: str = ""


class Trigger(_Block):
    """Whether a diagnosis may start it, and how sure it must be."""

    auto: bool = False
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.8


class Input(_Block):
    """A typed value that the run is given, with a default that may be a template."""

    type: InputType
    default: Any = None
    description: str = ""


class MaxRuns(_Block):
    """At most `count` runs on the same target in `per` seconds."""

    count: Annotated[int, Field(ge=1)]
    per: PositiveDuration


class Guard(_Block):
    """What must hold; the run or act is refused with the reason when it does not."""

    exclusive: str = ""
    max_runs: MaxRuns | None = None
    cooldown: PositiveDuration | None = None
    require_fresh_telemetry: PositiveDuration | None = None


class Approval(_Block):
    """Who must say yes before a step; `required` may be a template.

    `role` names one role, or several with a plus between them: then `count` people of each, all of them different.
    """

    required: bool | str = True
    role: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(\+[A-Za-z0-9_.-]+)*$")] = "approver"
    count: Annotated[int, Field(ge=1, le=9)] = 1
    timeout: PositiveDuration = 900.0
    on_timeout: Literal["stop", "escalate", "proceed"] = "stop"

    @property
    def roles(self) -> list[str]:
        """Each role of which people must say yes."""
        return self.role.split("+")


class Retry(_Block):
    """How often and how patiently an act that surely did not happen is tried again."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    backoff: PositiveDuration = 2.0
    max_backoff: PositiveDuration = 30.0


class Rollback(_Block):
    """The act that takes a step back."""

    action: str
    parameters: dict[str, Any] = Field(default={}, alias="with")


class _Doing(_Block):
    """What every act of a runbook says, wherever it stands."""

    id: StepId
    title: str = ""
    action: str
    parameters: dict[str, Any] = Field(default={}, alias="with")
    when: str | bool = True
    approval: Approval | None = None
    timeout: PositiveDuration | None = None
    retry: Retry = Retry()
    rollback: Rollback | None = None
    idempotency: str = ""


class Step(_Doing):
    """One act of a runbook, or with `foreach` the same act once for each item of a list, in order."""

    on_failure: OnFailure = "stop"
    foreach: str = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class Branch(_Doing):
    """One of the steps of a group; unless it says `continue` its failure is the group's."""

    on_failure: Literal["stop", "continue"] = "stop"


class Group(_Block):
    """Steps that are begun together; the group waits for all of them."""

    id: StepId
    title: str = ""
    parallel: Annotated[tuple[Branch, ...], Field(min_length=2, max_length=10)]
    on_failure: OnFailure = "stop"


def _kind(value: object) -> str:
    grouped = isinstance(value, Group) or (isinstance(value, Mapping) and "parallel" in value)
    return "group" if grouped else "step"


Part = Annotated[Annotated[Step, Tag("step")] | Annotated[Group, Tag("group")], Discriminator(_kind)]


class Escalate(_Block):
    """Whom to call, and when."""

    to: Annotated[str, Field(min_length=1)]
    when: Literal["failed", "always", "never"] = "failed"


class Spec(_Block):
    """What the runbook does."""

    handles: tuple[str, ...] = ()
    trigger: Trigger = Trigger()
    inputs: Annotated[dict[InputName, Input], Field(max_length=50)] = {}
    guard: Guard = Guard()
    steps: Annotated[tuple[Part, ...], Field(min_length=1, max_length=100)]
    escalate: Escalate | None = None

    @property
    def acts(self) -> tuple[Step | Branch, ...]:
        """Every step that does something, also those inside groups, as they are written."""
        return tuple(each for part in self.steps for each in (part.parallel if isinstance(part, Group) else (part,)))


class Runbook(_Block):
    """A whole runbook."""

    api_version: Literal["bellhop/v1"] = Field(alias="apiVersion")
    kind: Literal["Runbook"]
    metadata: Metadata
    spec: Spec

    def step(self, name: str) -> Step | Branch:
        """The step of an act: `drain`, also for its act on the second item, `drain.2`; raises StopIteration."""
        return next(step for step in self.spec.acts if step.id == name.partition(".")[0])

    def group(self, name: str) -> Group | None:
        """The group that a step stands in."""
        groups = (part for part in self.spec.steps if isinstance(part, Group))
        return next((group for group in groups if any(each.id == name for each in group.parallel)), None)


def typed(value: object, kind: InputType) -> object:
    """`value` as an input of `kind`; raises ValueError when it is none."""
    if value is None:
        raise ValueError("is not given")
    match kind:
        case "link" | "node" | "flow" | "text":
            if not isinstance(value, str) or not value:
                raise ValueError(f"must be the name of a {kind}" if kind != "text" else "must be text")
            return value
        case "boolean":
            if not isinstance(value, bool):
                raise ValueError("must be true or false")
            return value
        case "duration":
            return parse_duration(value)  # type: ignore[arg-type]
    return _number(value, kind)


def _number(value: object, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be {'an' if kind == 'integer' else 'a'} {kind}, not {value!r:.60}")
    if kind == "ratio" and not 0 <= value <= 1:
        raise ValueError(f"must be between 0 and 1, not {value}")
    if not math.isfinite(value):
        raise ValueError(f"must be a finite {kind}, not {value}")
    if kind == "integer" and value != int(value):
        raise ValueError(f"must be a whole number, not {value}")
    return value
