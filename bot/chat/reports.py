"""Diagnoses, capacity, plans and overviews as Block Kit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.chat.text import Block, cut, escape, header, moment, number, plural, section, sections, who, within_limits
from bot.model.diagnosis import Diagnosis, Evidence, Finding
from bot.model.incident import Incident, Review

DOTS: Mapping[str, str] = {"sev1": "🔴", "sev2": "🟠", "sev3": "🟡", "sev4": "🔵"}
_SHOWN_EVIDENCE = 3
_SHOWN_STEPS = 12
_VERDICTS = {"fault": "Fault", "healthy": "Healthy", "unknown": "Unknown"}


def diagnosis_text(diagnosis: Diagnosis, *, shown: int = _SHOWN_EVIDENCE) -> str:
    """The verdict, the leading finding with its strongest evidence in numbers, and what was missing."""
    lines = [f"*Diagnosis* of {escape(diagnosis.link)}: {escape(diagnosis.summary)}"]
    for rank, finding in enumerate(diagnosis.findings[:2]):
        lines += _finding_lines(finding, shown if rank == 0 else 0)
    lines += _ends(diagnosis)
    return "\n".join(lines)


def _ends(diagnosis: Diagnosis) -> list[str]:
    """What was missing, what security must decide, and the guide for people."""
    lines = []
    if diagnosis.missing:
        lines.append(f"Missing or stale: {escape(', '.join(diagnosis.missing))}")
    if (gate := diagnosis.security) is not None:
        lines.append(f":lock: *Intrusion not excluded*, the role {gate.role} decides: {escape(gate.reason)}")
    if diagnosis.playbook:
        lines.append(f"Guide: `/bellhop runbook {diagnosis.playbook}`")
    return lines


def diagnosis_blocks(diagnosis: Diagnosis) -> list[Block]:
    """A diagnosis asked for by hand: all findings, evidence for and against, what was turned down."""
    lines = [f"at {moment(diagnosis.at)}: {escape(diagnosis.summary)}"]
    for finding in diagnosis.findings:
        lines += _finding_lines(finding, 8)
        lines += [f"    against: {_evidence(item)}" for item in finding.against[:4]]
    lines += [f"Turned down: {escape(reason)}" for reason in diagnosis.rejected[:8]]
    lines += _ends(diagnosis)
    return [header(f"{_VERDICTS[diagnosis.verdict]}: {diagnosis.link}"), *sections(lines)]


def capacity_blocks(diagnosis: Diagnosis) -> list[Block]:
    """What the link model expects at baseline and now, and what explains the drop."""
    report = diagnosis.capacity
    if report is None:
        return [section(f"No capacity estimate for {escape(diagnosis.link)}: telemetry is missing or stale")]
    lines = [
        f"{escape(name)}: {number(report.baseline.get(name))} → {number(value)}" for name, value in report.now.items()
    ]
    shares = sorted(report.attribution.items(), key=lambda item: -item[1])
    lines += [f"Drop explained by {escape(name)}: {share:.0%}" for name, share in shares if share >= 0.005]
    return [header(f"Capacity of {diagnosis.link}"), *sections(lines)]


def plan_text(plan: Mapping[str, Any]) -> str:
    """The steps of a plan, each with its predicted effect in numbers."""
    steps = plan.get("steps") or []
    lines = [line for place, step in enumerate(steps[:_SHOWN_STEPS], start=1) for line in _step_lines(place, step)]
    if len(steps) > _SHOWN_STEPS:
        lines.append(f"… and {len(steps) - _SHOWN_STEPS} more steps")
    return "\n".join(lines)


def incident_line(view: Incident) -> str:
    """One incident in one line."""
    waits = f" · {len(view.approvals)} waiting for approval" if view.approvals else ""
    waits += f" · {len(view.outcomes)} with unknown outcome" if view.outcomes else ""
    waits += f" · *{plural(len(view.reviews), 'review')} owed*" if view.reviews else ""
    return (
        f"{DOTS[view.severity]} *{escape(view.id)}* {view.severity} · {view.state} · {escape(view.subject)} · "
        f"{escape(view.title, 120)} · since {moment(view.opened_at)}{waits}"
    )


def status_blocks(views: Sequence[Incident], owed: Sequence[Review] = ()) -> list[Block]:
    """All open incidents, worst first; then the reviews that are owed, those of incidents that are over too."""
    ordered = sorted(views, key=lambda view: (view.severity, view.opened_at))
    blocks = [header(plural(len(views), "open incident"))] if views else [section("No open incidents.")]
    blocks += sections(map(incident_line, ordered))
    if owed:
        blocks += [header(f"{plural(len(owed), 'review')} owed"), *sections(map(review_line, owed))]
    return within_limits(blocks)


def review_line(owed: Review) -> str:
    """One open review in one line, with the command that closes it."""
    return (
        f"• {escape(owed.title, 120)} went ahead on the word of {who(owed.by)}, {moment(owed.opened_at)}: "
        f"{escape(owed.reason)} · `/bellhop review {escape(owed.run)} {escape(owed.step)} justified|not-justified why`"
    )


def postmortem_blocks(report: str) -> list[Block]:
    """A Markdown report as far as Slack can show it: headings bold, everything else as text."""
    return sections(cut(line, 2900) for line in _slack_lines(report.splitlines()))


def _slack_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip("|- "):
            continue
        text = escape(_unescaped(line.strip("| ")), 2000)
        yield f"\n*{text.lstrip('# ')}*" if line.startswith("#") else text.replace("**", "*")


def _unescaped(line: str) -> str:
    return line.replace("\\|", "|").replace("\\", "")


def _finding_lines(finding: Finding, shown: int) -> list[str]:
    what = f"*{escape(finding.mode)} {escape(finding.name)}* on {escape(finding.subject)}"
    strongest = sorted(finding.evidence, key=lambda item: -abs(item.weight))[:shown]
    return [f"• {what}, confidence {finding.sureness}", *(f"    {_evidence(item)}" for item in strongest)]


def _evidence(item: Evidence) -> str:
    place = f" ({escape(item.subject)})" if item.subject else ""
    if item.observed is None:
        return f"{escape(item.signal)}{place}: {escape(item.why)}"
    before = f"{number(item.baseline)} → " if item.baseline is not None else ""
    since = f" since {moment(item.onset)}" if item.onset is not None else ""
    return f"{escape(item.signal)}{place} {before}{number(item.observed)}{since}: {escape(item.why)}"


def _step_lines(place: int, step: Mapping[str, Any]) -> list[str]:
    target = f" on {escape(step['target'])}" if step.get("target") else ""
    risk = f", {escape(step['risk'])}" if step.get("risk") else ""
    title = escape(step.get("title") or step.get("id", ""))
    lines = [f"{place}. {title} ({escape(step.get('action', ''))}{target}{risk})"]
    return lines + [f"      predicted {_prediction(item)}" for item in (step.get("predicted") or [])[:4]]


def _prediction(item: Mapping[str, Any]) -> str:
    unit = str(item.get("unit", ""))
    low, high = item.get("low"), item.get("high")
    interval = f" ({number(low)} to {number(high)})" if low is not None and high is not None else ""
    return (
        f"{escape(item.get('quantity', ''))}: {number(item.get('before'))} → "
        f"{number(item.get('after'), unit)}{interval}"
    )
