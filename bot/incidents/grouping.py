"""Which incident an alert belongs to: a typed decision with its reason."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from bot.incidents.subject import subject_of
from bot.model.alert import Alert
from bot.model.incident import Incident
from bot.model.network import Network, Subject


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with an alert, and why."""

    kind: Literal["new", "join", "duplicate", "resolve", "ignore"]
    reason: str
    incident: str = ""


def place(
    alert: Alert, *, open_incidents: Iterable[Incident], network: Network, now: float, window_s: float
) -> Placement:
    """New incident, join or resolve in an open one, or nothing; instants are Unix seconds."""
    incidents = tuple(open_incidents)
    for incident in incidents:
        known = incident.alerts.get(alert.episode)
        if known is not None:
            return _known(alert, incident, over=known.ended_at is not None)
    if alert.status == "resolved":
        return Placement(kind="ignore", reason="it is over and no open incident knows it")
    subject = subject_of(alert, network).subject
    for incident in incidents:
        recent = not incident.asked and now - last_news(incident, now) <= window_s
        if recent and (why := related(subject, incident.subject, network)):
            return Placement(kind="join", incident=incident.id, reason=why)
    return Placement(kind="new", reason="no open incident is about the same link, node or route")


def _known(alert: Alert, incident: Incident, *, over: bool) -> Placement:
    if alert.status == "resolved" and not over:
        return Placement(kind="resolve", incident=incident.id, reason="its source says that it is over")
    return Placement(kind="duplicate", incident=incident.id, reason="this episode is known")


def last_news(incident: Incident, now: float) -> float:
    """When the incident opened or its newest alert began; Unix seconds. An alert may say that it begins after `now`."""
    began = (state.alert.starts_at for state in incident.alerts.values())
    return max([incident.opened_at, *(at for at in began if at <= now)])


def related(one: Subject, other: Subject, network: Network) -> str:
    """Why two subjects are one trouble, or nothing."""
    if one == other:
        return f"the same {one.kind}, {one.id}"
    first, second = _links(one, network), _links(other, network)
    nodes = _nodes(one, network) & _nodes(other, network)
    if "node" in (one.kind, other.kind) and nodes:
        return f"both touch node {min(nodes)}"
    for flow in network.flows.values():
        if "flow" in (one.kind, other.kind) and first & set(flow.route) and second & set(flow.route):
            return f"both on the route of flow {flow.id}"
    return ""


def _links(subject: Subject, network: Network) -> set[str]:
    match subject.kind:
        case "link":
            return {subject.id}
        case "node":
            return {link.id for link in network.links_of(subject.id)}
        case "flow":
            return set(network.flows[subject.id].route) if subject.id in network.flows else set()
    return set()


def _nodes(subject: Subject, network: Network) -> set[str]:
    if subject.kind == "node":
        return {subject.id}
    links = (network.links[link] for link in _links(subject, network) if link in network.links)
    return {end for link in links for end in link.ends}
