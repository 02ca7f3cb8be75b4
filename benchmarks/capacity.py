"""How fast the capacity model is, as ratios to a plain Kraus loop, QuTiP and toqito, in one run.

    python benchmarks/capacity.py [--json]

QuTiP comes with the extra `science`, toqito with `compare`; what is not installed is named and left out. Every number
is the best of several repetitions on one thread of this machine; ratios travel, seconds do not. The loops compute the
same quantity, one channel at a time: the plain one from textbook definitions, the others with the package's own
functions.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bot.capacity import attribution, channels, coherent
from bot.capacity.link import LinkState, evaluate

BATCH, LOOP, LINKS, REPEATS = 200_000, 300, 10_000, 7


def best_of(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Shortest time of several runs, s; the first run warms up and is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_information(kraus: list[np.ndarray[Any, Any]], x: float) -> float:
    """Coherent information of one channel and one input by textbook definitions."""
    rho = np.diag([1 - x, x]).astype(complex)
    output = sum(k @ rho @ k.conj().T for k in kraus)
    environment = np.array([[np.trace(a @ rho @ b.conj().T) for b in kraus] for a in kraus])
    parts = [np.linalg.eigvalsh(state) for state in (output, environment)]
    entropies = [-sum(v * np.log2(v) for v in values if v > 1e-15) for values in parts]
    return float(entropies[0] - entropies[1])


def qutip_information() -> Callable[[list[np.ndarray[Any, Any]], float], float] | None:
    """The same with QuTiP's states and entropies, or None where it is not installed."""
    try:
        import qutip  # type: ignore[import-not-found]  # noqa: PLC0415 - optional
    except ImportError:
        return None

    def information(kraus: list[np.ndarray[Any, Any]], x: float) -> float:
        operators = [qutip.Qobj(k) for k in kraus]
        rho = qutip.Qobj(np.diag([1 - x, x]))
        output = sum(k * rho * k.dag() for k in operators)
        environment = qutip.Qobj(np.array([[(a * rho * b.dag()).tr() for b in operators] for a in operators]))
        return float(qutip.entropy_vn(output, 2) - qutip.entropy_vn(environment, 2))

    return information


def toqito_information() -> Callable[[list[np.ndarray[Any, Any]], float], float] | None:
    """The same with toqito's channels and entropies, or None where it is not installed."""
    try:
        from toqito.channel_ops import (  # type: ignore[import-not-found]  # noqa: PLC0415 - optional
            apply_channel,
            complementary_channel,
        )
        from toqito.state_props import von_neumann_entropy  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        return None

    def information(kraus: list[np.ndarray[Any, Any]], x: float) -> float:
        rho = np.diag([1 - x, x])
        output = apply_channel(rho, kraus)
        environment = apply_channel(rho, complementary_channel(kraus))
        return float(von_neumann_entropy(output) - von_neumann_entropy(environment))

    return information


def link_states(count: int) -> tuple[LinkState, LinkState]:
    """(baseline, now) of `count` different links; seed 1."""
    draw = np.random.default_rng(1)
    baseline = LinkState(
        loss_db=draw.uniform(4, 10, count), attempt_rate_hz=np.full(count, 1e6), herald_efficiency=np.full(count, 0.5),
        t1_s=draw.uniform(3, 5, count), t2_s=draw.uniform(0.8, 1.5, count), storage_s=np.full(count, 0.004),
        gate_error=np.full(count, 0.001), measurement_error=np.full(count, 0.002),
        fidelity=draw.uniform(0.98, 1, count),
        decode_latency_s=np.full(count, 0.01), decoder_budget_s=np.full(count, 0.1),
        consumption_rate=draw.uniform(1e3, 1e5, count), pool_pairs=np.full(count, 4000.0),
        pool_capacity_pairs=np.full(count, 5000.0), decode_p99_s=np.full(count, 0.05), code_family="surface",
        code_distance=5,
    )  # fmt: skip
    now = replace(baseline, loss_db=baseline.loss_db + draw.uniform(0, 6, count), t2_s=baseline.t2_s / 2)
    return baseline, now


def coherent_information() -> dict[str, float]:
    """Evaluations per second: T1/T2-like channels (damping, then dephasing), batched, and one at a time."""
    draw = np.random.default_rng(2)
    gamma, flip, x = draw.uniform(0, 0.4, BATCH), draw.uniform(0, 0.2, BATCH), draw.uniform(0.3, 0.7, BATCH)

    flips = coherent.pauli_kraus(0.0, 0.0, flip)[..., (0, 3), :, :]
    batch = coherent.then(coherent.damping(gamma), flips)
    pair = coherent.damping(gamma)
    single = [list(batch[i]) for i in range(LOOP)]
    together = coherent.coherent_information(batch[:LOOP], x[:LOOP])
    told = {
        "batched_generic_per_s": BATCH / best_of(lambda: coherent.coherent_information(batch, x), 3),
        "batched_damping_per_s": BATCH / best_of(lambda: coherent.coherent_information(pair, x), 3),
        "batched_hashing_per_s": BATCH / best_of(lambda: channels.depolarizing_hashing(gamma)),
        "batched_damping_capacity_per_s": 20_000 / best_of(lambda: channels.damping_q(gamma[:20_000]), 3),
        "plain_kraus_loop_per_s": LOOP / best_of(lambda: [plain_information(k, 0.5) for k in single]),
    }
    worst = [abs(plain_information(k, float(x[i])) - float(together[i])) for i, k in enumerate(single)]
    told["largest_difference_to_plain"] = max(worst)
    for name, other in (("qutip", qutip_information()), ("toqito", toqito_information())):
        if other is None:
            continue
        told[f"{name}_loop_per_s"] = LOOP / best_of(partial(_each, other, single), 3)
        apart = [abs(other(k, float(x[i])) - float(together[i])) for i, k in enumerate(single)]
        told[f"largest_difference_to_{name}"] = max(apart)
    for slow in ("plain_kraus", "qutip", "toqito"):
        for fast in ("generic", "damping", "hashing"):
            if f"{slow}_loop_per_s" in told:
                told[f"{fast}_over_{slow}"] = told[f"batched_{fast}_per_s"] / told[f"{slow}_loop_per_s"]
    return told


def _each(information: Callable[[list[np.ndarray[Any, Any]], float], float], channels_: list[Any]) -> None:
    for kraus in channels_:
        information(kraus, 0.5)


def links() -> dict[str, float]:
    """Seconds for the full model of many links and attribution, and how they grow."""
    told: dict[str, float] = {}
    for count in (1_000, LINKS, 4 * LINKS):
        _, now = link_states(count)
        told[f"full_model_{count}_links_s"] = best_of(partial(evaluate, now))
    told["growth_10000_to_40000"] = told[f"full_model_{4 * LINKS}_links_s"] / told[f"full_model_{LINKS}_links_s"]
    for count in (100, 1_000):
        pair = link_states(count)
        work = partial(attribution.attribute, *pair)
        told[f"attribution_{count}_links_s"] = best_of(work, 3)
    return told


def main() -> None:
    """Print every number, as text or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    wanted = parser.parse_args()
    told = coherent_information() | links()
    if wanted.json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:40} {value:14.6g}")
    for name in ("qutip", "toqito"):
        if f"{name}_loop_per_s" not in told:
            print(f"{name} is not installed: no ratio to it was measured")


if __name__ == "__main__":
    main()
