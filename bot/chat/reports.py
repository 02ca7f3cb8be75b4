"""Diagnoses, capacity, plans and overviews as Block Kit."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.capacity.shown import SHOWN, Shown, rests_on_promise
from bot.chat.text import Block, cut, escape, header, moment, number, plural, section, sections, who, within_limits
from bot.model.approval_wording import approvals_words
from bot.model.diagnosis import CapacityReport, Diagnosis, Evidence, Finding
from bot.model.guard import Pause
from bot.model.incident import Incident, PendingApproval, Review
from bot.model.plan_wording import act_words, predictions
from bot.model.runbook import PlaybookInfo, RunbookInfo
from bot.model.wording import verdict_words

DOTS: Mapping[str, str] = {"sev1": "🔴", "sev2": "🟠", "sev3": "🟡", "sev4": "🔵"}
_SHOWN_EVIDENCE = 3
_CAPACITY = "capacity_qubits_per_s"
_SAME = 0.05
"""Relative changes up to this are the usual scatter of a link: as usual, and no drop."""
_LEAST_SHARE = 0.05
_SHOWN_STEPS = 12
_PLAYBOOK_LINK = re.compile(r"(?<!\\)\[([^\]\[]+)\]\(([A-Za-z0-9][\w.-]*)\.md\)")
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
        lines.append(
            f"Keys of {escape(', '.join(gate.links))} made since {moment(gate.onset)} must not be used: quarantine them"
        )
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
    lines = [_quantity(each, report) for each in SHOWN if each.name in report.now]
    lines += _assumed(report) or _drop(report)
    return [header(f"Capacity of {diagnosis.link}"), *sections(lines)]


def _quantity(shown: Shown, report: CapacityReport) -> str:
    """One quantity, usual and now; what nobody has measured is said to be so."""
    if rests_on_promise(shown.name, report.assumed):
        return f"{shown.what}: not measured yet"
    before, now = report.baseline.get(shown.name), report.now[shown.name]
    if before is not None and abs(now - before) <= _SAME * abs(before):
        return f"{shown.what}: {number(now, shown.unit)}, as usual"
    usual = "" if before is None else f" (usually {number(before, shown.unit)})"
    return f"{shown.what}: {number(now, shown.unit)}{usual}"


def _assumed(report: CapacityReport) -> list[str]:
    if not report.assumed:
        return []
    names = ", ".join(map(escape, report.assumed))
    return [f":warning: Not measured yet, the network file's promise stands in: {names}. Ask again in a few minutes."]


def _drop(report: CapacityReport) -> list[str]:
    """What explains the drop, where there is one to explain."""
    before, now = report.baseline.get(_CAPACITY), report.now.get(_CAPACITY)
    known = before is not None and now is not None and before > 0
    change = now / before - 1 if before and now is not None else 0.0
    if known and change >= -_SAME:
        return ["No drop to explain: within the usual scatter."]
    shares = sorted(report.attribution.items(), key=lambda item: -item[1])
    parts = [f"Drop explained by {escape(name)}: {share:.0%}" for name, share in shares if share >= _LEAST_SHARE]
    return [f"*Capacity {change:+.0%}*", *parts] if known else parts


def plan_text(plan: Mapping[str, Any]) -> str:
    """The steps of a plan, each with its predicted effect in numbers."""
    steps = plan.get("steps") or []
    lines = [line for place, step in enumerate(steps[:_SHOWN_STEPS], start=1) for line in _plan_lines(place, step)]
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
        f"{escape(verdict_words(view.diagnosis))} · {escape(view.title, 120)} · since {moment(view.opened_at)}{waits}"
    )


def status_blocks(views: Sequence[Incident], owed: Sequence[Review] = (), pause: Pause | None = None) -> list[Block]:
    """A pause; all open incidents, worst first; the reviews that are owed, those of incidents that are over too."""
    ordered = sorted(views, key=lambda view: (view.severity, view.opened_at))
    blocks = [] if pause is None else [pause_block(pause)]
    blocks += [header(plural(len(views), "open incident"))] if views else [section("No open incidents.")]
    blocks += sections(map(incident_line, ordered))
    if owed:
        blocks += [header(f"{plural(len(owed), 'review')} owed"), *sections(map(review_line, owed))]
    return within_limits(blocks)


def pause_block(pause: Pause) -> Block:
    """That no run acts, since when, by whom and why."""
    since = f" since {moment(pause.since)}" if pause.since is not None else ""
    why = f": {escape(pause.reason)}" if pause.reason else ""
    return section(
        f":double_vertical_bar: *PAUSED*{since} by {who(pause.by)}{why}. No run acts until `/bellhop resume`"
    )


def approvals_text(ask: PendingApproval) -> str:
    """How many approvals there are, from whom, and who is still needed."""
    return approvals_words(ask, person=who, text=escape)


def approval_line(ask: PendingApproval) -> str:
    """One open question in one line, with the command that answers it."""
    return (
        f"• {escape(ask.title)}: `/bellhop approve {escape(ask.run)} {escape(ask.step)}` "
        f"({approvals_text(ask)}, until {moment(ask.expires_at)})"
    )


def review_line(owed: Review) -> str:
    """One open review in one line, with the command that closes it."""
    return (
        f"• {escape(owed.title, 120)} went ahead on the word of {who(owed.by)}, {moment(owed.opened_at)}: "
        f"{escape(owed.reason)} · `/bellhop review {escape(owed.run)} {escape(owed.step)} justified|not-justified why`"
    )


def shelf_blocks(runbooks: Sequence[RunbookInfo], playbooks: Sequence[PlaybookInfo]) -> list[Block]:
    """What Bellhop can run, and what people can read."""
    lines = [f"• *{escape(each.name)}*: {escape(each.title)}{_handled(each)}" for each in runbooks]
    guides = [f"• *{escape(each.name)}*: {escape(each.title)}" for each in playbooks]
    blocks = [header(plural(len(runbooks), "runbook")), *sections(lines)]
    if guides:
        blocks += [header(f"{plural(len(guides), 'playbook')} for people"), *sections(guides)]
    return within_limits(blocks)


def _handled(runbook: RunbookInfo) -> str:
    return f" ({escape(', '.join(runbook.handles))})" if runbook.handles else ""


def runbook_blocks(runbook: RunbookInfo) -> list[Block]:
    """One runbook: what it is for, and each step with its action, its risk and whom it asks."""
    lines = [escape(runbook.description, 1000)] if runbook.description else []
    if runbook.handles:
        lines.append(f"Handles {escape(', '.join(runbook.handles))}")
    for place, step in enumerate(runbook.steps, start=1):
        asks = f", asks {escape(step.asks)}" if step.asks else ""
        title = escape(step.title or step.id)
        lines.append(f"{place}. {title} (`{escape(step.id)}`, {escape(step.action)}, {escape(step.risk)}{asks})")
    lines.append(f"Run it: `/bellhop runbook run INCIDENT {escape(runbook.name)}`")
    return [header(f"{runbook.name}: {runbook.title}"), *sections(lines)]


def postmortem_blocks(report: str) -> list[Block]:
    """A Markdown report as far as Slack can show it: headings bold, everything else as text."""
    return sections(cut(line, 2900) for line in _slack_lines(report.splitlines()))


def _slack_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip("|- "):
            continue
        text = escape(_unescaped(_PLAYBOOK_LINK.sub(r"\1 (/bellhop runbook \2)", line.strip("| "))), 2000)
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


def step_lines(step: Mapping[str, Any]) -> list[str]:
    """What a step does to what, with its parameters, and what is predicted to change."""
    shown = predictions(step)
    lines = [f"      `{_code(act_words(step))}`"]
    lines += [f"      predicted {escape(line)}" if step.get("predicted") else f"      {line}" for line in shown[:4]]
    return lines + ([f"      … and {len(shown) - 4} more predictions"] if len(shown) > 4 else [])


def _plan_lines(place: int, step: Mapping[str, Any]) -> list[str]:
    risk = f" ({escape(step['risk'])})" if step.get("risk") else ""
    return [f"{place}. {escape(step.get('title') or step.get('id', ''))}{risk}", *step_lines(step)]


def _code(text: str) -> str:
    """Foreign text between backticks, which it must not close."""
    return escape(text.replace("`", "\u02cb"), 400)
