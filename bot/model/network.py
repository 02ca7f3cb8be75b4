"""The network: what is connected to what, and what each link promises. Times in s, lengths in km, loss in dB."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import msgspec

Priority = Literal["critical", "standard", "best-effort"]
CodeFamily = Literal["surface", "steane", "five-qubit", "repetition", "none"]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert, a diagnosis or an action is about."""

    kind: Literal["link", "node", "flow", "network"]
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place with quantum hardware."""

    id: str
    region: str = ""
    kind: Literal["endpoint", "repeater"] = "endpoint"
    firmware_channel: str = ""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Specified relaxation and dephasing times of a link's memories, and how long a pair is stored; s."""

    t1_s: float
    t2_s: float
    storage_s: float


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Specified error probabilities per gate and per measurement, 0..1."""

    gate: float
    measurement: float


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The error-correcting code that a link runs."""

    family: CodeFamily
    distance: int = 1


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The store of entangled pairs: capacity in pairs, target level 0..1."""

    capacity_pairs: int
    target_level: float = 0.8


class Slo(msgspec.Struct, frozen=True, kw_only=True):
    """The promise: share of logical transfers that succeed, over a window in s."""

    logical_success: float
    window_s: float


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link and what it promises."""

    id: str
    ends: tuple[str, str]
    medium: Literal["fiber", "free-space", "satellite"] = "fiber"
    length_km: float
    attenuation_db_per_km: float
    excess_loss_db: float
    attempt_rate_hz: float
    memory: Memory
    errors: Errors
    code: Code
    decoder_budget_s: float
    pool: Pool
    slo: Slo
    cost_per_physical_qubit: float = 0.0
    shared_risk: tuple[str, ...] = ()
    """What it has in common with other links, such as a duct: links that share a name may fail together."""

    @property
    def specified_loss_db(self) -> float:
        """Loss that the link has when all is well: fiber plus connectors, couplers and detectors."""
        return self.length_km * self.attenuation_db_per_km + self.excess_loss_db


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's demand between two nodes and the routes that can carry it."""

    id: str
    source: str
    target: str
    route: tuple[str, ...]
    alternates: tuple[tuple[str, ...], ...] = ()
    priority: Priority = "standard"
    demand_logical_per_s: float = 0.0
    fallback: Literal["classical", "none"] = "none"


class Network(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A whole network, each part found by its id."""

    name: str
    nodes: Mapping[str, Node]
    links: Mapping[str, Link]
    flows: Mapping[str, Flow]

    def links_of(self, node: str) -> tuple[Link, ...]:
        """The links that end at `node`."""
        return self._links_by_end.get(node, ())

    def flows_over(self, link: str) -> tuple[Flow, ...]:
        """The flows whose present route uses `link`."""
        return tuple(flow for flow in self.flows.values() if link in flow.route)

    def links_at_risk_with(self, link: str) -> Mapping[str, tuple[str, ...]]:
        """Shared risk of `link` -> the ids of the other links that share it."""
        return {
            name: tuple(other for other in self._links_by_risk[name] if other != link)
            for name in self.links[link].shared_risk
        }

    @cached_property
    def _links_by_risk(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for link in self.links.values():
            for name in dict.fromkeys(link.shared_risk):
                found.setdefault(name, []).append(link.id)
        return {name: tuple(links) for name, links in found.items()}

    @cached_property
    def _links_by_end(self) -> Mapping[str, tuple[Link, ...]]:
        found: dict[str, list[Link]] = {}
        for link in self.links.values():
            for end in dict.fromkeys(link.ends):
                found.setdefault(end, []).append(link)
        return {end: tuple(links) for end, links in found.items()}
