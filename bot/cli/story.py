"""An incident's events as lines for a terminal: what a person reads while it happens."""

from datetime import UTC, datetime
from functools import singledispatch

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.model import event as events
from bot.model import guard_event as guards
from bot.model import step_event as steps
from bot.model import store_event as stores
from bot.model.diagnosis import Diagnosis, Finding
from bot.model.event import Event
from bot.model.time import format_instant
from remediation.duration import format_duration

_OUTCOME_STYLE = {"succeeded": "green", "failed": "red", "skipped": "dim", "refused": "yellow", "unknown": "yellow"}
_MARK = {"succeeded": "✓", "failed": "✗", "skipped": "–", "refused": "⊘", "unknown": "?"}


def line(event: Event) -> RenderableType | None:
    """One event for the terminal; None when it says nothing that was not said before."""
    told = tell(event.body)
    if told is None:
        return None
    stamp = datetime.fromtimestamp(event.at, UTC).strftime("%H:%M:%S")
    if isinstance(told, str):
        return Text.from_markup(f"[dim]{stamp}[/dim]  {told}")
    return Group(*(Text.from_markup(f"[dim]{stamp}[/dim]  {part}") if isinstance(part, str) else part for part in told))


Told = str | list[str | RenderableType] | None


@singledispatch
def tell(body: object) -> Told:
    """What an event says, as Rich markup; alert text is escaped."""
    del body
    return None


@tell.register
def _(body: events.IncidentOpened) -> Told:
    return f"[bold red]incident[/bold red] {escape(body.title)}  [bold]{body.severity}[/bold]  {body.subject}"


@tell.register
def _(body: events.AlertAttached) -> Told:
    return f"[red]alert[/red] {escape(body.alert.name)}: {escape(body.alert.annotations.get('summary', ''))}"


@tell.register
def _(body: events.AlertResolved) -> Told:
    return f"[green]alert over[/green] {escape(body.name)}"


@tell.register
def _(body: events.StateChanged) -> Told:
    style = "bold green" if body.after in ("resolved", "postmortem published") else "bold"
    return f"[{style}]{body.after}[/{style}]  [dim](was {body.before})[/dim]"


@tell.register
def _(body: events.SubjectChanged) -> Told:
    return f"the fault sits at [bold]{body.after}[/bold], not {body.before}"


@tell.register
def _(body: events.DiagnosisMade) -> Told:
    return [f"[bold cyan]diagnosis[/bold cyan] {_verdict(body.diagnosis)}", *_evidence(body.diagnosis)]


@tell.register
def _(body: events.PlanProposed) -> Told:
    return [
        f"[bold cyan]plan[/bold cyan] {escape(body.title)}  [dim]{body.run} · {body.plan_hash[:10]}[/dim]",
        _plan(body),
    ]


@tell.register
def _(body: events.ActRefused) -> Told:
    return f"[yellow]refused[/yellow] {body.step or body.runbook} by {body.guard}: {escape(body.reason)}"


@tell.register
def _(body: events.ApprovalAsked) -> Told:
    who = f"{body.count} × {body.role}" if body.count > 1 else body.role
    return f"[bold yellow]approval needed[/bold yellow] {escape(body.title)}  [dim]({body.step}, by {who})[/dim]"


@tell.register
def _(body: events.ApprovalAnswered) -> Told:
    style = "green" if body.decision == "approved" else "red"
    return f"[{style}]{body.decision}[/{style}] {body.step}"


@tell.register
def _(body: events.ApprovalExpired) -> Told:
    return f"[yellow]nobody decided in time[/yellow] about {body.step}"


@tell.register
def _(body: steps.StepStarted) -> Told:
    verb = "undo" if body.phase == "undo" else "step"
    return f"{verb} [bold]{body.step}[/bold]  {escape(body.title)}  [dim]{body.action}[/dim]"


@tell.register
def _(body: steps.StepEnded) -> Told:
    style = _OUTCOME_STYLE[body.outcome]
    why = f"  {escape(body.error)}" if body.error else ""
    return f"  [{style}]{_MARK[body.outcome]} {body.step} {body.outcome}[/{style}]{why}"


@tell.register
def _(body: steps.OutcomeAsked) -> Told:
    return f"[bold yellow]did {body.step} happen?[/bold yellow] {escape(body.reason)}"


@tell.register
def _(body: steps.RunEnded) -> Told:
    style = "green" if body.result == "succeeded" else "yellow"
    return f"[{style}]run {body.result}[/{style}] {body.runbook}: {escape(body.reason)}"


@tell.register
def _(body: events.EffectMeasured) -> Told:
    unit = f" {body.unit}" if body.unit not in ("", "1") else ""
    said = f"{_number(body.before)} → predicted {_number(body.predicted)}, measured {_number(body.measured)}"
    return f"  {body.quantity}: {said}{unit}"


@tell.register
def _(body: events.RecoveryVerified) -> Told:
    style, word = ("green", "recovered") if body.recovered else ("red", "not recovered")
    return f"[bold {style}]{word}[/bold {style}] {escape(body.reason)}"


@tell.register
def _(body: events.KeysQuarantined) -> Told:
    since = format_instant(body.since)
    links = escape(", ".join(body.links))
    return f"[bold red]quarantine[/bold red] the keys of {links} since {since}: {escape(body.reason)}"


@tell.register
def _(body: events.Escalated) -> Told:
    return f"[bold magenta]escalated[/bold magenta] to {escape(body.to)}: {escape(body.reason)}"


@tell.register
def _(body: events.NoteAdded) -> Told:
    return f"[dim]note[/dim] {escape(body.text)}"


@tell.register
def _(body: guards.RunPaused) -> Told:
    return f"[bold yellow]waits[/bold yellow] before {body.step}: {escape(body.reason)}"


@tell.register
def _(body: guards.RunResumed) -> Told:
    return f"[green]goes on[/green] with {body.step}"


@tell.register
def _(body: guards.BreakerOpened) -> Told:
    return f"[bold red]switched off[/bold red] {escape(body.runbook)}: {', '.join(body.runs)} failed in a row"


@tell.register
def _(body: guards.ShadowRecorded) -> Told:
    return f"[dim]would[/dim] {body.step}: {escape(body.would)}"


@tell.register
def _(body: guards.ModeChanged) -> Told:
    return f"[bold]mode[/bold] of {escape(body.runbook)} on {escape(body.target)}: {body.before} → {body.after}"


@tell.register
def _(body: guards.PromotionProposed) -> Told:
    told = f"{escape(body.runbook)} on {escape(body.target)} met its predictions {body.matches} times in a row"
    return f"[bold cyan]proposed[/bold cyan] mode {body.after} instead of {body.before}: {told}"


@tell.register
def _(body: guards.GlassBroken) -> Told:
    return f"[bold magenta]break-glass[/bold magenta] {body.step}: {escape(body.reason)} (its review is mandatory)"


@tell.register
def _(body: guards.ReviewClosed) -> Told:
    style = "green" if body.verdict == "justified" else "yellow"
    return f"[{style}]review closed[/{style}] {escape(body.step)} of {body.run} was {body.verdict}: {escape(body.note)}"


@tell.register
def _(body: guards.WishRefused) -> Told:
    return f"[yellow]refused[/yellow] to {body.wish} ({escape(body.step)} of {body.run}): {escape(body.reason)}"


@tell.register
def _(body: guards.SkipAsked) -> Told:
    what = "verification " if body.verifies else ""
    return f"[bold yellow]skip[/bold yellow] {what}{body.step} of {body.run}: {escape(body.reason)}"


@tell.register
def _(body: stores.StoreWasUnavailable) -> Told:
    since, until = format_instant(body.since), format_instant(body.until)
    return f"[bold yellow]store down[/bold yellow] from {since} to {until}: {escape(body.reason)}"


@tell.register
def _(body: events.PostmortemPublished) -> Told:
    return f"[bold green]postmortem[/bold green] {escape(body.place)}"


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.findings:
        return f"[bold]{diagnosis.verdict}[/bold]  {escape(diagnosis.summary)}"
    first = diagnosis.findings[0]
    head = f"[bold]{first.mode} {first.name}[/bold] on {first.subject}, confidence [bold]{first.sureness}[/bold]"
    return f"{head}\n          {escape(diagnosis.summary)}"


def _evidence(diagnosis: Diagnosis) -> list[RenderableType]:
    return [_finding_table(diagnosis.findings[0])] if diagnosis.findings else []


def _finding_table(finding: Finding) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    for column in ("", "          signal", "baseline", "now", "why"):
        table.add_column(column, overflow="fold")
    for sign, items in (("+", finding.evidence), ("-", finding.against)):
        for item in items:
            now, before = _number(item.observed), _number(item.baseline)
            table.add_row(sign, f"          {item.signal}", before, now, escape(item.why))
    return table


def _plan(body: events.PlanProposed) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("          step", "action", "risk", "approval", "predicted effect"):
        table.add_column(column, overflow="fold")
    for step in body.plan["steps"]:
        approval = step.get("approval") or {}
        asked = f"{approval.get('count', 1)} × {approval['role']}" if approval.get("required") else ""
        predicted = "; ".join(_prediction(item) for item in step.get("predicted", []))
        table.add_row(f"          {step['id']}", step["action"], step["risk"], asked, predicted)
    return table


def _prediction(item: dict[str, object]) -> str:
    before, after = _number(item["before"]), _number(item["after"])
    band = f" ({_number(item['low'])} to {_number(item['high'])})" if item.get("low") is not None else ""
    unit = f" {item['unit']}" if item["unit"] not in ("", "1", "ratio") else ""
    return f"{item['quantity']} {before} → {after}{band}{unit}"


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        return "?"
    return format_duration(value) if value >= 1e6 else f"{value:.4g}"
