"""What one link can deliver now against its baseline: planning and asymptotic numbers, intervals, what limits; pure.

Finite-block rows are for planning: n pairs are used as one block of random stabilizer codes at the total Pauli error
of the pair (valid by Clifford twirling), and a key is made of what an hour brings (Tomamichel et al. 2012).
Asymptotic rows stand beside them. `factors` multiply to the asymptotic capacity: what limits the link is the factor
that fell most, and where none fell the smallest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.capacity import finite_block, key_rate
from bot.capacity.attribution import NO_DROP, Explanation, explain
from bot.capacity.link import CORRECTION_EFFICIENCY, QUANTITIES, SIFTING, evaluate, transmissivity
from bot.capacity.state import LinkState
from bot.capacity.variation import Factor, quantiles

USES, EPS = 1_000, 1e-3
SECURITY, CORRECTNESS = 1e-10, 1e-15
"""Finite keys: distance to a perfect key, chance of an undetected difference."""
KEY_BLOCK_S = 3600.0
"""What one finite key is made of: the pairs of an hour."""
TESTED = 0.1
"""Share of the sifted bits that is spent on estimating the QBER."""
PLANNED, PLANNED_KEY = "capacity_finite_qubits_per_s", "secret_key_finite_rate"
LEVELS = (0.05, 0.5, 0.95)
NOISE = 0.05
"""Relative drop that says nothing where the link's own scatter is not known."""
FACTORS: Mapping[str, str] = {
    "attempts per second": "attempt_rate_hz",
    "photons that arrive": "transmissivity",
    "heralded of those": "herald_efficiency",
    "requests that find a pair": "supply_ratio",
    "decoded in time": "in_time",
    "qubits per pair": "distillable_per_pair",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Quantities (units in `link.QUANTITIES`, and the two planned ones) at the baseline and now; NaN is unknown.

    `intervals` are the 5, 50 and 95% quantiles of now under the factors that were given; `factors` name -> (baseline,
    now); `limit` names the factor that limits the link, None where one is unknown.
    """

    baseline: Mapping[str, float]
    now: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float, float]]
    explanation: Explanation
    factors: Mapping[str, tuple[float, float]]
    limit: str | None
    uses: int
    eps: float

    @property
    def dropped(self) -> bool:
        """Whether capacity fell by more than noise: the usual scatter, or NOISE where that is not known."""
        drop, before = float(self.explanation.drop), float(self.explanation.baseline)
        known = self.intervals.get("capacity_qubits_per_s")
        if known is None:
            return drop > NOISE * abs(before)
        low, _, high = known
        return drop > max(NO_DROP * abs(before), (high - low) / 2)

    @property
    def shares(self) -> Mapping[str, float]:
        """Parameter -> share of the drop, largest first; empty where there is none. They sum to 1."""
        if not self.dropped:
            return {}
        parts = {name: float(part / self.explanation.drop) for name, part in self.explanation.shapley.items()}
        return dict(sorted(parts.items(), key=lambda item: -abs(item[1])))


def estimate(
    baseline: LinkState, now: LinkState, varied: Sequence[Factor] = (), *, uses: int = USES, eps: float = EPS
) -> Estimate:
    """The whole estimate of one link (floats, not arrays); raises CapacityRangeError."""
    before, after = (_quantities(state, uses, eps) for state in (baseline, now))
    factors = {
        name: (_factor(baseline, before, key), _factor(now, after, key)) for name, key in FACTORS.items()
    }  # fmt: skip
    return Estimate(
        baseline=before,
        now=after,
        intervals=_intervals(now, varied) if varied else {},
        explanation=explain(baseline, now),
        factors=factors,
        limit=_limit(factors),
        uses=uses,
        eps=eps,
    )


def units(name: str) -> str:
    """The unit of a quantity of an estimate."""
    return {PLANNED: "qubit/s", PLANNED_KEY: "bit/s"}.get(name) or QUANTITIES[name]


def finite_key_rate(rate: float, qber: float) -> float:
    """Secret bits/s when every KEY_BLOCK_S make their own key, at 1.16 times the Shannon limit; NaN stays NaN."""
    sifted = rate * KEY_BLOCK_S * SIFTING
    tested = int(TESTED * sifted) if np.isfinite(sifted) else 0
    if not np.isfinite([rate, qber]).all():
        return float("nan")
    if tested < 1 or qber >= 0.5:
        return 0.0
    length = key_rate.finite_length(
        n=sifted - tested,
        k=tested,
        qber=qber,
        efficiency=CORRECTION_EFFICIENCY,
        security=SECURITY,
        correctness=CORRECTNESS,
    )
    return max(0.0, float(length)) / KEY_BLOCK_S


def _quantities(state: LinkState, uses: int, eps: float) -> dict[str, float]:
    told = {name: float(np.asarray(value)) for name, value in evaluate(state).items()}
    usable = told["entanglement_rate"] * told["supply_ratio"] * (1 - told["decode_timeout_ratio"])
    return told | {
        PLANNED: usable * _block_rate(told["physical_error_ratio"], uses, eps),
        PLANNED_KEY: finite_key_rate(told["entanglement_rate"], told["qber"]),
    }


def _block_rate(error: float, uses: int, eps: float) -> float:
    """Qubits per pair in one block of `uses` pairs; 0 where no code is known to do it."""
    if np.isnan(error):
        return error
    return max(0, int(finite_block.depolarizing_k(error, uses, eps))) / uses


def _factor(state: LinkState, told: Mapping[str, float], key: str) -> float:
    if key == "transmissivity":
        return float(transmissivity(state))
    if key == "in_time":
        return 1 - told["decode_timeout_ratio"]
    return float(np.asarray(told[key] if key in told else getattr(state, key)))


def _limit(factors: Mapping[str, tuple[float, float]]) -> str | None:
    """The factor that fell most in ratio, by more than 1%; else the smallest of those that are ratios."""
    if not np.isfinite(list(factors.values())).all():
        return None
    left = {name: after / before if before > 0 else 1.0 for name, (before, after) in factors.items()}
    fallen = min(left, key=lambda name: left[name])
    if left[fallen] < 0.99:
        return fallen
    ratios = {name: after for name, (_, after) in factors.items() if FACTORS[name] != "attempt_rate_hz"}
    return min(ratios, key=lambda name: ratios[name])


def _intervals(now: LinkState, varied: Sequence[Factor]) -> dict[str, tuple[float, float, float]]:
    told = quantiles(now, varied, LEVELS)
    return {name: (float(value[0]), float(value[1]), float(value[2])) for name, value in told.items()}
