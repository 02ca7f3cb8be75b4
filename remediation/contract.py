"""What an action, a controller and the program that runs a runbook agree on. Instants are Unix seconds.

An action is data about an act (its parameters, risk, target and effect) plus at most three small async
functions (run, status, verify) and the name of the act that undoes it. It reaches the world through `Ports`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from pydantic import BaseModel

Json = Mapping[str, Any]
TargetKind = Literal["link", "node", "flow", "network"]


class Risk(StrEnum):
    """What an act can do: nothing, something that its compensation takes back, or hurt traffic."""

    READ = "read"
    REVERSIBLE = "reversible"
    DISRUPTIVE = "disruptive"


@dataclass(frozen=True, slots=True)
class Target:
    """What an act touches."""

    kind: TargetKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What an act is meant to do to a link, in the words of the capacity model.

    `kind` is one of EFFECT_KINDS; `values` are its numbers (e.g. {"level": 0.8}).
    """

    kind: str
    target: Target
    values: Mapping[str, float] = field(default_factory=dict)


EFFECT_KINDS: Mapping[str, str] = {
    "replenish": "fills the pool to `level`",
    "restore_generation": "attempts back to `share` (0..1) of the specified attempt rate",
    "throttle": "consumption cut by the flows that are held, to `consumption_rate` pairs/s where given",
    "purify": "pairs through `rounds` of purification before they are used; now that takes `raw_pairs` for each",
    "restore_loss": "excess loss back to the specified loss",
    "reroute": "a flow leaves the link, joins it or asks less of it: `consumption_rate` pairs/s are used then",
    "restore_noise": "correlated noise gone: logical errors back to the independent prediction",
    "restore_decoder": "decode latency back to its baseline",
    "restore_coherence": "T1, T2 and fidelity back to their baseline",
    "restore_readout": "measurement error and variance back to their baseline",
    "restore_slots": "transfer slots back to `slots`",
    "restore_temperature": "device temperature back to its baseline, coherence with it",
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One quantity of the predicted effect: now, expected after, with the 5-95% interval where known."""

    quantity: str
    unit: str
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal of one subject: value (None when unknown), its age, quality and baseline band."""

    signal: str
    subject: str
    value: float | None
    quality: Literal["fresh", "stale", "missing", "out of range"]
    age_s: float
    baseline: float | None = None
    baseline_low: float | None = None
    baseline_high: float | None = None


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a controller says of an act it was asked for.

    `state` unknown: it never heard of the key, so the act surely never arrived (or may be asked for again without
    harm). lost: it keeps no record by which the key could be found; `error` says where a person may look.
    """

    state: Literal["running", "succeeded", "failed", "unknown", "lost"]
    result: Json = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """An act as it is asked for; what a far side that keeps no keys can be questioned about."""

    operation: str
    target: Target
    parameters: Json = field(default_factory=dict)


class Controller(Protocol):
    """The far side that does things to hardware, schedulers and flows."""

    async def submit(self, operation: str, target: Target, parameters: Json, *, key: str) -> None:
        """Ask for an operation once; the same key again is the same act. Raises ControllerError."""
        ...

    async def status(self, key: str, asked: Asked | None = None) -> JobStatus:
        """What became of the act with this key; `asked` helps far sides that keep no keys.

        Raises ControllerError when nobody answers.
        """
        ...

    async def state(self, target: Target, operation: str = "") -> Json:
        """The settings of a target as they are now, seen by whoever carries out `operation`. Raises ControllerError."""
        ...


class Readings(Protocol):
    """Live telemetry, one question at a time."""

    async def read(self, signal: str, subject: str) -> Reading:
        """The present value with quality and baseline; never raises for missing data."""
        ...


class Messenger(Protocol):
    """Tells people."""

    async def tell(self, channel: Literal["notify", "page", "ticket"], to: str, text: str, *, key: str) -> None:
        """Record the message for delivery; the same key again is the same message."""
        ...


class Timer(Protocol):
    """The clock of the program that runs the runbook."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The four doors through which actions reach the world."""

    controller: Controller
    readings: Readings
    messenger: Messenger
    timer: Timer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to, as plain data: `ok`, its output, what was there before, and why not.

    `happened` is None when nobody knows whether the act was done (the far side broke off); a person decides.
    `confirmed` names the settings of the target that were seen to be as they should after it.
    `unclear` says of an act that looks that it could not see: no verdict, neither good nor bad.
    """

    ok: bool
    output: Json = field(default_factory=dict)
    before: Json = field(default_factory=dict)
    error: str = ""
    retryable: bool = False
    happened: bool | None = True
    confirmed: list[str] = field(default_factory=list)
    unclear: bool = False


Run = Callable[[Any, Ports, str], Awaitable[Outcome]]
"""(parameters, ports, idempotency key) -> outcome."""
Probe = Callable[[Any, Ports, str], Awaitable[Outcome | None]]
"""Whether an act begun under this key happened: its outcome, or None when it never reached the far side."""

Snapshot = Callable[[Any, Ports], Awaitable[Json]]
"""(parameters, ports) -> the state that the act is about to change."""


Leaves = Mapping[str, Callable[[Json], Any]]
"""Name of a setting -> from the parameters that were carried out to its value; None where they do not tell."""

Outage = Literal["while it lasts", "until it is taken back"]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a runbook step can do. A literal table of these is the registry."""

    name: str
    summary: str
    parameters: type[BaseModel]
    risk: Risk
    target: Callable[[Any], Target | None]
    run: Run
    probe: Probe | None = None
    snapshot: Snapshot | None = None
    """Taken ahead of the intent, so that a compensation knows what was there even after a crash in the act."""
    effect: Callable[[Any], Effect | None] | None = None
    unpredicted: str = ""
    """Why nothing is predicted, for an act that changes the network and has no effect with some of its parameters."""
    compensation: str = ""
    """Name of the action that takes this one back, where there is one; lint warns of a risky step without."""
    consumes_pairs: bool = False
    leaves: Leaves = field(default_factory=dict)
    """Settings that its target has when it is done: held against the controller's own before it counts as done."""
    takes_out: Outage | None = None
    """How long its target, and all links of a node, carry nothing: its blast radius beyond the target's settings."""
    puts_back: bool = False
    """Whether it ends such an outage."""
