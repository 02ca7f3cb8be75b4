"""Random networks for labelled incidents: what is connected to what, and how each part behaves when all is well."""

from dataclasses import dataclass

import numpy as np

from bot.model.network import Code, CodeFamily, Errors, Link, Memory, Network, Node, Pool, Slo
from bot.model.telemetry import FloatArray

LINKS = (4, 12)
"""Fewest and most links of a network."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """How the parts of a network behave when all is well: arrays over links (L,) or nodes (N,).

    Rates per second, times in seconds, temperatures in kelvin, ratios 0..1.
    """

    demand: FloatArray
    """Transfers per second when the question is asked, if all is well."""
    pairs_per_transfer: FloatArray
    headroom: FloatArray
    """Pairs that can be made over pairs that are used, above 1."""
    herald: FloatArray
    """Pairs per attempt at the usual loss."""
    loss_db: FloatArray
    sent: FloatArray
    pool_pairs: FloatArray
    target: FloatArray
    throttled: FloatArray
    """1 where attempts follow the pool's level, 0 where they always run."""
    slots: FloatArray
    service: FloatArray
    patience: FloatArray
    """Longest queue before transfers are turned away, in seconds of demand."""
    decode_p50: FloatArray
    decode_tail: FloatArray
    """Slowest hundredth over the median."""
    rounds: FloatArray
    """Syndrome rounds per second."""
    syndrome: FloatArray
    logical: FloatArray
    """Share of transfers that fail."""
    exponent: FloatArray
    """Power with which the physical error enters the logical one."""
    retry: FloatArray
    fidelity: FloatArray
    rtt: FloatArray
    correlation: FloatArray
    t1: FloatArray
    t2: FloatArray
    variance: FloatArray
    temperature: FloatArray
    rack: FloatArray
    """Temperature of the rack around a cold stage; NaN where the node has one sensor only."""
    noise: FloatArray
    """Scatter of the node's gauges, relative; shape (N,)."""
    daily: float
    """By how much demand swings around its mean over a day, relative."""
    has_key: bool
    has_correlation: bool
    has_calibration: bool
    """Whether the nodes tell when they were calibrated."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A network with its traits; `ends` has shape (L, 2) with the indices of nodes."""

    network: Network
    traits: Traits
    links: tuple[str, ...]
    nodes: tuple[str, ...]
    ends: np.typing.NDArray[np.intp]

    def links_of(self, node: int) -> np.typing.NDArray[np.intp]:
        """Indices of the links that end at a node."""
        return np.flatnonzero((self.ends == node).any(axis=1))


def random_place(rng: np.random.Generator, *, roomy: bool = False, links: int | None = None) -> Place:
    """A connected network of 4 to 12 links, or `links`; a `roomy` one has pairs and slots to spare for a surge."""
    count = links or int(rng.integers(*LINKS, endpoint=True))
    ends = _wiring(rng, count)
    nodes = tuple(f"n{index:02d}" for index in range(int(ends.max()) + 1))
    names = tuple(f"{nodes[one]}-{nodes[other]}" for one, other in ends)
    lengths = rng.uniform(2.0, 60.0, count)
    traits = _traits(rng, len(nodes), lengths, roomy=roomy)
    made = {
        name: _link(rng, name, index, lengths=lengths, traits=traits, nodes=nodes, ends=ends)
        for index, name in enumerate(names)
    }
    kinds = {name: Node(id=name, region=f"r{index % 3}") for index, name in enumerate(nodes)}
    network = Network(name="laboratory", nodes=kinds, links=made, flows={})
    return Place(network, traits, names, nodes, ends)


def _wiring(rng: np.random.Generator, links: int) -> np.typing.NDArray[np.intp]:
    """A random tree plus, where there are links left, chords."""
    nodes = int(rng.integers(max(4, links // 2 + 2), links + 2))
    pairs = {(int(rng.integers(0, node)), node) for node in range(1, nodes)}
    while len(pairs) < links:
        one, other = sorted(int(node) for node in rng.choice(nodes, 2, replace=False))
        pairs.add((one, other))
    return np.array(sorted(pairs), dtype=np.intp)


def _traits(rng: np.random.Generator, nodes: int, lengths: FloatArray, *, roomy: bool) -> Traits:
    links = len(lengths)
    demand = _spread(rng, 2.0, 80.0, links)
    service = _spread(rng, 0.1, 1.5, links)
    usual = rng.uniform(0.2, 0.35, links) if roomy else rng.uniform(0.25, 0.7, links)
    pairs_per_transfer = np.round(_spread(rng, 4.0, 60.0, links))
    loss = lengths * rng.uniform(0.17, 0.25, links) + rng.uniform(0.5, 3.0, links)
    t1 = _spread(rng, 0.5, 10.0, nodes)
    temperature = rng.choice([0.012, 0.02, 0.1, 4.0, 77.0, 296.0], nodes)
    return Traits(
        demand=demand,
        pairs_per_transfer=pairs_per_transfer,
        headroom=rng.uniform(2.6, 4.0, links) if roomy else rng.uniform(1.6, 3.0, links),
        herald=10 ** (-loss / 10) * rng.uniform(0.05, 0.5, links),
        loss_db=loss,
        sent=_spread(rng, 1e3, 1e6, links),
        pool_pairs=np.round(demand * pairs_per_transfer * _spread(rng, 30.0, 300.0, links)),
        target=rng.uniform(0.6, 0.9, links),
        throttled=np.asarray(rng.random(links) < 0.5, dtype=np.float64),
        slots=np.ceil(demand * service / usual + 2),
        service=service,
        patience=_spread(rng, 5.0, 60.0, links),
        decode_p50=_spread(rng, 0.002, 0.02, links),
        decode_tail=rng.uniform(2.0, 5.0, links),
        rounds=_spread(rng, 1e3, 1e5, links),
        syndrome=_spread(rng, 0.003, 0.05, links),
        logical=_spread(rng, 0.001, 0.01, links),
        exponent=rng.uniform(1.0, 3.0, links),
        retry=_spread(rng, 0.002, 0.03, links),
        fidelity=rng.uniform(0.9, 0.99, links),
        rtt=lengths * 1e-5 + _spread(rng, 5e-4, 5e-3, links),
        correlation=rng.uniform(0.002, 0.02, links),
        t1=t1,
        t2=t1 * rng.uniform(0.2, 1.2, nodes),
        variance=_spread(rng, 0.01, 0.2, nodes),
        temperature=temperature,
        rack=np.where((temperature < 200) & (rng.random(nodes) < 0.5), rng.uniform(290.0, 302.0, nodes), np.nan),
        noise=rng.uniform(0.004, 0.02, nodes),
        daily=float(rng.uniform(0.05, 0.35)),
        has_key=bool(rng.random() < 0.6),
        has_correlation=bool(rng.random() < 0.5),
        has_calibration=bool(rng.random() < 0.5),
    )


def _link(
    rng: np.random.Generator,
    name: str,
    index: int,
    *,
    lengths: FloatArray,
    traits: Traits,
    nodes: tuple[str, ...],
    ends: np.typing.NDArray[np.intp],
) -> Link:
    one, other = (int(node) for node in ends[index])
    families: tuple[CodeFamily, ...] = ("surface", "steane", "five-qubit")
    family = families[int(rng.integers(0, len(families)))]
    used = float(traits.demand[index] * traits.pairs_per_transfer[index])
    t1 = float(min(traits.t1[one], traits.t1[other]))
    return Link(
        id=name,
        ends=(nodes[one], nodes[other]),
        length_km=float(lengths[index]),
        attenuation_db_per_km=0.2,
        excess_loss_db=1.5,
        attempt_rate_hz=used * float(traits.headroom[index] / traits.herald[index]),
        memory=Memory(t1_s=t1, t2_s=min(t1, float(min(traits.t2[one], traits.t2[other]))), storage_s=0.002),
        errors=Errors(gate=0.001, measurement=0.002),
        code=Code(family=family, distance=int(rng.choice([3, 5, 7])) if family == "surface" else 3),
        decoder_budget_s=float(traits.decode_p50[index] * traits.decode_tail[index] * rng.uniform(1.3, 2.5)),
        pool=Pool(capacity_pairs=int(traits.pool_pairs[index]), target_level=float(traits.target[index])),
        slo=Slo(logical_success=0.98, window_s=2_592_000.0),
    )


def _spread(rng: np.random.Generator, low: float, high: float, count: int) -> FloatArray:
    """Numbers between `low` and `high`, evenly over the orders of magnitude."""
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))
