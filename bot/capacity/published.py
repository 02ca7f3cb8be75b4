"""Functions of the model in the parameters that published tables use, where these differ from its own."""

# ruff: noqa: N803 - parameters are named as published tables name them

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bot.capacity import code_choice, coherent, decoy, memory_circuit, sampled, surface
from bot.capacity.questions import bind
from bot.capacity.ranges import Array, CapacityRangeError, one_of

Parameters = Mapping[str, Any]


def margin(channel: str, **values: float) -> float:
    """Symmetric-extension margin of a channel by its name and its own parameters."""
    kraus: Mapping[str, Callable[..., coherent.Kraus]] = {
        "ad": coherent.damping,
        "depolarizing": lambda p: coherent.pauli_kraus(p / 3, p / 3, p / 3),
        "dephasing": lambda p: coherent.pauli_kraus(0.0, 0.0, p),
        "pauli": coherent.pauli_kraus,
        "t1t2": _memory_kraus,
    }
    build = kraus[one_of("channel", channel, tuple(kraus))]
    bind(build, values)
    return float(coherent.extension_margin(build(**values)))


def _memory_kraus(t_over_T1: float, t_over_T2: float) -> coherent.Kraus:
    if t_over_T2 < t_over_T1 / 2:
        raise CapacityRangeError("t_over_T2", t_over_T2, "at least t_over_T1/2")
    kept = np.exp(-(t_over_T2 - t_over_T1 / 2))
    flips = coherent.pauli_kraus(0.0, 0.0, (1 - kept) / 2)
    return coherent.then(coherent.damping(-np.expm1(-t_over_T1)), flips)


def choice(**scenario: Any) -> str:  # noqa: ANN401 - held against choose
    """Name of the cheapest code within the budget, `none` where there is none."""
    bind(code_choice.choose, scenario)
    best = code_choice.choose(**scenario)
    return best.code if best else "none"


def cost(**scenario: Any) -> float:  # noqa: ANN401 - as above
    """What that code costs per logical qubit, -1 where there is none."""
    bind(code_choice.choose, scenario)
    best = code_choice.choose(**scenario)
    return best.cost if best else -1.0


def device(values: Parameters) -> decoy.Device:
    """The device that parameters of published names describe."""
    bind(_device, values)
    return _device(**values)


def _device(*, alpha: float, eta_bob: float, Y0: float, ed: float, f: float, q: float) -> decoy.Device:
    return decoy.Device(alpha=alpha, eta_bob=eta_bob, dark=Y0, misalignment=ed, efficiency=f, sifting=q)


def rate(raw: Array) -> Array:
    """A rate of keys or pairs: none instead of a negative one."""
    return np.maximum(0.0, raw)


def fit(model: str, circuit: float, phenomenological: float) -> float:
    """A constant of the surface-code fits by the name of its noise model."""
    return circuit if one_of("model", model, ("circuit", "phenom")) == "circuit" else phenomenological


def per_round(d: int, p: float, model: str) -> Array:
    """Failure of the rotated surface code per round, between sampled points."""
    table = sampled.CIRCUIT if one_of("model", model, ("circuit", "phenom")) == "circuit" else sampled.PHENOMENOLOGICAL
    return memory_circuit.per_round(table, d, p)


def total(code: str, p: float) -> Array:
    """Failure of either type of a surface code named as `surface_d3`."""
    distances = {"surface_d3": 3, "surface_d5": 5, "surface_d7": 7}
    return code_choice.surface_error(distances[one_of("code", code, tuple(distances))], np.asarray(p))


def capacity_failure(d: int, p: float, rounds: int, basis: str) -> Array:
    """Failure of one type with perfect syndromes; both bases are alike."""
    one_of("rounds", rounds, (1,))
    one_of("basis", basis, ("x", "z"))
    return surface.flip_failure(d, p)
