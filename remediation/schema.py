"""The runbook language as checked values. Unknown words are faults: a typing error must not go unseen."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from remediation.duration import Duration, parse_duration

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
InputType = Literal["link", "node", "flow", "ratio", "number", "integer", "text", "duration", "boolean"]
PositiveDuration = Annotated[Duration, Field(gt=0)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Metadata(_Block):
    """Who this runbook is."""

    name: Name
    title: str
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
    """Who must say yes before a step; `required` may be a template."""

    required: bool | str = True
    role: str = "approver"
    count: Annotated[int, Field(ge=1, le=9)] = 1
    timeout: PositiveDuration = 900.0
    on_timeout: Literal["stop", "escalate", "proceed"] = "stop"


class Retry(_Block):
    """How often and how patiently an act that surely did not happen is tried again."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    backoff: PositiveDuration = 2.0
    max_backoff: PositiveDuration = 30.0


class Rollback(_Block):
    """The act that takes a step back."""

    action: str
    parameters: dict[str, Any] = Field(default={}, alias="with")


class Step(_Block):
    """One act of a runbook."""

    id: StepId
    title: str = ""
    action: str
    parameters: dict[str, Any] = Field(default={}, alias="with")
    when: str | bool = True
    approval: Approval | None = None
    timeout: PositiveDuration | None = None
    retry: Retry = Retry()
    on_failure: str = "stop"
    rollback: Rollback | None = None
    idempotency: str = ""

    @field_validator("on_failure")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("stop", "continue", "rollback") and not value.startswith("goto:"):
            raise ValueError("must be stop, continue, rollback or goto:STEP")
        return value


class Escalate(_Block):
    """Whom to call, and when."""

    to: str
    when: Literal["failed", "always", "never"] = "failed"


class Spec(_Block):
    """What the runbook does."""

    handles: tuple[str, ...] = ()
    trigger: Trigger = Trigger()
    inputs: dict[str, Input] = {}
    guard: Guard = Guard()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    escalate: Escalate | None = None


class Runbook(_Block):
    """A whole runbook."""

    api_version: Literal["bellhop/v1"] = Field(alias="apiVersion")
    kind: Literal["Runbook"]
    metadata: Metadata
    spec: Spec

    def step(self, id: str) -> Step:  # noqa: A002 - the language's own word
        """One step by its id; raises KeyError."""
        return next(step for step in self.spec.steps if step.id == id)


def typed(value: object, kind: InputType) -> object:
    """`value` as an input of `kind`; raises ValueError when it is none."""
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
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a {kind}, not {value!r}")
    if kind == "ratio" and not 0 <= value <= 1:
        raise ValueError(f"must be between 0 and 1, not {value}")
    if kind == "integer" and value != int(value):
        raise ValueError(f"must be a whole number, not {value}")
    return value
