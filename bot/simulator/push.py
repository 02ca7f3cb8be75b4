"""What all faults in force push on at one instant, as arrays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bot.simulator import faults
from bot.simulator.faults import Fault
from bot.simulator.physics import Array
from bot.simulator.plant import Plant


@dataclass(slots=True)
class Push:
    """Arrays over links, then over nodes; neutral where no fault is in force."""

    loss_db: Array
    attempts: Array
    surge: Array
    decode: Array
    slots: Array
    burst: Array
    t1: Array
    t2: Array
    infidelity: Array
    variance: Array
    heat_k: Array

    @classmethod
    def of(cls, plant: Plant, active: Iterable[Fault], now: float) -> "Push":
        """The sum (or product) of every fault's push at `now`."""
        links, nodes = len(plant.links), len(plant.nodes)
        push = cls(
            loss_db=np.zeros(links),
            attempts=np.ones(links),
            surge=np.zeros(links),
            decode=np.ones(links),
            slots=np.ones(links),
            burst=np.zeros(links),
            t1=np.ones(nodes),
            t2=np.ones(nodes),
            infidelity=np.zeros(nodes),
            variance=np.ones(nodes),
            heat_k=np.zeros(nodes),
        )
        for fault in active:
            places = plant.links if faults.MODES[fault.mode].kind == "link" else plant.nodes
            _PUSHES[fault.mode](push, places.index(fault.subject), fault.strength(now), fault)
        return push


def _loss(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.loss_db[at] += faults.LOSS_DB * strength


def _burst(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.burst[at] = max(push.burst[at], strength)


def _decoder(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.decode[at] *= faults.DECODE_FACTOR**strength


def _pool(push: Push, at: int, strength: float, fault: Fault) -> None:
    if fault.cause == "demand":
        push.surge[at] += faults.SURGE * strength
    else:
        push.attempts[at] *= faults.ATTEMPT_FLOOR**strength


def _firmware(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.t1[at] *= faults.T1_FLOOR**strength
    push.t2[at] *= faults.T2_FLOOR**strength
    push.infidelity[at] += faults.FIDELITY_DROP * strength


def _readout(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.variance[at] += faults.VARIANCE_RISE * strength


def _slots(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.slots[at] *= faults.SLOT_FLOOR**strength


def _heat(push: Push, at: int, strength: float, fault: Fault) -> None:
    push.heat_k[at] += faults.HEAT_K * strength


_PUSHES: Mapping[str, Callable[[Push, int, float, Fault], None]] = {
    "F1": _loss,
    "F2": _burst,
    "F3": _decoder,
    "F4": _pool,
    "F5": _firmware,
    "F6": _readout,
    "F7": _slots,
    "F8": _heat,
}
