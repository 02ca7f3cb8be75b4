"""What changes while a simulated network runs: settings that operations change, devices, queues, counters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bot.simulator.physics import Array
from bot.simulator.plant import REPLICAS, TEMPERATURE_K, Plant

Flags = npt.NDArray[np.bool_]

FIRST_FIRMWARE, NEXT_FIRMWARE = "2.3.1", "2.4.0"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the decode histogram, s."""
COUNTERS = (
    "success",
    "failure",
    "retries",
    "attempts",
    "pairs",
    "consumed",
    "sent",
    "lost",
    "key_bytes",
    "rounds",
    "syndromes",
    "decode_sum",
)


@dataclass(slots=True)
class FlowState:
    """How a flow is carried now."""

    route: tuple[str, ...]
    quota: float = np.inf
    classical: bool = False


@dataclass(slots=True)
class Settings:
    """What operations set; arrays of shape (links,) or (nodes,)."""

    attempt_share: Array
    target: Array
    slots: Array
    replicas: Array
    fast_decoder: Flags
    gain_db: Array
    throttle: Array
    """(3, links): transfers/s let through per priority class; infinite where not throttled."""
    purification: Array
    """Rounds that a pair goes through before it is used."""
    throttled_at: Array
    safe: Flags
    drained: Flags
    pinned: Flags
    calibration_due: Array
    """When a scheduled calibration begins (Unix s), infinite where none is."""
    firmware: list[str]
    archive: list[list[str]]
    flows: dict[str, FlowState]

    @classmethod
    def of(cls, plant: Plant) -> "Settings":
        """As the network file says, everything on."""
        links, nodes = len(plant.links), len(plant.nodes)
        return cls(
            attempt_share=np.ones(links),
            target=plant.target.copy(),
            slots=plant.slots.copy(),
            replicas=np.full(links, float(REPLICAS)),
            fast_decoder=np.zeros(links, dtype=bool),
            gain_db=np.zeros(links),
            throttle=np.full((3, links), np.inf),
            purification=np.ones(links),
            throttled_at=np.full(links, np.inf),
            safe=np.zeros(nodes, dtype=bool),
            drained=np.zeros(nodes, dtype=bool),
            pinned=np.zeros(nodes, dtype=bool),
            calibration_due=np.full(nodes, np.inf),
            firmware=[FIRST_FIRMWARE] * nodes,
            archive=[[FIRST_FIRMWARE] for _ in range(nodes)],
            flows={flow.id: FlowState(route=flow.route) for flow in plant.network.flows.values()},
        )


@dataclass(slots=True)
class Devices:
    """Nodes' hardware: temperature of the stage, the slower temperature of memories and optics (K), state."""

    temperature_k: Array
    lagging_k: Array
    down_until: Array
    up: Flags
    calibrated_at: Array

    @classmethod
    def of(cls, plant: Plant, start: float) -> "Devices":
        """Cold, up, calibrated six hours ago."""
        nodes = len(plant.nodes)
        return cls(
            temperature_k=np.full(nodes, TEMPERATURE_K),
            lagging_k=np.full(nodes, TEMPERATURE_K),
            down_until=np.zeros(nodes),
            up=np.ones(nodes, dtype=bool),
            calibrated_at=np.full(nodes, start - 6 * 3600.0),
        )


@dataclass(slots=True)
class Traffic:
    """Pools, queues and what has been counted."""

    pool: Array
    queue: npt.NDArray[np.int64]
    """(3, links): transfers that wait, by priority class."""
    slot_credit: Array
    in_use: Array
    queue_shown: Array
    decodes: Array
    """(links, buckets + 1): decodes per bucket, the last above all ends."""
    counters: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, plant: Plant) -> "Traffic":
        """Pools at their target, queues empty, counters at zero."""
        links = len(plant.links)
        return cls(
            pool=plant.pool * plant.target,
            queue=np.zeros((3, links), dtype=np.int64),
            slot_credit=np.zeros(links),
            in_use=np.zeros(links),
            queue_shown=np.zeros(links),
            decodes=np.zeros((links, len(BUCKETS) + 1)),
            counters={name: np.zeros(links) for name in COUNTERS},
        )
