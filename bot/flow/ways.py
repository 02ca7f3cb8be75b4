"""The route that an act moves a flow onto, and what speaks against each of its links. Pure: facts in, words out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from bot.flow.blast import links_at
from bot.flow.live import Live
from bot.model.incident import Incident
from bot.model.network import Flow, Link, Network
from remediation.guard import Route, Window
from remediation.registry import ACTIONS

_Way = Callable[[Mapping[str, Any], Flow], Sequence[str]]
_WAYS: Mapping[str, _Way] = {
    "flow.reroute": lambda given, flow: tuple(given["route"]),
    "flow.fail_over": lambda given, flow: flow.alternates[0] if given["to"] == "alternate" and flow.alternates else (),
    "flow.restore": lambda given, flow: flow.route,
}
"""Action -> the links that it moves its flow onto; none where it leaves the quantum network."""
MOVES = frozenset(_WAYS)
"""Actions that move a flow onto a route."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A flow, the links that it is moved onto, and those that carry it now (empty where nobody knows)."""

    flow: Flow
    links: tuple[str, ...]
    present: tuple[str, ...] = ()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the links now. `out`: places out of service -> why."""

    live: Live
    out: Mapping[str, str] = {}
    incidents: tuple[Incident, ...] = ()
    """All that are open."""
    windows: tuple[Window, ...] = ()


def way_of(network: Network, action: str, parameters: Mapping[str, Any]) -> Way | None:
    """Where an act moves a flow to; None for acts that move none, or whose parameters do not fit."""
    if action not in MOVES:
        return None
    try:
        given = ACTIONS[action].parameters.model_validate(parameters).model_dump()
    except ValidationError:
        return None
    flow = network.flows.get(given["flow"])
    links = tuple(_WAYS[action](given, flow)) if flow is not None else ()
    return Way(flow=flow, links=links) if flow is not None and links else None


def first_move(plan: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The step of a plan that moves a flow before any other step acts; None where there is no such step."""
    acts = (step for step in plan.get("steps", ()) if step["risk"] != "read")
    first = next(acts, None)
    return first if first is not None and first["action"] in MOVES and first["when"] == "True" else None


def route(network: Network, way: Way, known: Known) -> Route:
    """The route with all that speaks against it: which link, what is wrong with it, in numbers."""
    told = tuple(fault for link in dict.fromkeys(way.links) for fault in _faults(network, way, link, known))
    return Route(flow=way.flow.id, links=way.links, faults=told)


def _faults(network: Network, way: Way, name: str, known: Known) -> tuple[str, ...]:
    link = network.links.get(name)
    if link is None:
        return (f"{name} is no link of the network",)
    out = (f"is out of service ({why})" for place, why in known.out.items() if name in links_at(network, place))
    found = [*out, *_incidents(network, link, known.incidents), *_maintenance(network, link, known.windows)]
    return tuple(f"{name} {fault}" for fault in (*found, *_measured(link, way, known.live)))


def _incidents(network: Network, link: Link, incidents: Iterable[Incident]) -> list[str]:
    found = (view for view in incidents if view.is_open and link.id in _troubled(network, view))
    return [f"has an open incident ({view.id}, {view.severity}: {view.title})" for view in found]


def _troubled(network: Network, view: Incident) -> frozenset[str]:
    """The links at which an incident's alerts and its diagnosis place the trouble; none of one that people asked for.

    An alert on a flow says of no link that it is at fault.
    """
    findings = view.diagnosis.findings if view.diagnosis else ()
    places = {str(finding.subject) for finding in findings[:1]}
    if view.diagnosis is not None and findings:
        places.add(f"link:{view.diagnosis.link}")
    for alert in view.firing:
        places |= {f"{kind}:{alert.labels[kind]}" for kind in ("link", "node") if kind in alert.labels}
    if view.firing or findings:
        places.add(str(view.subject))
    return frozenset().union(*(links_at(network, place) for place in places))


def _maintenance(network: Network, link: Link, windows: Iterable[Window]) -> list[str]:
    found = {each.target: each.reason for each in windows if link.id in links_at(network, each.target)}
    return [
        f"is under maintenance ({target}{': ' + reason if reason else ''})" for target, reason in sorted(found.items())
    ]


def _measured(link: Link, way: Way, live: Live) -> list[str]:
    """What telemetry says against a link: not known, below its promise, or too little to spare for the demand."""
    if link.id in live.unknown or link.id not in live.capacities:
        return [f"is unknown to telemetry ({live.unknown.get(link.id) or 'nothing of it is fresh'})"]
    told = []
    success, promise, demand = live.success.get(link.id), link.slo.logical_success, way.flow.demand_logical_per_s
    if success is not None and success < promise:
        told.append(f"fails its promise: logical success {success:.2%}, promised {promise:.2%}")
    carries, used = live.capacities[link.id], live.delivered.get(link.id, 0.0)
    others = max(0.0, used - demand) if link.id in way.present else used
    spare = max(0.0, carries - others)
    if spare < demand or carries == 0:
        numbers = f"{carries:.3g} it carries now less {others:.3g} of other flows"
        told.append(f"is too small: {demand:.3g} logical qubits/s are needed, {spare:.3g} are to spare ({numbers})")
    return told
