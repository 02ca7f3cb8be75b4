"""Faults that are hard to tell: two at once, one that looks like its neighbour, one that a whole node shares."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from bot.laboratory import faults
from bot.laboratory.draft import LEAST_MINUTES, Draft
from bot.laboratory.faults import FAULTS, Cause, Scene

PAIRS = (
    ("F1", "F3"), ("F1", "F6"), ("F3", "F6"), ("F1", "F5"), ("F4", "F3"), ("F4", "F6"), ("F7", "F6"), ("F5", "F3"),
    ("F8", "F3"), ("F1", "F7"), ("F5", "F7"), ("F2", "F1"), ("F8", "F7"), ("F5", "F4"),
)  # fmt: skip
"""Modes that can be told apart when they act on one link together."""


def two(draft: Draft) -> str:
    """Two faults that began independently of each other; returns their modes, as `F1+F3`."""
    pair = PAIRS[int(draft.rng.integers(0, len(PAIRS)))]
    if "F2" in pair:
        draft.place.traits.headroom[draft.link] = 3.0
    for mode in pair:
        mild = float(draft.rng.uniform(0.0, 0.4 if mode == "F1" else 1.0))
        draft.causes.append(FAULTS[mode](draft.scene(severity=mild, least=LEAST_MINUTES.get(mode, 2.0))))
    return "+".join(pair)


def _draining_loss(draft: Draft) -> None:
    """So much loss on so little headroom that the pool runs empty: the root cause stays the loss."""
    draft.place.traits.headroom[draft.link] = float(draft.rng.uniform(1.6, 2.0))
    draft.causes.append(faults.excess_loss(draft.scene(severity=float(draft.rng.uniform(0.65, 1.0)), least=6.0)))


def _queueing_decoder(draft: Draft) -> None:
    """A decoder so slow that transfers hold their slots for long and queue: no starvation."""
    draft.place.traits.service[draft.link] = 0.1
    slots = draft.place.traits.demand[draft.link] * 0.1 / 0.6
    draft.place.traits.slots[draft.link] = np.ceil(slots + 2)
    scene = draft.scene(severity=float(draft.rng.uniform(0.5, 1.0)), least=4.0)
    draft.causes.append(faults.decoder_timeouts(scene))


def _lossy_heat(draft: Draft) -> None:
    """A warm node whose couplers detune: loss on all its links, but the cause is the heat."""
    scene = draft.scene(severity=float(draft.rng.uniform(0.4, 1)), least=6)
    draft.causes.append(faults.thermal_event(scene, loss=True))


def _late_coherence(draft: Draft) -> None:
    """T2 steps down so long after the firmware changed that the change does not explain it: no known mode does."""
    scene = draft.scene(age_s=60 * float(draft.rng.uniform(4, 15)), severity=float(draft.rng.uniform(0, 0.6)))
    draft.causes.append(faults.firmware_regression(scene, lag_s=60 * float(draft.rng.uniform(12, 30))))


def _innocent_firmware(draft: Draft) -> None:
    """Loss that begins within a minute and a half of a firmware change that has nothing to do with it."""
    scene = draft.scene(least=4.0, shape="step")
    faults.change_firmware(scene, at=scene.onset + int(draft.rng.integers(-6, 7)))
    draft.causes.append(faults.excess_loss(scene))


CONFUSABLE: Mapping[str, Callable[[Draft], None]] = {
    "F1 drains pool": _draining_loss,
    "F3 with queue": _queueing_decoder,
    "F8 with loss": _lossy_heat,
    "T2 step long after firmware": _late_coherence,
    "firmware near F1": _innocent_firmware,
}
"""Name -> what happens."""

SHARED: Mapping[str, Callable[[Scene], Cause]] = {
    "F1 of a node": faults.excess_loss,
    "F2 of a node": faults.correlated_noise,
    "F3 of a node": faults.decoder_timeouts,
    "F7 of a node": partial(faults.starvation, way="cut"),
}
"""Name -> fault of a link that all links of a node have at once: what the node shares between them is the cause.

Misaligned receiving optics, a skewed clock, a decoder or a scheduler that all of the node's links use.
"""


def shared(draft: Draft, name: str) -> None:
    """One fault of the node with the most links, with the same course on each; its subject is the node."""
    degrees = np.bincount(draft.place.ends.ravel())
    draft.node, draft.shared = int(degrees.argmax()), True
    links = draft.place.links_of(draft.node)
    draft.link = int(links[int(draft.rng.integers(0, len(links)))])
    scene = draft.scene(least=LEAST_MINUTES["F7"], shape="step")
    causes = [SHARED[name](replace(scene, link=int(link))) for link in links]
    draft.causes.append(causes[0]._replace(subject=draft.place.nodes[draft.node]))
