"""Regenerate the fitted constants of the surface code from sampled circuits: stim samples, pymatching decodes.

    python benchmarks/capacity_codes.py [--failures 4000] [--shots 20000000] [--write bot/capacity/surface_fit.json]

Needs the extra `science` (stim, pymatching) and ten minutes. Each point stops at `--failures` failures or `--shots`
shots. Fitted is eps = A (p/p*)^((d+1)/2) per round over FIT_P by weighted least squares in log eps; one sigma of the
constants is that of 1,000 parametric bootstraps (shots) and of a jackknife over points (the formula) together. The
file carries every point with shots, failures and its 95% Clopper-Pearson interval, and the versions that made it.
Tests hold the constants of `bot.capacity.surface` and the tables of `bot.capacity.sampled` against it.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bot.capacity.correlation import clopper_pearson

DISTANCES = (3, 5, 7)
CIRCUIT_P = (0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008)
PHENOMENOLOGICAL_P = (0.005, 0.01, 0.015, 0.02)
FIT_P = {"circuit": 0.004, "phenomenological": 0.015}
BATCH, BOOTSTRAPS, SEED = 50_000, 1_000, 20_261_123


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled circuit: failures among shots, with the 95% interval of their share."""

    noise: str
    distance: int
    rounds: int
    p: float
    shots: int
    failures: int
    low: float
    high: float


def circuit(noise: str, d: int, p: float) -> Any:  # noqa: ANN401 - stim is optional
    """Memory of Z over d rounds: all four noise knobs p, or only data before rounds and readout."""
    import stim  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    knobs = {"before_round_data_depolarization": p, "before_measure_flip_probability": p}
    if noise == "circuit":
        knobs |= {"after_clifford_depolarization": p, "after_reset_flip_probability": p}
    else:
        knobs["before_round_data_depolarization"] = 1.5 * p  # X or Y, two thirds of it, flips a data qubit
    return stim.Circuit.generated("surface_code:rotated_memory_z", distance=d, rounds=d, **knobs)


def sample(noise: str, d: int, p: float, *, failures: int, shots: int) -> Sample:
    """Sample and decode until `failures` failures or `shots` shots."""
    import pymatching  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    built = circuit(noise, d, p)
    decoder = pymatching.Matching.from_detector_error_model(built.detector_error_model(decompose_errors=True))
    sampler = built.compile_detector_sampler(seed=SEED + 1000 * d + round(p * 1e5))
    done = wrong = 0
    while done < shots and wrong < failures:
        detections, observed = sampler.sample(BATCH, separate_observables=True, bit_packed=True)
        decoded = decoder.decode_batch(detections, bit_packed_shots=True, bit_packed_predictions=True)
        wrong += int((decoded != observed).any(axis=1).sum())
        done += BATCH
    return Sample(noise, d, d, p, done, wrong, *map(float, clopper_pearson(wrong, done, 0.05)))


def fit(points: list[Sample], failures: np.ndarray[Any, Any]) -> tuple[float, float]:
    """(A, p*) from log eps = log A + (d+1)/2 (log p - log p*), each point weighted by its failures."""
    shots = np.array([point.shots for point in points])
    d, p = np.array([point.distance for point in points]), np.array([point.p for point in points])
    eps = (1 - (1 - 2 * failures / shots) ** (1 / d)) / 2
    power, root = (d + 1) / 2, np.sqrt(failures)
    design = np.stack([np.ones_like(power), -power], axis=1) * root[:, None]
    (log_a, log_p), *_ = np.linalg.lstsq(design, (np.log(eps) - power * np.log(p)) * root, rcond=None)
    return float(np.exp(log_a)), float(np.exp(log_p))


def fitted(noise: str, samples: list[Sample]) -> dict[str, float]:
    """The constants with their one-sigma confidence and the largest residual of the fit."""
    points = [point for point in samples if point.noise == noise and point.p <= FIT_P[noise] and point.failures > 20]
    failures = np.array([point.failures for point in points], dtype=np.float64)
    a, p_star = fit(points, failures)
    draw = np.random.default_rng(SEED)
    again = np.array([fit(points, np.maximum(1, draw.poisson(failures))) for _ in range(BOOTSTRAPS)])
    off = [abs(_eps(point) / (a * (point.p / p_star) ** ((point.distance + 1) / 2)) - 1) for point in points]
    sigmas = [each * point.failures**0.5 for each, point in zip(off, points, strict=True)]
    systematic = _between_distances(points, failures)
    spread = np.hypot(again.std(axis=0), systematic)
    return {
        "A": a, "A_sigma": float(spread[0]), "p_star": p_star, "p_star_sigma": float(spread[1]),
        "up_to_p": FIT_P[noise], "largest_residual": max(off), "largest_residual_in_sigma": max(sigmas),
    }  # fmt: skip


def _between_distances(points: list[Sample], failures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How far the constants move when one point is left out (jackknife): what the formula itself gets wrong."""
    kept: Callable[[int], Any] = partial(np.delete, np.arange(len(points)))
    moved = np.array([fit([points[i] for i in kept(out)], failures[kept(out)]) for out in range(len(points))])
    count = len(points)
    return np.asarray(np.sqrt((count - 1) / count * ((moved - moved.mean(axis=0)) ** 2).sum(axis=0)))


def _eps(point: Sample) -> float:
    return float((1 - (1 - 2 * point.failures / point.shots) ** (1 / point.rounds)) / 2)


def sampled(failures: int, shots: int) -> list[Sample]:
    """Every point, one line each as it is done."""
    plan = [("circuit", d, p) for d in DISTANCES for p in CIRCUIT_P]
    plan += [("phenomenological", d, p) for d in DISTANCES for p in PHENOMENOLOGICAL_P]
    samples = []
    for noise, d, p in plan:
        samples.append(sample(noise, d, p, failures=failures, shots=shots))
        print(f"{noise:17} d={d} p={p:<7g} {samples[-1].failures:>6} of {samples[-1].shots:>9}", flush=True)
    return samples


def main() -> None:
    """Sample every point, or read them, fit, and print or write the data file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failures", type=int, default=4_000)
    parser.add_argument("--shots", type=int, default=20_000_000)
    parser.add_argument("--refit", type=Path, help="take the points of this data file instead of sampling")
    parser.add_argument("--write", type=Path, default=None)
    wanted = parser.parse_args()
    if wanted.refit:
        told = json.loads(wanted.refit.read_text(encoding="utf-8"))
        samples = [Sample(**point) for point in told["points"]]
    else:
        told = {"seed": SEED, "made_with": {name: version(name) for name in ("stim", "pymatching")}}
        samples = sampled(wanted.failures, wanted.shots)
    told |= {"fits": {noise: fitted(noise, samples) for noise in FIT_P}, "points": [asdict(point) for point in samples]}
    print(json.dumps(told["fits"], indent=1))
    if wanted.write:
        wanted.write.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
