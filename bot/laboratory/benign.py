"""What looks alarming and is none: surges, spikes, restarts, new firmware, calibrations, wobble."""

from collections.abc import Callable, Mapping

import numpy as np

from bot.laboratory import faults
from bot.laboratory.draft import Draft
from bot.laboratory.drivers import wander


def _surge(draft: Draft) -> None:
    """More demand than usual, on a link that has pairs and slots to spare."""
    draft.drivers.demand[draft.link] *= 1 + float(draft.rng.uniform(0.2, 0.9)) * faults.course(draft.scene())


def _spikes(draft: Draft) -> None:
    """One absurd sample in each of many gauges, at the very end or shortly before: a reading gone wrong, no change."""
    draft.spike = draft.drivers.steps - 1 - int(draft.rng.integers(0, 6))


def _restart(draft: Draft) -> None:
    """Maintenance: a node is down for one minute or two, and its links' counters start again from zero."""
    step = draft.drivers.steps - int(draft.rng.integers(16, 140))
    draft.drivers.up[draft.node, step : step + int(draft.rng.integers(2, 7))] = 0.0
    draft.restarts.append((draft.node, step))


def _firmware(draft: Draft) -> None:
    """A new version that changes nothing."""
    scene = draft.scene(least=4.0)
    faults.change_firmware(scene, at=scene.onset)
    draft.restarts.append((draft.node, scene.onset))


def _calibration(draft: Draft) -> None:
    """A calibration that makes the readout quieter, and takes the node down for a moment."""
    step = draft.scene(least=4.0).onset
    draft.drivers.variance[draft.node, step:] *= float(draft.rng.uniform(0.8, 0.97))
    draft.drivers.calibrated[draft.node, step:] = step
    draft.drivers.up[draft.node, step : step + 2] = 0.0


def _wobble(draft: Draft) -> None:
    """Every quantity wanders by as much as its specification allows: a few percent, over ten minutes."""
    drivers, rng = draft.drivers, draft.rng
    shape, link = drivers.t2.shape, drivers.demand.shape
    drivers.t2 *= np.exp(0.03 * wander(rng, shape, memory_s=600))
    drivers.variance *= np.exp(0.04 * wander(rng, shape, memory_s=600))
    drivers.temperature *= np.exp(0.002 * wander(rng, shape, memory_s=600))
    drivers.loss_db += 0.08 * wander(rng, link, memory_s=600)
    drivers.rtt *= np.exp(0.1 * wander(rng, link, memory_s=300))
    drivers.demand *= np.exp(0.08 * wander(rng, link, memory_s=600))
    drivers.decode_p99 *= np.exp(0.05 * wander(rng, link, memory_s=600))


def _calm(draft: Draft) -> None:
    """Nothing happens."""


BENIGN: Mapping[str, Callable[[Draft], None]] = {
    "surge": _surge,
    "spikes": _spikes,
    "restart": _restart,
    "firmware without effect": _firmware,
    "wobble": _wobble,
    "calm": _calm,
    "calibration": _calibration,
}
"""Name -> what happens; the answer is always healthy."""
