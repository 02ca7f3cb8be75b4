"""The eight injectable faults: one row each says what it is on, and how hard it pushes which physical quantity.

A fault pushes on a cause only (a loss, an attempt rate, a temperature); everything else follows in the simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.errors import BadPayloadError

Shape = Literal["step", "ramp", "intermittent"]
SHAPES: tuple[Shape, ...] = ("step", "ramp", "intermittent")
RAMP_S = 180.0
PERIOD_S, DUTY = 120.0, 0.6
"""An intermittent fault is on for DUTY of every PERIOD_S."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One failure mode: the kind of its subject and how long its own slow change takes (0: none)."""

    kind: Literal["link", "node"]
    name: str
    drift_s: float = 0.0


MODES: Mapping[str, Mode] = {
    "F1": Mode("link", "excess loss"),
    "F2": Mode("link", "correlated noise"),
    "F3": Mode("link", "decoder timeouts"),
    "F4": Mode("link", "entanglement exhaustion"),
    "F5": Mode("node", "firmware regression"),
    "F6": Mode("node", "measurement drift", drift_s=420.0),
    "F7": Mode("link", "resource starvation"),
    "F8": Mode("node", "thermal event"),
}

LOSS_DB = 14.0
"""F1: excess loss at severity 1, dB."""
BURST_SHARE, BURST_FAILURE, BURST_CORRELATION = 0.5, 0.9, 0.25
"""F2 at severity 1: share of time in bursts, failing share within one, pairwise correlation of detection events."""
DECODE_FACTOR = 40.0
"""F3: slow-down of the decoder at severity 1; geometric in between."""
ATTEMPT_FLOOR = 0.05
"""F4: share of attempts left at severity 1; geometric in between."""
SURGE = 12.0
"""F4 with cause demand: best-effort demand at severity 1, over the local traffic."""
T1_FLOOR, T2_FLOOR, FIDELITY_DROP = 0.4, 0.08, 0.22
"""F5 at severity 1: coherence left (geometric in between) and fidelity lost on each link of the node."""
VARIANCE_RISE = 4.0
"""F6: rise of the readout variance over its normal value at severity 1, reached after the drift."""
SLOT_FLOOR = 0.08
"""F7: share of slots left at severity 1; geometric in between."""
HEAT_K = 6.5
"""F8: rise of the stage temperature at severity 1, K."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One injected fault. `cause` matters to F4 only: a cut generation policy, or a surge of demand."""

    id: str
    mode: str
    subject: str
    severity: float = 0.7
    shape: Shape = "step"
    cause: Literal["policy", "demand"] = "policy"
    started_at: float

    def strength(self, now: float) -> float:
        """Severity in force at `now` (Unix s), 0..1."""
        since = now - self.started_at
        if since < 0:
            return 0.0
        if self.shape == "intermittent" and since % PERIOD_S > DUTY * PERIOD_S:
            return 0.0
        rise = max(RAMP_S if self.shape == "ramp" else 0.0, MODES[self.mode].drift_s)
        return self.severity * (min(1.0, since / rise) if rise else 1.0)


def check(mode: str, severity: float, shape: str, cause: str) -> None:
    """Refuse (BadPayloadError, 422) a fault that does not exist."""
    if mode not in MODES:
        raise BadPayloadError(f"no fault mode {mode!r}; known are {', '.join(MODES)}", field="mode", status=422)
    if not 0 < severity <= 1:
        raise BadPayloadError(f"severity must be above 0 and at most 1, not {severity}", field="severity", status=422)
    if shape not in SHAPES:
        raise BadPayloadError(f"no shape {shape!r}; known are {', '.join(SHAPES)}", field="shape", status=422)
    if cause not in ("policy", "demand"):
        raise BadPayloadError(f"no cause {cause!r}; known are policy, demand", field="cause", status=422)
