"""What an act will do to a link, in numbers that telemetry can confirm afterwards.

Each kind of effect maps the present state to the state after; the link model evaluates both. Where readings are
given, the model is anchored to them: it then only says by how much a quantity changes against the link's own healthy
reading. Intervals are 5..95%: counting statistics of a rate window for rates, the spread of the code fit for
logical success, first-passage statistics for times; None where nothing is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bot.capacity.anchor import Modelled, anchored, odds
from bot.capacity.link import HORIZON_S, LinkState, evaluate, specified
from bot.capacity.ranges import Number, not_negative, one_of, plain, probability
from bot.model.network import Code, Link
from remediation.contract import EFFECT_KINDS, Prediction

Readings = Mapping[str, float]

Z95 = 1.6449
FIT_FACTOR = 1.27
"""The odds of failure are known to this factor: the other basis is up to 22% worse, the fit's residual 4%."""

EXPONENTIAL = float(np.log(100) / np.log(2))
"""99th percentile over median of the exponential law."""

UNITS: Mapping[str, str] = {
    "entanglement_pool_level": "1",
    "entanglement_rate": "pairs/s",
    "entanglement_success_ratio": "1",
    "entanglement_consumption_rate": "pairs/s",
    "physical_loss_ratio": "1",
    "logical_success_ratio": "1",
    "secret_key_rate": "bit/s",
    "qber": "1",
    "channel_fidelity": "1",
    "decode_latency_p50": "s",
    "decode_latency_p99": "s",
    "coherence_t1": "s",
    "coherence_t2": "s",
    "measurement_variance": "1",
    "device_temperature": "K",
    "syndrome_error_ratio": "1",
    "syndrome_correlation": "1",
    "slot_utilisation": "1",
    "transfer_queue_length": "transfers",
    "capacity_qubits_per_s": "qubit/s",
    "pool_depletion_s": "s",
    "replenish_time_s": "s",
}
"""Quantities of predictions; all but the last three are signals of the telemetry contract."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question: the link, its state now and when healthy, what the act carries, and readings where known."""

    link: Link
    now: LinkState
    baseline: LinkState
    values: Mapping[str, float]
    measured: Readings = field(default_factory=dict)
    healthy: Readings = field(default_factory=dict)
    code: Code | None = None


After = Callable[[Case], LinkState]


def _replenished(case: Case) -> LinkState:
    level = float(probability("level", case.values.get("level", case.link.pool.target_level)))
    filled = np.maximum(case.now.pool_pairs, level * np.asarray(case.now.pool_capacity_pairs))
    return replace(case.now, pool_pairs=plain(filled))


def _generating(case: Case) -> LinkState:
    share = float(probability("share", case.values.get("share", 1.0)))
    return replace(case.now, attempt_rate_hz=share * case.link.attempt_rate_hz)


def _throttled(case: Case) -> LinkState:
    rate = case.values.get("consumption_rate")
    if rate is None:
        rate = float(np.fmin(case.now.consumption_rate, case.baseline.consumption_rate))
    return replace(case.now, consumption_rate=float(not_negative("consumption_rate", rate)))


def _rerouted(case: Case) -> LinkState:
    rate = not_negative("consumption_rate", case.values.get("consumption_rate", 0.0))
    return replace(case.now, consumption_rate=float(rate))


def _recoded(case: Case) -> LinkState:
    code = case.link.code if case.code is None else case.code
    return replace(case.now, code_family=code.family, code_distance=code.distance)


def _failed_over(case: Case) -> LinkState:
    kept = {name: getattr(case.now, name) for name in ("pool_pairs", "consumption_rate", "herald_efficiency")}
    return replace(specified(case.link), **kept)


def _restored(*names: str) -> After:
    def after(case: Case) -> LinkState:
        return replace(case.now, **{name: getattr(case.baseline, name) for name in names})

    return after


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of effect: the state after, the modelled quantities to tell, and signals that return to healthy."""

    after: After
    modelled: tuple[str, ...]
    returning: tuple[str, ...] = ()


_COHERENCE = _restored("t1_s", "t2_s", "fidelity", "qber")
_LOGICAL = "logical_success_ratio"
_CAPACITY = "capacity_qubits_per_s"

KINDS: Mapping[str, Kind] = {
    "replenish": Kind(_replenished, ("entanglement_pool_level", _LOGICAL, "pool_depletion_s")),
    "restore_generation": Kind(_generating, ("entanglement_rate", _LOGICAL, "pool_depletion_s", _CAPACITY)),
    "throttle": Kind(_throttled, ("entanglement_consumption_rate", _LOGICAL, "pool_depletion_s")),
    "reroute": Kind(_rerouted, ("entanglement_consumption_rate", "pool_depletion_s")),
    "restore_loss": Kind(
        _restored("loss_db"),
        (
            "physical_loss_ratio",
            "entanglement_success_ratio",
            "entanglement_rate",
            _LOGICAL,
            "secret_key_rate",
            _CAPACITY,
        ),
    ),
    "restore_noise": Kind(_restored(), (_LOGICAL,), ("syndrome_error_ratio", "syndrome_correlation")),
    "restore_decoder": Kind(
        _restored("decode_latency_s", "decode_p99_s"),
        ("decode_latency_p50", "decode_latency_p99", _LOGICAL),
        ("retry_ratio", "transfer_queue_length"),
    ),
    "restore_coherence": Kind(
        _COHERENCE,
        ("coherence_t1", "coherence_t2", "channel_fidelity", "qber", "secret_key_rate", _LOGICAL, _CAPACITY),
    ),
    "restore_readout": Kind(
        _restored("measurement_error", "readout_variance"),
        ("measurement_variance", _LOGICAL),
        ("syndrome_error_ratio",),
    ),
    "restore_slots": Kind(_restored(), (_LOGICAL,), ("slot_utilisation", "transfer_queue_length")),
    "restore_temperature": Kind(
        _COHERENCE, ("coherence_t1", "coherence_t2", "channel_fidelity", _LOGICAL), ("device_temperature",)
    ),
}
"""Every kind of remediation.contract.EFFECT_KINDS; tests hold the two tables together."""
PLANNING: Mapping[str, Kind] = {
    "change_code": Kind(_recoded, (_LOGICAL, _CAPACITY)),
    "fail_over": Kind(_failed_over, (_LOGICAL, "entanglement_rate", "pool_depletion_s", _CAPACITY)),
}
"""Kinds that no runbook step has yet: another code (`code`), and standby equipment that keeps the file's promises."""
NOT_IN_PARAMETERS = ("restore_noise", "restore_slots")
"""Kinds whose fault is not in the link's parameters: a success ratio returns to what the model expects now."""


def predict(
    *,
    link: Link,
    now: LinkState,
    baseline: LinkState,
    kind: str,
    values: Mapping[str, float],
    measured: Readings | None = None,
    healthy: Readings | None = None,
    code: Code | None = None,
) -> tuple[Prediction, ...]:
    """The predicted effect of `kind` (of EFFECT_KINDS or PLANNING) on one link, most telling quantity first.

    `measured` and `healthy` are optional readings by signal name, now and at the baseline. Quantities that stay unknown
    have None. Raises CapacityRangeError for an unknown kind or values out of range.
    """
    rule = {**KINDS, **PLANNING}[one_of("kind", kind, (*EFFECT_KINDS, *PLANNING))]
    case = Case(link, now, baseline, values, measured or {}, healthy or {}, code)
    after = rule.after(case)
    shown = [_modelled(case, kind, name, after) for name in rule.modelled]
    shown += [_returning(case, kind, name) for name in rule.returning]
    if kind == "replenish":
        shown.insert(1, _replenish_time(case, after))
    return tuple(item for item in shown if item.before is not None or item.after is not None)


def _quantities(state: LinkState) -> dict[str, float]:
    """The model's quantities and the state's own parameters, by signal name."""
    told = {name: _scalar(name, value) for name, value in evaluate(state).items()}
    median = np.asarray(state.decode_latency_s)
    own: dict[str, Number] = {
        "decode_latency_p50": median,
        "decode_latency_p99": np.where(np.isnan(state.decode_p99_s), EXPONENTIAL * median, state.decode_p99_s),
        "coherence_t1": state.t1_s,
        "coherence_t2": state.t2_s,
        "measurement_variance": state.readout_variance,
        "entanglement_consumption_rate": state.consumption_rate,
    }
    return told | {name: _scalar(name, value) for name, value in own.items()}


def _scalar(name: str, value: Number) -> float:
    return float(one_of(f"number of values of {name}", np.size(value), (1,)) and np.asarray(value).reshape(()))


def _modelled(case: Case, kind: str, name: str, after: LinkState) -> Prediction:
    model = Modelled(*(_quantities(state)[name] for state in (case.now, after, case.baseline)))
    measured, healthy = case.measured.get(name), case.healthy.get(name)
    logical = name == _LOGICAL
    if kind in NOT_IN_PARAMETERS:
        later = anchored(model, None, healthy, logical=logical)
        later = later if measured is None else max(measured, later)
    else:
        later = anchored(model, measured, healthy, logical=logical)
    return _prediction(name, model.now if measured is None else measured, later, *_interval(name, later, after))


def _interval(name: str, value: float, after: LinkState) -> tuple[float | None, float | None]:
    if not np.isfinite(value):
        return None, None
    if name == _LOGICAL:
        low, high = odds(value) / FIT_FACTOR, odds(value) * FIT_FACTOR
        return low / (1 + low), high / (1 + high)
    if name in ("entanglement_rate", "entanglement_consumption_rate"):
        spread = Z95 * np.sqrt(value / HORIZON_S)
        return max(0.0, value - spread), value + spread
    if name == "pool_depletion_s":
        told = _quantities(after)
        return told["pool_depletion_low_s"], told["pool_depletion_high_s"]
    return None, None


def _returning(case: Case, kind: str, name: str) -> Prediction:
    """A signal outside the link model: back to its healthy reading, unknown where there is none."""
    before, later = case.measured.get(name), case.healthy.get(name)
    if name == "syndrome_correlation" and kind == "restore_noise" and before is not None and later is None:
        later = 0.0
    return _prediction(name, before, later)


def _replenish_time(case: Case, after: LinkState) -> Prediction:
    """Seconds to fill: full attempts, consumption at most the healthy one; from none (low) to all of today's (high)."""
    pairs = _scalar("pool_pairs", after.pool_pairs) - _scalar("pool_pairs", case.now.pool_pairs)
    full = replace(case.now, attempt_rate_hz=case.link.attempt_rate_hz)
    rate = _quantities(full)["entanglement_rate"]
    today, usual = (_scalar("consumption_rate", state.consumption_rate) for state in (case.now, case.baseline))
    held = case.values.get("consumption_rate", min(today, usual))
    middle = _fill(pairs, rate, held, 0.0)
    return _prediction(
        "replenish_time_s", None, middle, _fill(pairs, rate, 0.0, -Z95), _fill(pairs, rate, max(today, held), Z95)
    )


def _fill(pairs: float, made: float, used: float, sigmas: float) -> float:
    """Time for a random walk to climb `pairs`, mean plus `sigmas` standard deviations (first passage, Feller)."""
    if pairs <= 0:
        return 0.0
    net = made - used
    if not net > 0:
        return float("inf") if np.isfinite(net) else net
    return max(0.0, pairs / net + sigmas * float(np.sqrt(pairs * (made + used) / net**3)))


def _prediction(
    name: str, before: float | None, after: float | None, low: float | None = None, high: float | None = None
) -> Prediction:
    return Prediction(name, UNITS.get(name, "1"), _known(before), _known(after), _known(low), _known(high))


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
