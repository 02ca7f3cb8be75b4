"""What an act will do to a link, in numbers that telemetry can confirm afterwards.

Each kind of effect maps the present state to the state after; the link model evaluates both. Where readings are
given, the model is anchored to them: it then only says by how much a quantity changes against the link's own healthy
reading. Intervals are 5..95%: counting statistics of a rate window for rates, the spread of the code fit for
logical success, first-passage statistics for times; for purified pairs what the two protocols give; None where nothing
is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bot.capacity.after import (
    After,
    Case,
    Readings,
    as_used,
    failed_over,
    generating,
    pair_fidelity,
    purified,
    recoded,
    relit,
    replenished,
    rerouted,
    restored,
    rounds,
    rounds_asked,
    throttled,
)
from bot.capacity.anchor import Modelled, anchored, odds
from bot.capacity.link import HORIZON_S, LinkState, evaluate
from bot.capacity.predicted import unit_of
from bot.capacity.purification import dejmps_rounds
from bot.capacity.ranges import Number, one_of
from bot.model.network import Code, Link
from remediation.contract import EFFECT_KINDS, Prediction

Z95 = 1.6449
FIT_FACTOR = 1.27
"""The odds of failure are known to this factor: the other basis is up to 22% worse, the fit's residual 4%."""

EXPONENTIAL = float(np.log(100) / np.log(2))
"""99th percentile over median of the exponential law."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of effect: the state after, the modelled quantities to tell, and signals that return to healthy."""

    after: After
    modelled: tuple[str, ...]
    returning: tuple[str, ...] = ()
    beside: Callable[[Case], Case] = lambda case: case
    """What the state after is compared with."""


_COHERENCE = restored("t1_s", "t2_s", "fidelity", "qber")
_LOGICAL = "logical_success_ratio"
_CAPACITY = "capacity_qubits_per_s"

KINDS: Mapping[str, Kind] = {
    "replenish": Kind(replenished, ("entanglement_pool_level", _LOGICAL, "pool_depletion_s")),
    "restore_generation": Kind(generating, ("entanglement_rate", _LOGICAL, "pool_depletion_s", _CAPACITY)),
    "throttle": Kind(throttled, ("entanglement_consumption_rate", _LOGICAL, "pool_depletion_s")),
    "reroute": Kind(rerouted, ("entanglement_consumption_rate", "pool_depletion_s")),
    "purify": Kind(purified, ("entanglement_consumption_rate", _LOGICAL, "pool_depletion_s"), beside=as_used),
    "restore_loss": Kind(
        relit,
        (
            "physical_loss_ratio",
            "entanglement_success_ratio",
            "entanglement_rate",
            _LOGICAL,
            "secret_key_rate",
            _CAPACITY,
        ),
    ),
    "restore_noise": Kind(restored(), (_LOGICAL,), ("syndrome_error_ratio", "syndrome_correlation")),
    "restore_decoder": Kind(
        restored("decode_latency_s", "decode_p99_s"),
        ("decode_latency_p50", "decode_latency_p99", _LOGICAL),
        ("retry_ratio", "transfer_queue_length"),
    ),
    "restore_coherence": Kind(
        _COHERENCE,
        ("coherence_t1", "coherence_t2", "channel_fidelity", "qber", "secret_key_rate", _LOGICAL, _CAPACITY),
    ),
    "restore_readout": Kind(
        restored("measurement_error", "readout_variance"),
        ("measurement_variance", _LOGICAL),
        ("syndrome_error_ratio",),
    ),
    "restore_slots": Kind(restored(), (_LOGICAL,), ("slot_utilisation", "transfer_queue_length")),
    "restore_temperature": Kind(
        _COHERENCE, ("coherence_t1", "coherence_t2", "channel_fidelity", _LOGICAL), ("device_temperature",)
    ),
}
"""Every kind of remediation.contract.EFFECT_KINDS; tests hold the two tables together."""
PLANNING: Mapping[str, Kind] = {
    "change_code": Kind(recoded, (_LOGICAL, _CAPACITY)),
    "fail_over": Kind(failed_over, (_LOGICAL, "entanglement_rate", "pool_depletion_s", _CAPACITY)),
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
    after, beside = rule.after(case), rule.beside(case)
    shown = [_modelled(beside, kind, name, after) for name in rule.modelled]
    shown += [_returning(beside, kind, name) for name in rule.returning]
    if kind == "replenish":
        shown.insert(1, _replenish_time(case, after))
    if kind == "purify":
        shown = [*_purified_pairs(case), *shown]
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
        "entanglement_consumption_rate": _seen_consumption(state, told),
    }
    return told | {name: _scalar(name, value) for name, value in own.items()}


def _seen_consumption(state: LinkState, told: Mapping[str, float]) -> Number:
    """Pairs/s that telemetry will show used: once the pool is empty, no more than are made."""
    lasts = not told["pool_depletion_s"] < HORIZON_S
    return state.consumption_rate if lasts else np.fmin(state.consumption_rate, told["entanglement_rate"])


def _scalar(name: str, value: Number) -> float:
    return float(one_of(f"number of values of {name}", np.size(value), (1,)) and np.asarray(value).reshape(()))


def _modelled(case: Case, kind: str, name: str, after: LinkState) -> Prediction:
    model = Modelled(*(_quantities(state)[name] for state in (case.now, after, case.baseline)))
    measured, healthy = case.measured.get(name), case.healthy.get(name)
    logical = name == _LOGICAL
    if kind in NOT_IN_PARAMETERS:
        later = anchored(model, None, healthy, logical=logical)
        later = later if measured is None else max(measured, later)
    elif name == "entanglement_consumption_rate" and "consumption_rate" in case.values:
        later = model.after
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


def _purified_pairs(case: Case) -> list[Prediction]:
    """Fidelity and pairs/s after purification, told for BBPSSW, up to what DEJMPS makes of the same raw pairs."""
    present, after = rounds(case)
    best = dejmps_rounds(pair_fidelity(case.now), rounds_asked(case))
    made = _quantities(case.now)["entanglement_rate"]
    rates = [made / each.raw_pairs for each in (after, best)]
    return [
        _prediction("purified_fidelity", present.fidelity, after.fidelity, *_ends(after.fidelity, best.fidelity)),
        _prediction("purified_rate", made / present.raw_pairs, rates[0], *_ends(*rates)),
    ]


def _ends(*values: float) -> tuple[float, float]:
    return min(values), max(values)


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
    return Prediction(name, unit_of(name), _known(before), _known(after), _known(low), _known(high))


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
