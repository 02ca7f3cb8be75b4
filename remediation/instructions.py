"""What a run's interpreter says and remembers, as plain values that cross a restart as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

Json = dict[str, Any]
Phase = Literal["run", "undo"]
Result = Literal["succeeded", "failed", "stopped", "rejected", "rolled back", "unknown", "aborted"]


class _Plain:
    """JSON both ways; the `kind` names the class."""

    def to_json(self) -> Json:
        """Plain JSON."""
        return {"kind": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the class itself
        """Back from JSON."""
        return cls(**{name: value for name, value in content.items() if name != "kind"})


@dataclass(frozen=True, slots=True)
class Act(_Plain):
    """Do this; `key` is the same for every attempt of a step in a phase."""

    step: str
    title: str
    phase: Phase
    attempt: int
    action: str
    parameters: Json
    key: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Ask(_Plain):
    """Ask people before a step."""

    step: str
    title: str
    role: str
    count: int
    timeout_s: float
    on_timeout: Literal["stop", "escalate", "proceed"]


@dataclass(frozen=True, slots=True)
class AskOutcome(_Plain):
    """Nobody knows whether an act happened: ask people."""

    step: str
    phase: Phase
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Skip(_Plain):
    """A step's condition does not hold."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Wait(_Plain):
    """Let time pass before the next attempt."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Finish(_Plain):
    """The run is over; `changed` says whether any act touched the network."""

    result: Result
    reason: str
    escalate_to: str = ""
    changed: bool = False


Instruction = Act | Ask | AskOutcome | Skip | Wait | Finish


@dataclass(frozen=True, slots=True)
class RunState(_Plain):
    """Everything a run has come to, as plain JSON.

    `position` is the step at hand (an index), `attempt` its number, `approved` whether people said yes to it,
    `done` the acts that may have happened, newest last, `outputs` what steps gave, `undoing` why we go back.
    """

    run: str
    runbook: Json
    scope: Json
    risks: Json
    position: int = 0
    attempt: int = 1
    approved: bool = False
    waiting: float = 0.0
    asking: Json = field(default_factory=dict)
    outputs: Json = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    undoing: Json = field(default_factory=dict)
    finished: Json = field(default_factory=dict)
    count: int = 0
    KINDS: ClassVar[tuple[str, ...]] = ()
