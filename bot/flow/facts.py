"""What follows from an incident and the network alone: where to look, since when, whom it touches."""

from collections.abc import Mapping
from typing import Any

from bot.model.incident import Incident
from bot.model.network import Flow, Network, Subject
from remediation.plan import PlanFacts


def link_of(network: Network, subject: Subject) -> str | None:
    """A link on which a subject can be looked at: itself, a node's first, a flow's first; None when there is none."""
    if subject.kind == "link":
        return subject.id if subject.id in network.links else None
    if subject.kind == "node":
        return next((link.id for link in network.links_of(subject.id)), None)
    flow = network.flows.get(subject.id)
    return flow.route[0] if subject.kind == "flow" and flow else None


def onset_of(incident: Incident) -> float:
    """When the trouble began: the earliest onset in evidence, alert start or opening; Unix seconds."""
    starts = [state.alert.starts_at for state in incident.alerts.values()]
    findings = incident.diagnosis.findings[:1] if incident.diagnosis else ()
    onsets = [item.onset for finding in findings for item in finding.evidence if item.onset is not None]
    return min([incident.opened_at, *starts, *onsets])


def affected_flows(incident: Incident, network: Network) -> tuple[Flow, ...]:
    """The flows that run over the subject."""
    subject = incident.subject
    if subject.kind == "flow":
        return (network.flows[subject.id],) if subject.id in network.flows else ()
    links = {subject.id} if subject.kind == "link" else {link.id for link in network.links_of(subject.id)}
    return tuple(flow for flow in network.flows.values() if links & set(flow.route))


def plan_facts(incident: Incident, network: Network) -> PlanFacts:
    """What templates of a runbook may know of an incident and its surroundings."""
    flows = affected_flows(incident, network)
    return PlanFacts(
        incident=incident_facts(incident),
        affected_flows=tuple({"id": flow.id, "priority": flow.priority} for flow in flows),
    )


def incident_facts(incident: Incident) -> Mapping[str, Any]:
    """The incident as templates see it; alert text stays data."""
    finding = incident.diagnosis.findings[0] if incident.diagnosis and incident.diagnosis.findings else None
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "subject": {"kind": incident.subject.kind, "id": incident.subject.id},
        "link": incident.diagnosis.link if incident.diagnosis else "",
        "mode": finding.mode if finding else "",
        "confidence": finding.confidence if finding else 0.0,
        "summary": incident.diagnosis.summary if incident.diagnosis else "",
        "onset": onset_of(incident),
    }
