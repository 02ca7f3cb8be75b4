"""Seasonal and operational factors: parameters of a link as distributions, capacity as quantiles; pure.

A factor adds to a parameter or multiplies it by what its distribution gives: a swing over the day or the year seen
at a random moment (arcsine law), scatter (normal), a range (uniform), a state that holds for a share of the time, or
values that were seen. Draws are a Latin hypercube (McKay, Beckman, Conover 1979): each factor's distribution is cut
into as many equal parts as there are draws and each part is met once, so quantiles settle with few draws.

>>> from bot.capacity.state import LinkState
>>> fiber = LinkState(loss_db=10.0, attempt_rate_hz=1e4, herald_efficiency=0.5, t1_s=4.0, t2_s=1.0, storage_s=0.0,
...     gate_error=0.0, measurement_error=0.0, fidelity=1.0, decode_latency_s=0.001, decoder_budget_s=1.0,
...     consumption_rate=0.0, pool_pairs=100.0, pool_capacity_pairs=100.0)
>>> told = quantiles(fiber, [season("loss_db", 1.0)], (0.0, 0.5, 1.0))["entanglement_rate"]
>>> [round(float(value)) for value in told]  # 500 pairs/s at 10 dB; 11 dB in the worst season, 9 dB in the best
[397, 500, 629]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from bot.capacity.link import evaluate
from bot.capacity.ranges import Array, CapacityRangeError, not_negative, one_of, probability
from bot.capacity.state import LinkState

DRAWS = 2_048
How = Literal["add", "multiply"]

LIMITS: Mapping[str, tuple[float, float]] = {
    "herald_efficiency": (0.0, 1.0),
    "gate_error": (0.0, 1.0),
    "measurement_error": (0.0, 1.0),
    "fidelity": (1 / 3, 1.0),
    "qber": (0.0, 1.0),
    "t1_s": (1e-12, np.inf),
    "t2_s": (1e-12, np.inf),
    "decoder_budget_s": (1e-12, np.inf),
    "pool_capacity_pairs": (1e-12, np.inf),
}
"""Where a varied parameter stops; others at 0 and infinity, `pool_pairs` at the pool's capacity, T2 at 2 T1."""
PARAMETERS = tuple(each.name for each in fields(LinkState) if not each.name.startswith("code_"))


@dataclass(frozen=True, slots=True)
class Factor:
    """One parameter of LinkState and the inverse distribution function of what is added to it or multiplies it."""

    parameter: str
    how: How
    at: Callable[[Array], Array]

    def __post_init__(self) -> None:
        one_of("parameter", self.parameter, PARAMETERS)
        one_of("how", self.how, ("add", "multiply"))


def season(parameter: str, amplitude: float, how: How = "add") -> Factor:
    """A swing between -amplitude and +amplitude (as a share of the value for `multiply`), at a random moment of it."""
    size = float(not_negative("amplitude", amplitude))
    return _about(parameter, how, lambda u: size * np.sin(np.pi * (u - 0.5)))


def scatter(parameter: str, deviation: float, how: How = "add") -> Factor:
    """Normal scatter with a standard deviation; for `multiply` log-normal, `deviation` that of the logarithm."""
    from scipy.special import ndtri  # noqa: PLC0415 - heavy, and only needed here

    size = float(not_negative("deviation", deviation))
    if how == "multiply":
        return Factor(parameter, how, lambda u: np.exp(size * ndtri(u)))
    return Factor(parameter, how, lambda u: np.asarray(size * ndtri(u)))


def uniform(parameter: str, low: float, high: float, how: How = "add") -> Factor:
    """Anything between two shifts (shares of the value for `multiply`) alike; raises CapacityRangeError if turned."""
    if not low <= high:
        raise CapacityRangeError("low", low, f"at most high = {high}")
    return _about(parameter, how, lambda u: low + (high - low) * u)


def state_for(parameter: str, share: float, change: float, how: How = "add") -> Factor:
    """An operational state that holds for `share` (0..1) of the time and changes the parameter by `change`."""
    held = float(probability("share", share))
    return _about(parameter, how, lambda u: np.where(u < held, change, 0.0))


def seen(parameter: str, values: Sequence[float], how: How = "add") -> Factor:
    """The distribution of values that were seen (shifts, or shares for `multiply`), NaN left out."""
    known = np.sort(np.asarray(values, dtype=np.float64))
    known = known[np.isfinite(known)]
    one_of("values, at least one finite", known.size > 0, (True,))
    return _about(parameter, how, lambda u: np.quantile(known, u))


def _about(parameter: str, how: How, shift: Callable[[Array], Array]) -> Factor:
    return Factor(parameter, how, shift if how == "add" else lambda u: 1 + shift(u))


def drawn(state: LinkState, factors: Sequence[Factor], *, draws: int = DRAWS, seed: int = 1) -> LinkState:
    """The state with `draws` draws along a new last axis; parameters are held at their physical limits."""
    if draws < 1:
        raise CapacityRangeError("draws", draws, "[1, inf)")
    generator = np.random.default_rng(seed)
    changed: dict[str, Any] = {name: np.asarray(getattr(state, name))[..., None] for name in PARAMETERS}
    for factor in factors:
        strata = (generator.permutation(draws) + generator.random(draws)) / draws
        change = factor.at(np.clip(strata, 1e-12, 1 - 1e-12))
        value = changed[factor.parameter]
        changed[factor.parameter] = value + change if factor.how == "add" else value * change
    for name in {factor.parameter for factor in factors}:
        changed[name] = np.clip(changed[name], *LIMITS.get(name, (0.0, np.inf)))
    changed["pool_pairs"] = np.minimum(changed["pool_pairs"], changed["pool_capacity_pairs"])
    changed["t2_s"] = np.minimum(changed["t2_s"], 2 * changed["t1_s"])
    return replace(state, **changed)


def quantiles(
    state: LinkState,
    factors: Sequence[Factor],
    probabilities: Sequence[float] = (0.05, 0.5, 0.95),
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> Mapping[str, Array]:
    """Quantiles of every quantity of the link model; shape of the links, then of `probabilities`.

    Infinite times (a pool that never runs dry) count as infinite; NaN, where a parameter is unknown, stays NaN.
    """
    levels = probability("probabilities", np.asarray(probabilities, dtype=np.float64))
    told = evaluate(drawn(state, factors, draws=draws, seed=seed))
    return {name: _quantiles(np.asarray(value, dtype=np.float64), levels, draws) for name, value in told.items()}


def _quantiles(values: Array, levels: Array, draws: int) -> Array:
    """By order statistics, since infinities have no mean between them."""
    full = np.broadcast_to(values, (*values.shape[:-1], draws)) if values.shape else np.full(draws, values)
    return np.moveaxis(np.quantile(full, levels, axis=-1, method="nearest"), 0, -1)
