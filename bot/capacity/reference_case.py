"""The capacity function of the published attribution cases: eight parameters as an operator writes them.

C = rep_rate 10^(-loss/10) min(1, lam/mu) max(0, 1-H), in qubit/s, with the Pauli channel of T1/T2 over t_store + t_dec,
depolarizing p_gate, depolarizing 1-F_link and bit flips p_meas. The bot's own model is `link`; this one serves
comparison with published values.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bot.capacity import attribution
from bot.capacity import pauli as paulis
from bot.capacity.ranges import Array, CapacityRangeError, count, not_negative, one_of, positive, probability

NAMES = ("loss_db", "T1", "T2", "p_gate", "p_meas", "F_link", "t_dec", "lam")
FIXED = ("rep_rate", "t_store", "mu")
Values = Mapping[str, float]


def capacity(values: Mapping[str, Array | float], fixed: Values) -> Array:
    """C in qubit/s; values may be arrays."""
    stored = not_negative("t_store", fixed["t_store"]) + not_negative("t_dec", values["t_dec"])
    channel = paulis.series(
        paulis.memory(stored, values["T1"], values["T2"]),
        paulis.depolarizing(probability("p_gate", values["p_gate"])),
        paulis.depolarizing(1 - probability("F_link", values["F_link"])),
        paulis.flip(probability("p_meas", values["p_meas"])),
    )
    supplied = np.minimum(1.0, not_negative("lam", values["lam"]) / positive("mu", fixed["mu"]))
    eta = 10 ** (-not_negative("loss_db", values["loss_db"]) / 10)
    return np.asarray(not_negative("rep_rate", fixed["rep_rate"]) * eta * supplied * paulis.hashing(channel))


def shapley(parameter: str, baseline: Values, incident: Values, fixed: Values) -> float:
    """The parameter's part of C_baseline - C_incident; the eight sum to it. T1 and T2 are switched apart."""
    member = attribution.coalitions(len(NAMES))
    mixed = {
        name: np.where(member[:, i] > 0, _value(incident, name), _value(baseline, name)) for i, name in enumerate(NAMES)
    }
    values = capacity(mixed, _fixed(fixed))
    return float(attribution.shapley(values[0] - values)[NAMES.index(one_of("parameter", parameter, NAMES))])


def one_at_a_time(parameter: str, baseline: Values, incident: Values, fixed: Values) -> float:
    """Capacity lost when only this parameter changes; does not sum to the whole."""
    changed = {**baseline, one_of("parameter", parameter, NAMES): _value(incident, parameter)}
    return at_baseline(baseline, incident, fixed) - at_baseline(changed, incident, fixed)


def at_baseline(baseline: Values, incident: Values, fixed: Values) -> float:
    """C before."""
    before, _ = ({name: _value(values, name) for name in NAMES} for values in (baseline, incident))
    return float(capacity(before, _fixed(fixed)))


def at_incident(baseline: Values, incident: Values, fixed: Values) -> float:
    """C during the incident."""
    return at_baseline(incident, baseline, fixed)


def closed_game(kind: str, a: Sequence[float], player: int) -> float:
    """Shapley value of a small game in closed form or by all coalitions.

    additive: v = sum of a in S. product_retention: v = 1 - prod of a in S. bottleneck_min: a[0] is the capacity
    before, player i leaves a[i+1] of it, v = a[0] - least in S (an airport game: Littlechild, Owen 1973).
    """
    bottleneck = one_of("kind", kind, ("additive", "product_retention", "bottleneck_min")) == "bottleneck_min"
    before = float(a[0]) if bottleneck else 0.0
    values = np.asarray(a[1:] if bottleneck else a, dtype=np.float64)
    members = attribution.coalitions(len(values)) > 0
    games = {
        "additive": lambda: np.where(members, values, 0.0).sum(axis=1),
        "product_retention": lambda: 1 - np.where(members, values, 1.0).prod(axis=1),
        "bottleneck_min": lambda: before - np.where(members, np.minimum(values, before), before).min(axis=1),
    }
    return float(attribution.shapley(games[kind]())[count("player", player, 0, len(values) - 1)])


def _value(values: Values, name: str) -> float:
    if name not in values:
        raise CapacityRangeError(name, "missing", ", ".join(NAMES))
    return values[name]


def _fixed(fixed: Values) -> Values:
    for name in FIXED:
        if name not in fixed:
            raise CapacityRangeError(name, "missing", ", ".join(FIXED))
    return fixed
