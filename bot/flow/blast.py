"""What an act takes out of service, and what is left of the network then. Pure: network and places in, reach out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from bot.capacity.codes import physical_qubits
from bot.capacity.link import evaluate, specified
from bot.capacity.path import best_route
from bot.model.network import Flow, Link, Network
from remediation.contract import Risk, Target
from remediation.errors import RemediationError
from remediation.guard import Reach
from remediation.schema import Runbook
from remediation.template import render

TAKES_OUT: Mapping[str, Literal["while it lasts", "until it is taken back"]] = {
    "link.realign": "while it lasts",
    "device.drain": "until it is taken back",
}
"""Actions that stop the traffic of their link, or of all links of their node."""
PUTS_BACK = frozenset({"device.undrain"})


def resources(network: Network, target: Target | str) -> frozenset[str]:
    """What a run must have for itself to act on `kind:id`: the target, and for a node all its links too."""
    kind, _, name = str(target).partition(":")
    if kind not in ("link", "node", "flow") or not name:
        return frozenset()
    return frozenset({f"{kind}:{name}", *(f"link:{link}" for link in links_at(network, str(target)) if kind == "node")})


def needs_of(network: Network, runbook: Runbook, plan: Mapping[str, Any], scope: Mapping[str, Any]) -> frozenset[str]:
    """What a run has for itself: what its guard names, and whatever a step of its plan acts on.

    Raises RemediationError when the guard names nothing of the network: it would hold nothing without a word.
    """
    exclusive = str(render(runbook.spec.guard.exclusive, scope)) if runbook.spec.guard.exclusive else ""
    if exclusive and not is_place(network, exclusive):
        told = f"guard.exclusive of {runbook.metadata.name} is {exclusive!r}, which the network does not have"
        raise RemediationError(f"{told}; write link:NAME, node:NAME or flow:NAME")
    targets = [step["target"] for step in plan.get("steps", []) if step["risk"] != Risk.READ]
    return frozenset().union(*(resources(network, place) for place in (exclusive, *targets)))


def is_place(network: Network, place: str) -> bool:
    """Whether `kind:id` names a link, node or flow of the network."""
    kind, _, name = place.partition(":")
    known: Mapping[str, Collection[str]] = {"link": network.links, "node": network.nodes, "flow": network.flows}
    return name in known.get(kind, ())


def links_at(network: Network, place: str) -> frozenset[str]:
    """The links that are out when `kind:id` is: the link itself, or every link of the node."""
    kind, _, name = place.partition(":")
    if kind == "node":
        return frozenset(link.id for link in network.links_of(name))
    return frozenset({name}) & network.links.keys() if kind == "link" else frozenset()


def reach(network: Network, *, before: Collection[str], place: str) -> Reach | None:
    """What taking `place` out does when the links `before` are out already; None when it takes no more out.

    Only harm that the act adds counts: a flow that had no route before it does not stand in its way.
    """
    out = frozenset(before) & network.links.keys()
    after = out | links_at(network, place)
    if after == out:
        return None
    return Reach(
        links_out=len(after),
        links=len(network.links),
        cut_flows=tuple(sorted(_cut(network, after) - _cut(network, out))),
        short_flows=tuple(sorted(_short(network, after) - _short(network, out))),
    )


def _cut(network: Network, out: Collection[str]) -> set[str]:
    """Flows with more than one route of which none is whole."""
    return {flow.id for flow in network.flows.values() if flow.alternates and not _whole(flow, out)}


def _whole(flow: Flow, out: Collection[str]) -> bool:
    return any(not set(route) & set(out) for route in (flow.route, *flow.alternates))


def _short(network: Network, out: Collection[str]) -> set[str]:
    """Critical flows whose demand the links left cannot carry, the largest demand served first on its widest route."""
    left = {link.id: logical_per_s(link) for link in network.links.values() if link.id not in out}
    critical = (flow for flow in network.flows.values() if flow.priority == "critical")
    short = set()
    for flow in sorted(critical, key=lambda each: (-each.demand_logical_per_s, each.id)):
        route, width = best_route(_edges(network, left), flow.source, flow.target)
        if not route or width < flow.demand_logical_per_s:
            short.add(flow.id)
            continue
        for ends in pairwise(route):
            left[_widest(network, left, ends)] -= flow.demand_logical_per_s
    return short


def _edges(network: Network, left: Mapping[str, float]) -> list[tuple[str, str, float]]:
    """One edge a pair of nodes, as wide as its widest link."""
    widths: dict[tuple[str, str], float] = defaultdict(float)
    for name, width in left.items():
        low, high = sorted(network.links[name].ends)
        widths[low, high] = max(widths[low, high], width)
    return [(low, high, width) for (low, high), width in widths.items()]


def _widest(network: Network, left: Mapping[str, float], ends: Iterable[str]) -> str:
    between = (name for name in left if set(network.links[name].ends) == set(ends))
    return max(between, key=lambda name: (left[name], name))


@cache
def logical_per_s(link: Link) -> float:
    """Logical qubits a second that a link as specified carries: each takes a pair for every qubit of its code block."""
    code = link.code
    answers = evaluate(specified(link))
    return float(answers["capacity_qubits_per_s"]) / physical_qubits(code.family, code.distance)
