"""From events to facts: the report's parts, in the order of its sections."""

from collections.abc import Iterator, Sequence

from bot.model.event import (
    AlertAttached,
    AlertResolved,
    ChangeSeen,
    Event,
    RecoveryVerified,
)
from bot.model.network import Network
from bot.model.time import format_instant
from bot.postmortem.action_items import action_items
from bot.postmortem.durations import approvals, spans
from bot.postmortem.facts import AlertSeen, Facts, Impact, RunDone
from bot.postmortem.history import Events, cause, intrusion, of_kind, opened, present, resolution
from bot.postmortem.impact import impact
from bot.postmortem.lessons import lucky, went_badly, went_well
from bot.postmortem.runs import refusals, runs
from bot.postmortem.timeline import timeline
from bot.postmortem.words import finding, percent, plural
from remediation.duration import format_duration


def draft(events: Sequence[Event], *, network: Network, at: float) -> Facts:
    """What can be said of an incident from its events alone, as of `at` (Unix seconds).

    Raises ValueError when `events` do not begin with an incident's opening.
    """
    first, body = opened(events)
    state, severity, subject = present(events)
    done, hit = runs(events), impact(events, network=network, at=at)
    return Facts(
        incident=first.incident,
        title=body.title,
        severity=severity,
        state=state,
        subject=subject,
        network=network.name,
        drafted_at=at,
        summary=tuple(_summary(events, hit, done)),
        impact=hit,
        spans=spans(events),
        timeline=timeline(events),
        trigger=tuple(_trigger(events)),
        diagnosis=cause(events),
        runs=done,
        refusals=refusals(events),
        approvals=approvals(events),
        recovery=tuple(body.reason for _, body in of_kind(events, RecoveryVerified)),
        responders=tuple(dict.fromkeys(event.by for event in events if ":" in event.by)),
        went_well=tuple(went_well(events, done)),
        went_badly=tuple(went_badly(events, done)),
        lucky=tuple(lucky(hit)),
        actions=action_items(events, done),
        alerts=_alerts(events),
        events=len(events),
    )


def _summary(events: Events, hit: Impact, done: tuple[RunDone, ...]) -> Iterator[str]:
    first, body = opened(events)
    over = resolution(events)
    lasted = f"and was resolved after {format_duration(over.at - first.at)}" if over else "and is not resolved yet"
    yield f'The incident "{body.title}" was opened at {format_instant(first.at)} {lasted}.'
    diagnosis = cause(events)
    if diagnosis is not None and diagnosis.findings:
        yield f"Cause: {finding(diagnosis.findings[0])}."
    else:
        yield "No cause has been established."
    if why := intrusion(events):
        yield f"An intrusion was not excluded: {why.rstrip('.')}."
    helped = next((run for run in done if run.result == "succeeded"), None)
    if helped is not None:
        yield f"The runbook {helped.runbook} was run and succeeded."
    elif done:
        yield f"{plural(len(done), 'runbook run')} proposed, none succeeded."
    if hit.flows:
        ratio = f"; logical success was seen at {percent(hit.success_ratio)}" if hit.success_ratio is not None else ""
        were = "was" if len(hit.flows) == 1 else "were"
        yield f"{plural(len(hit.flows), 'flow')} over {', '.join(hit.links)} {were} affected{ratio}."


def _trigger(events: Events) -> Iterator[str]:
    for _, attached in of_kind(events, AlertAttached):
        alert = attached.alert
        yield f"The alert {alert.name} fired at {format_instant(alert.starts_at)}."
        break
    for _, change in of_kind(events, ChangeSeen):
        yield (
            f"A change on {change.subject} at {format_instant(change.changed_at)} came near it "
            f"({change.kind}): {change.description}"
        )


def _alerts(events: Events) -> tuple[AlertSeen, ...]:
    ended = {body.episode: body.ended_at for _, body in of_kind(events, AlertResolved)}
    latest = {body.alert.episode: body.alert for _, body in of_kind(events, AlertAttached)}
    return tuple(
        AlertSeen(
            name=alert.name,
            summary=alert.annotations.get("summary", ""),
            labels=dict(alert.labels),
            starts_at=alert.starts_at,
            ended_at=ended.get(episode),
            url=alert.generator_url,
        )
        for episode, alert in latest.items()
    )
