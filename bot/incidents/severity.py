"""How bad an alert is: by what hangs on its subject first, by its own label second; when unsure, the worse."""

import msgspec

from bot.model.alert import Alert
from bot.model.event import Severity
from bot.model.network import Flow, Network, Subject

_BY_LABEL: dict[str, Severity] = {
    "critical": "sev2",
    "page": "sev2",
    "error": "sev2",
    "warning": "sev3",
    "ticket": "sev3",
    "info": "sev4",
    "none": "sev4",
}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A severity and why."""

    severity: Severity
    reason: str


def severity_of(alert: Alert, subject: Subject, network: Network) -> Judged:
    """sev1 when a critical flow hangs on it, sev2 when an objective burns, else as the label says."""
    label = alert.labels.get("severity", "").lower()
    by_label = _BY_LABEL.get(label, "sev2")
    critical = [flow.id for flow in flows_of(subject, network) if flow.priority == "critical"]
    if critical and by_label == "sev2":
        return Judged(severity="sev1", reason=f"critical flow {critical[0]} runs over it")
    if label in _BY_LABEL:
        return Judged(severity=by_label, reason=f"the alert's severity is {label}")
    return Judged(severity=by_label, reason="the alert names no known severity; taken as burning")


def flows_of(subject: Subject, network: Network) -> tuple[Flow, ...]:
    """The flows that a subject carries."""
    match subject.kind:
        case "link":
            return network.flows_over(subject.id)
        case "node":
            links = {link.id for link in network.links_of(subject.id)}
            return tuple(flow for flow in network.flows.values() if links & set(flow.route))
        case "flow":
            return (network.flows[subject.id],) if subject.id in network.flows else ()
    return tuple(network.flows.values())
