"""The model against QuTiP and against sampled circuits: programs that share no code with it."""

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np
import pytest

from bot.capacity import coherent, sampled, surface
from bot.capacity.coherent import Kraus
from bot.capacity.correlation import clopper_pearson

DRAW = np.random.default_rng(11)
CHANNELS: dict[str, Callable[[], Kraus]] = {
    "damping": lambda: coherent.damping(DRAW.uniform()),
    "thermal damping": lambda: coherent.generalized_damping(*DRAW.uniform(size=2)),
    "pauli": lambda: coherent.pauli_kraus(*DRAW.dirichlet(np.ones(4))[:3]),
    "damping, then dephasing": lambda: coherent.then(
        coherent.damping(DRAW.uniform()), coherent.pauli_kraus(0.0, 0.0, DRAW.uniform())
    ),
    "two operators": lambda: _random(2),
    "four operators": lambda: _random(4),
}


def _random(operators: int) -> Kraus:
    """Kraus operators of a random channel: a Stinespring isometry from a QR decomposition."""
    shape = (2 * operators, 2)
    isometry, _ = np.linalg.qr(DRAW.normal(size=shape) + 1j * DRAW.normal(size=shape))
    return np.asarray(isometry.reshape(operators, 2, 2))


@pytest.mark.parametrize("channel", CHANNELS)
def test_coherent_information_agrees_with_qutip(channel: str) -> None:
    """S(B) - S(E) with QuTiP's states, tensor products, partial traces and entropies; 20 random channels each."""
    qutip: Any = pytest.importorskip("qutip", reason="qutip (extra science) is not installed")
    for _ in range(20):
        kraus, x = CHANNELS[channel](), DRAW.uniform()
        purified = np.sqrt(1 - x) * qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0)) + np.sqrt(x) * qutip.tensor(
            qutip.basis(2, 1), qutip.basis(2, 1)
        )
        acting = [qutip.tensor(qutip.qeye(2), qutip.Qobj(k)) for k in kraus]
        joint = sum(k * purified.proj() * k.dag() for k in acting)
        expected = qutip.entropy_vn(joint.ptrace(1), 2) - qutip.entropy_vn(joint, 2)
        assert float(coherent.coherent_information(kraus, x)) == pytest.approx(float(expected), abs=1e-9)


def test_the_closed_blocks_are_the_eigenvalues() -> None:
    """For parity-keeping channels the closed form equals a rotated copy of the channel that must be diagonalised.

    A phase gate and a rotation of the environment change nothing; mixing the operators hides the parity.
    """
    mixing, _ = np.linalg.qr(DRAW.normal(size=(4, 4)))
    for _ in range(20):
        kraus, x = CHANNELS["pauli"](), DRAW.uniform()
        hidden = np.asarray(np.einsum("lk,kij->lij", mixing, kraus))
        closed = float(coherent.coherent_information(kraus, x))
        assert float(coherent.coherent_information(hidden, x)) == pytest.approx(closed, abs=1e-9)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """The data file that benchmarks/capacity_codes.py writes."""
    told: dict[str, Any] = json.loads(resources.files("bot.capacity").joinpath("surface_fit.json").read_text("utf-8"))
    return told


CONSTANTS = {
    "circuit": (surface.A, surface.P_STAR),
    "phenomenological": (surface.A_PHENOMENOLOGICAL, surface.P_STAR_PHENOMENOLOGICAL),
}


@pytest.mark.parametrize("noise", CONSTANTS)
def test_the_constants_in_use_are_those_of_a_fresh_fit(noise: str, fitted: dict[str, Any]) -> None:
    """A and p* within two of the fresh fit's standard deviations, which come from shots and from leaving points out."""
    a, p_star = CONSTANTS[noise]
    fit = fitted["fits"][noise]
    assert abs(a - fit["A"]) < 2 * fit["A_sigma"]
    assert abs(p_star - fit["p_star"]) < 2 * fit["p_star_sigma"]


def test_every_point_of_the_data_file_carries_its_shots_and_confidence(fitted: dict[str, Any]) -> None:
    """The interval is the exact one for failures among shots, and holds their share."""
    assert {point["noise"] for point in fitted["points"]} == set(CONSTANTS)
    for point in fitted["points"]:
        assert point["shots"] >= 50_000
        expected = clopper_pearson(point["failures"], point["shots"], 0.05)
        assert (point["low"], point["high"]) == pytest.approx(expected)


def test_the_tables_agree_with_the_fresh_samples(fitted: dict[str, Any]) -> None:
    """33 points sampled twice: no difference above 3.5 standard deviations (one would be, by chance, in 1.5%)."""
    tables = {"circuit": sampled.CIRCUIT, "phenomenological": sampled.PHENOMENOLOGICAL}
    compared = 0
    for point in fitted["points"]:
        for p, shots, failures in tables[point["noise"]][point["distance"]]:
            if p == point["p"]:
                apart = point["failures"] / point["shots"] - failures / shots
                sigma = np.hypot(point["failures"] ** 0.5 / point["shots"], failures**0.5 / shots)
                assert abs(apart) < 3.5 * sigma, point
                compared += 1
    assert compared == 33


@pytest.mark.parametrize(("d", "p"), [(3, 0.003), (5, 0.004)])
def test_a_sample_drawn_now_agrees_with_the_model(d: int, p: float) -> None:
    """20,000 shots with stim and pymatching: per round within 4 standard deviations and the fit's 12%."""
    stim: Any = pytest.importorskip("stim", reason="stim (extra science) is not installed")
    pymatching: Any = pytest.importorskip("pymatching", reason="pymatching (extra science) is not installed")
    knobs = (
        "after_clifford_depolarization",
        "before_round_data_depolarization",
        "before_measure_flip_probability",
        "after_reset_flip_probability",
    )
    circuit = stim.Circuit.generated("surface_code:rotated_memory_z", distance=d, rounds=d, **dict.fromkeys(knobs, p))
    decoder = pymatching.Matching.from_detector_error_model(circuit.detector_error_model(decompose_errors=True))
    shots = 20_000
    detections, flips = circuit.compile_detector_sampler(seed=7).sample(shots, separate_observables=True)
    failures = int((decoder.decode_batch(detections) != flips).any(axis=1).sum())
    modelled = float(surface.after_rounds(surface.per_round(d, p), d))
    assert abs(failures / shots - modelled) < 4 * failures**0.5 / shots + 0.12 * modelled
