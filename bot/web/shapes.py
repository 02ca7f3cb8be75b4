"""Incidents and events as the API writes them: instants as RFC 3339, unknown numbers as null."""

from typing import Any

import msgspec

from bot.model.diagnosis import diagnosis_line
from bot.model.event import Event
from bot.model.incident import Incident
from bot.model.time import format_instant
from bot.postmortem.timeline import sentence

INSTANTS = frozenset(
    {"at", "starts_at", "ends_at", "ended_at", "started_at", "asked_at", "expires_at", "changed_at", "opened_at"}
    | {"acknowledged_at", "mitigated_at", "resolved_at", "onset"},
)
"""The names of fields that hold Unix seconds in the model."""


def summary(incident: Incident) -> dict[str, Any]:
    """One incident of a list."""
    first = incident.diagnosis.findings[0] if incident.diagnosis and incident.diagnosis.findings else None
    plain = {
        "id": incident.id,
        "title": incident.title,
        "state": incident.state,
        "severity": incident.severity,
        "subject": msgspec.to_builtins(incident.subject),
        "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_at": incident.resolved_at,
        "mode": first.mode if first else None,
        "waiting_for_people": len(incident.approvals) + len(incident.outcomes),
        "reviews_owed": len(incident.reviews),
    }
    return dict(_instants(plain))


def detail(incident: Incident, events: tuple[Event, ...]) -> dict[str, Any]:
    """The whole of one incident."""
    diagnosis = diagnosis_line(incident.id, incident.diagnosis) if incident.diagnosis else None
    plain = {
        "acknowledged_by": incident.acknowledged_by or None,
        "mitigated_at": incident.mitigated_at,
        "alerts": list(incident.alerts.values()),
        "runs": list(incident.runs.values()),
        "approvals": incident.approvals,
        "outcomes": incident.outcomes,
        "reviews": incident.reviews,
        "postmortem": incident.postmortem or None,
        "events": [event_line(event) for event in events],
    }
    return summary(incident) | dict(_instants(msgspec.to_builtins(plain))) | {"diagnosis": diagnosis}


def event_line(event: Event) -> dict[str, Any]:
    """One event, with the sentence that the pages show."""
    return dict(_instants(msgspec.to_builtins(event))) | {"text": sentence(event.body)}


def _instants(value: Any, key: str = "") -> Any:  # noqa: ANN401 - plain JSON of any shape
    if isinstance(value, dict):
        return {name: _instants(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_instants(item) for item in value]
    is_instant = key in INSTANTS and isinstance(value, int | float) and not isinstance(value, bool)
    return format_instant(value) if is_instant else value
