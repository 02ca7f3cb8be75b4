"""What follows from an incident and the network alone: where to look, since when, whom it touches."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bot.flow.blast import links_over, resources
from bot.guard_settings import MaintenanceWindow
from bot.model.diagnosis import Diagnosis
from bot.model.incident import Incident
from bot.model.maintenance import Maintenance
from bot.model.network import Flow, Network, Subject
from remediation.guard import Certainty, Window
from remediation.plan import PlanFacts
from remediation.schema import Runbook


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


def going(incident: Incident) -> tuple[str, ...]:
    """The runs that will act or do: begun, or asked for by a person, and not over."""
    return tuple(run.run for run in incident.runs.values() if run.is_running or run.is_queued)


def in_the_way(incident: Incident) -> str:
    """Why nobody may ask for another run in an incident; empty when nothing stands in the way."""
    if not incident.is_open:
        return f"{incident.id} is {incident.state}; there is nothing to run"
    for run in going(incident):
        stop = f"stop it: bellhop runbook abort {run}"
        if incident.runs[run].is_running:
            return f"{run} is still running; wait for its end or {stop}"
        return f"{run} ({incident.runs[run].runbook}) was asked for and has not begun; wait for it or {stop}"
    return ""


def affected_flows(incident: Incident, network: Network) -> tuple[Flow, ...]:
    """The flows that run over the subject."""
    subject = incident.subject
    if subject.kind == "flow":
        return (network.flows[subject.id],) if subject.id in network.flows else ()
    links = {subject.id} if subject.kind == "link" else {link.id for link in network.links_of(subject.id)}
    return tuple(flow for flow in network.flows.values() if links & set(flow.route))


def plan_facts(incident: Incident, network: Network) -> PlanFacts:
    """What templates of a runbook may know of an incident and its surroundings."""
    flows, link = affected_flows(incident, network), _link_of(incident, network)
    others = [each for each in links_over(network, str(place_of(incident))) if each != link]
    return PlanFacts(
        incident={**incident_facts(incident), "link": link, "other_links": others},
        affected_flows=tuple(flow_facts(flow) for flow in flows),
        **known_names(network),
    )


def known_names(network: Network) -> dict[str, Any]:
    """The flows of the network, and the names of its links and nodes; nothing of a network that nobody knows."""
    if not network.nodes:
        return {}
    flows = {flow.id: flow_facts(flow) for flow in network.flows.values()}
    return {"flows": flows, "links": network.links.keys(), "nodes": network.nodes.keys()}


def flow_facts(flow: Flow) -> Mapping[str, Any]:
    """A flow as templates see it."""
    return {
        "id": flow.id,
        "priority": flow.priority,
        "route": list(flow.route),
        "alternates": [list(route) for route in flow.alternates],
    }


def place_of(incident: Incident) -> Subject:
    """Where the fault is: what the diagnosis found, or else what the incident is about."""
    findings = incident.diagnosis.findings if incident.diagnosis else ()
    return findings[0].subject if findings else incident.subject


def _link_of(incident: Incident, network: Network) -> str:
    diagnosed = incident.diagnosis.link if incident.diagnosis else ""
    return diagnosed or link_of(network, incident.subject) or ""


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
        "playbook": incident.diagnosis.playbook if incident.diagnosis else "",
    }


def is_security_gated(incident: Incident) -> bool:
    """Whether people of the security role must agree to every act; a later diagnosis does not lift that."""
    diagnosis = incident.diagnosis
    return bool(incident.quarantined) or (diagnosis is not None and diagnosis.security is not None)


def certainty_of(diagnosis: Diagnosis | None, runbook: Runbook) -> Certainty | None:
    """How sure the diagnosis is of what the runbook handles; None for a runbook that handles no mode."""
    if not runbook.spec.handles:
        return None
    findings = diagnosis.findings if diagnosis else ()
    ours = [finding for finding in findings if finding.mode in runbook.spec.handles]
    confidence = max((finding.confidence for finding in ours), default=0.0)
    modes = ", ".join(runbook.spec.handles)
    verdict = diagnosis.verdict if diagnosis else "unknown"
    told = f"the confidence in {modes} is {confidence:.0%}" if ours else f"the diagnosis is {verdict}, not {modes}"
    return Certainty(confidence, runbook.spec.trigger.min_confidence, told)


def windows_over(
    network: Network, windows: Iterable[MaintenanceWindow], places: Collection[str], now: float
) -> tuple[Window, ...]:
    """The maintenance that goes on at one of these places; that of a node covers its links."""
    return tuple(
        Window(target, window.reason, window.runbooks)
        for window in windows
        if window.start.timestamp() <= now < window.end.timestamp()
        for target in window.targets
        if resources(network, target) & set(places)
    )


def announced_over(network: Network, works: Iterable[Maintenance], places: Collection[str]) -> tuple[Window, ...]:
    """The same of what people announced; no runbook is that work."""
    return tuple(
        Window(str(work.subject), work.reason, ())
        for work in works
        if resources(network, str(work.subject)) & set(places)
    )
