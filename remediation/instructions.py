"""What a run's interpreter says and remembers, as plain values that cross a restart as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

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
    """Do this; `key` is the same for every attempt of a step in a phase.

    Each item of a foreach has an act of its own: `step` is then drain.2 for the second one, and `each` what its
    templates see beside the rest, {"item": …, "loop": {"index": 2, "length": 3}}.
    """

    step: str
    title: str
    phase: Phase
    attempt: int
    action: str
    parameters: Json
    key: str
    timeout_s: float
    each: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Together(_Plain):
    """Begin all of these acts of one group in this order, and wait for all.

    What came of it is {"acts": [an envelope each, in this order]}; an envelope's `at` is the instant of its end.
    """

    group: str
    acts: list[Act]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Together":
        """Back from JSON."""
        return cls(group=content["group"], acts=[Act.from_json(act) for act in content["acts"]])


@dataclass(frozen=True, slots=True)
class Ask(_Plain):
    """Ask people before a step.

    `acts` are all that a yes lets happen, {"step", "title", "action", "parameters"} as they will be done; one whose
    parameters cannot be rendered has none, and a "fault". Empty in questions of versions that did not tell.
    `escalate_to` are those who are called when nobody decided in time and the question is then open once more.
    """

    step: str
    title: str
    role: str
    count: int
    timeout_s: float
    on_timeout: Literal["stop", "escalate", "proceed"]
    acts: list[Json] = field(default_factory=list)
    escalate_to: str = ""


@dataclass(frozen=True, slots=True)
class AskOutcome(_Plain):
    """Nobody knows whether an act happened or, where it only `looks`, whether what it looks for holds: ask people."""

    step: str
    phase: Phase
    attempt: int
    reason: str
    looks: bool = False


@dataclass(frozen=True, slots=True)
class Skip(_Plain):
    """A step is passed over: its condition does not hold, or a person says so."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Fail(_Plain):
    """A step cannot be begun: a template comes to nothing, or there are more items than its limit."""

    step: str
    why: str
    each: Json = field(default_factory=dict)


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


Instruction = Act | Together | Ask | AskOutcome | Skip | Fail | Wait | Finish


@dataclass(frozen=True, slots=True)
class RunState(_Plain):
    """Everything a run has come to, as plain JSON.

    `position` is the step or group at hand (an index), `item` how many items of its foreach are over, `closed` which
    branches of its group; `attempts` the number of the attempt to come of each act, 1 where none is given; `approved`
    the steps that people said yes to; `waiting` seconds before the next attempt; `asking` the questions about unknown
    outcomes that are still open; `done` the acts that may have happened, newest last; `outputs` what acts gave;
    `undoing` why we go back; `carried` what an earlier run of which this is the retry did, by act.
    """

    run: str
    runbook: Json
    scope: Json
    risks: Json
    position: int = 0
    item: int = 0
    closed: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    approved: list[str] = field(default_factory=list)
    waiting: float = 0.0
    asking: list[Json] = field(default_factory=list)
    outputs: Json = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    undoing: Json = field(default_factory=dict)
    carried: Json = field(default_factory=dict)
    finished: Json = field(default_factory=dict)
    count: int = 0
