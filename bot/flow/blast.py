"""What an act takes out of service, and what is left of the network then. Pure: network, places and capacities in."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Any

from bot.capacity.path import best_route
from bot.flow.live import Live, promised
from bot.model.network import Flow, Network
from remediation.contract import Outage, Risk, Target
from remediation.errors import RemediationError
from remediation.guard import Reach
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from remediation.template import render

TAKES_OUT: Mapping[str, Outage] = {name: action.takes_out for name, action in ACTIONS.items() if action.takes_out}
"""Actions that stop the traffic of their link, or of all links of their node, and for how long."""
PUTS_BACK = frozenset(name for name, action in ACTIONS.items() if action.puts_back)
_NAMED = 5
"""So many unknown links are told by name."""


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


def links_over(network: Network, place: str) -> tuple[str, ...]:
    """The links that `kind:id` is or ends, in order, and for a flow those it runs over."""
    kind, _, name = place.partition(":")
    if kind == "flow":
        return network.flows[name].route if name in network.flows else ()
    return tuple(sorted(links_at(network, place)))


def is_same_place(network: Network, one: str, other: str) -> bool:
    """Whether two targets of runs are one, or one is a part of the other: a link of its node, of its flow, of all."""
    if one == other or "network" in (one.partition(":")[0], other.partition(":")[0]):
        return True
    parts = [{place, *(f"link:{link}" for link in links_over(network, place))} for place in (one, other)]
    return one in parts[1] or other in parts[0]


def reach(network: Network, *, before: Collection[str], place: str, live: Live) -> Reach | None:
    """What taking `place` out does when the links `before` are out already; None when it takes no more out.

    Only harm that the act adds counts: a flow that had no route before it does not stand in its way. A link of which
    nobody knows what it carries may have carried the flow until now, and is not counted on afterwards.
    """
    out = frozenset(before) & network.links.keys()
    act = links_at(network, place) - out
    if not act:
        return None
    cut = _newly_cut(network, out, act, live, sure=True)
    short = _newly_short(network, out, act, live, sure=True)
    unsure = cut - _newly_cut(network, out, act, live, sure=False) or short.keys() - _newly_short(
        network, out, act, live, sure=False
    )
    return Reach(
        links_out=len(out | act),
        links=len(network.links),
        cut_flows=tuple(sorted(cut)),
        short_flows=tuple(_told(network.flows[flow], short[flow]) for flow in sorted(short)),
        unknown_links=_uncounted(live, out | act) if unsure else (),
    )


def _newly_cut(network: Network, out: Collection[str], act: Collection[str], live: Live, *, sure: bool) -> set[str]:
    """Flows with more than one route of which none is whole with the act; `sure` counts on no unknown link then."""
    dead = frozenset(out) | {link for link, carries in live.capacities.items() if carries == 0}
    after = dead.union(act, live.unknown if sure else ())
    return {
        flow.id
        for flow in network.flows.values()
        if flow.alternates
        and not any(_whole(route, after) for route in _routes(flow))
        and any(_whole(route, dead) and not _whole(route, act) for route in _routes(flow))
    }


def _routes(flow: Flow) -> tuple[tuple[str, ...], ...]:
    return (flow.route, *flow.alternates)


def _whole(route: Collection[str], out: Collection[str]) -> bool:
    return not set(route) & set(out)


def _newly_short(
    network: Network, out: Collection[str], act: Collection[str], live: Live, *, sure: bool
) -> Mapping[str, float]:
    """Critical flows that the act may leave without room -> what is left for each, in logical qubits/s.

    An unknown link carries nothing or what was specified; the act counts where it makes a difference to either, or
    where it hits a route that was meant for the flow.
    """
    best = {**live.capacities, **{link: promised(network.links[link]) for link in live.unknown}}
    counted = live.capacities if sure else best
    after = frozenset(out) | set(act)
    lacking = _short(network, after, counted)
    if not lacking:
        return {}
    before, lost = _short(network, out, counted), _short(network, after, best)
    hopeless = _short(network, out, best)
    return {
        flow: left
        for flow, left in lacking.items()
        if flow not in hopeless and (flow not in before or flow in lost or _is_meant(network.flows[flow], act))
    }


def _is_meant(flow: Flow, links: Collection[str]) -> bool:
    return not all(_whole(route, links) for route in _routes(flow))


def _short(network: Network, out: Collection[str], carries: Mapping[str, float]) -> dict[str, float]:
    """Critical flows whose demand the links left cannot carry, and the width that is left for each.

    The largest demand is served first on its widest route.
    """
    left = {link: width for link, width in carries.items() if link in network.links and link not in out}
    between: dict[tuple[str, str], list[str]] = defaultdict(list)
    for link in left:
        between[_pair(network.links[link].ends)].append(link)
    critical = (flow for flow in network.flows.values() if flow.priority == "critical")
    short = {}
    for flow in sorted(critical, key=lambda each: (-each.demand_logical_per_s, each.id)):
        edges = [(*ends, max(left[link] for link in links)) for ends, links in between.items()]
        route, width = best_route(edges, flow.source, flow.target)
        if not route or width < flow.demand_logical_per_s:
            short[flow.id] = width
            continue
        for ends in pairwise(route):
            left[max(between[_pair(ends)], key=lambda link: (left[link], link))] -= flow.demand_logical_per_s
    return short


def _pair(ends: Iterable[str]) -> tuple[str, str]:
    """A pair of nodes, whichever is named first."""
    low, high = sorted(ends)
    return low, high


def _told(flow: Flow, left: float) -> str:
    needs = f"needs {flow.demand_logical_per_s:.3g} logical qubits/s" if flow.demand_logical_per_s else "needs a way"
    return f"{flow.id} ({needs}, {f'{left:.3g} are left' if left else 'none is left'})"


def _uncounted(live: Live, out: Collection[str]) -> tuple[str, ...]:
    """The links that nobody counts on, and why not; the first few by name."""
    names = sorted(link for link in live.unknown if link not in out)
    told = [f"{name} ({live.unknown[name]})" for name in names[:_NAMED]]
    return (*told, *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []))
