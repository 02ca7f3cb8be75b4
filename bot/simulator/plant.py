"""What the network file promises, as arrays over links and nodes in the file's order.

The network file says nothing of some things a simulated network needs; this is where they are chosen. `serves keys`:
a link on any route of a flow whose id speaks of keys (`key`, `qkd`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.model.network import Network
from bot.simulator import physics
from bot.simulator.physics import Array

Index = npt.NDArray[np.intp]
PRIORITIES = ("critical", "standard", "best-effort")
BEST_EFFORT = 2

PURIFICATION = 2
"""Heralded pairs that make one purified pair: one round of recurrence (Bennett et al. 1996), success counted as 1."""
TRANSFER_S = 0.5
"""How long a transfer holds its slot: reservation, teleportation of the block, syndromes."""
SLOT_HEADROOM = 3.0
LOCAL_SHARE = 0.25
"""Best-effort traffic that no flow of the file describes takes this share of the specified generation."""
DECODE_SHARE = 0.1
DECODE_SPREAD = 0.5
"""Healthy median decode time over its budget, and sigma of the lognormal law around it."""
READOUT_VARIANCE = 0.05
FIDELITY = 0.992
TEMPERATURE_K = 4.0
REPLICAS = 2
FIBER_KM_PER_S = 2e5


def serves_keys(network: Network) -> frozenset[str]:
    """Ids of the links that deliver secret keys."""
    flows = [flow for flow in network.flows.values() if any(word in flow.id.lower() for word in ("key", "qkd"))]
    return frozenset(link for flow in flows for route in (flow.route, *flow.alternates) for link in route)


@dataclass(frozen=True, slots=True)
class Plant:
    """Arrays of shape (links,) unless said otherwise."""

    network: Network
    links: tuple[str, ...]
    nodes: tuple[str, ...]
    ends: Index
    """(2, links): index of the node at each end."""
    loss_db: Array
    attempt_hz: Array
    t1_s: Array
    t2_s: Array
    storage_s: Array
    rtt_s: Array
    gate: Array
    readout: Array
    budget_s: Array
    pool: Array
    target: Array
    pairs_per_transfer: Array
    code: Array
    """(4, links): coefficient and power against flips, then against phases."""
    surface: npt.NDArray[np.bool_]
    overhead: Array
    distance: Array
    keys: npt.NDArray[np.bool_]
    local: Array
    """Best-effort transfers/s beside the flows."""
    slots: Array
    node_t1_s: Array
    node_t2_s: Array

    @classmethod
    def of(cls, network: Network) -> "Plant":
        """Arrays of a network."""
        links, nodes = tuple(network.links.values()), tuple(network.nodes)
        place = {node: index for index, node in enumerate(nodes)}
        ends = np.array([[place[link.ends[end]] for link in links] for end in (0, 1)], dtype=np.intp)

        def column(*values: float) -> Array:
            return np.array(values, dtype=np.float64)

        loss = column(*(link.specified_loss_db for link in links))
        attempts = column(*(link.attempt_rate_hz for link in links))
        pairs = column(*(PURIFICATION * physics.data_qubits(link.code) for link in links))
        local = LOCAL_SHARE * attempts * physics.pairs_per_attempt(physics.transmissivity(loss)) / pairs
        flows = column(*(sum(flow.demand_logical_per_s for flow in network.flows_over(link.id)) for link in links))
        t1, t2 = column(*(link.memory.t1_s for link in links)), column(*(link.memory.t2_s for link in links))
        data = column(*(physics.data_qubits(link.code) for link in links))
        surface = np.array([link.code.family == "surface" for link in links])
        keys = serves_keys(network)
        return cls(
            network=network,
            links=tuple(link.id for link in links),
            nodes=nodes,
            ends=ends,
            loss_db=loss,
            attempt_hz=attempts,
            t1_s=t1,
            t2_s=t2,
            storage_s=column(*(link.memory.storage_s for link in links)),
            rtt_s=column(*(2 * link.length_km / FIBER_KM_PER_S + 0.001 for link in links)),
            gate=column(*(link.errors.gate for link in links)),
            readout=column(*(link.errors.measurement for link in links)),
            budget_s=column(*(link.decoder_budget_s for link in links)),
            pool=column(*(link.pool.capacity_pairs for link in links)),
            target=column(*(link.pool.target_level for link in links)),
            pairs_per_transfer=pairs,
            code=np.array([physics.code_constants(link.code) for link in links]).T,
            surface=surface,
            overhead=np.where(surface, 2 * data - 1, data),
            distance=column(*(link.code.distance for link in links)),
            keys=np.array([link.id in keys for link in links]),
            local=local,
            slots=np.maximum(4.0, np.ceil(SLOT_HEADROOM * TRANSFER_S * (flows + local))),
            node_t1_s=_at_nodes(ends, t1, len(nodes)),
            node_t2_s=_at_nodes(ends, t2, len(nodes)),
        )


def _at_nodes(ends: Index, values: Array, nodes: int) -> Array:
    """Mean over the links of each node; a node without links has 1 s."""
    total, count = np.zeros(nodes), np.zeros(nodes)
    for end in ends:
        np.add.at(total, end, values)
        np.add.at(count, end, 1)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)
