"""An incident's events as lines for a terminal: what a person reads while it happens."""

from functools import singledispatch

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from bot.cli.runbook_text import plan_lines
from bot.cli.story_diagnosis import diagnosis_told, short_number
from bot.model import event as events
from bot.model import guard_event as guards
from bot.model import step_event as steps
from bot.model import store_event as stores
from bot.model.approval_wording import agreed_words, tally_words
from bot.model.event import Event
from bot.model.plan_wording import act_words, roles_words
from bot.model.time import format_clock, format_instant
from bot.model.visible import clean_line, clean_text
from bot.model.wording import MARKS, confirmed_words, doubt_words, quarantine_words, settled_words

_OUTCOME_STYLE = {
    "succeeded": "green",
    "failed": "red",
    "skipped": "dim",
    "refused": "yellow",
    "unknown": "yellow",
    "stopped": "yellow",
}


def line(event: Event) -> RenderableType | None:
    """One event for the terminal; None when it says nothing that was not said before."""
    told = tell(event.body)
    if told is None:
        return None
    stamp = format_clock(event.at)
    if isinstance(told, str):
        return _shown(stamp, f"{told}{_person(event)}")
    return Group(*(_shown(stamp, part) if isinstance(part, str) else part for part in told))


def _shown(stamp: str, told: str) -> Text:
    """A line on the screen, in which foreign text obeys neither the terminal nor Rich."""
    return Text.from_markup(f"[dim]{stamp}[/dim]  {clean_text(told)}")


def _person(event: Event) -> str:
    """The person who did it and why; nothing for what Bellhop and other programs did."""
    if ":" not in event.by:
        return ""
    return f"  [dim]· {escape(event.by)}{': ' + escape(event.why) if event.why else ''}[/dim]"


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
def _(body: events.SeverityChanged) -> Told:
    return f"severity [bold]{body.after}[/bold]  [dim](was {body.before})[/dim]"


@tell.register
def _(body: events.ChangeSeen) -> Told:
    at = format_instant(body.changed_at)
    return f"[cyan]change nearby[/cyan] on {body.subject} at {at}: {escape(body.kind)}: {escape(body.description)}"


@tell.register
def _(body: events.SubjectChanged) -> Told:
    return f"the fault sits at [bold]{body.after}[/bold], not {body.before}"


@tell.register
def _(body: events.DiagnosisMade) -> Told:
    return diagnosis_told(body.diagnosis)


@tell.register
def _(body: events.PlanProposed) -> Told:
    return [
        f"[bold cyan]plan[/bold cyan] {escape(body.title)}  [dim]{body.run} · {body.plan_hash[:10]}[/dim]",
        *(Text(told, style="default") for told in plan_lines(body.plan, " " * 10)),
    ]


@tell.register
def _(body: events.RunStarted) -> Told:
    return f"run [bold]{body.run}[/bold] started  [dim]{escape(body.runbook)}[/dim]"


@tell.register
def _(body: events.ActRefused) -> Told:
    return f"[yellow]refused[/yellow] {body.step or body.runbook} by {body.guard}: {escape(body.reason)}"


@tell.register
def _(body: events.ApprovalAsked) -> Told:
    role = escape(roles_words(body.role))
    who = f"{body.count} × {role}" if body.count > 1 else role
    told = f"[bold yellow]approval needed[/bold yellow] {escape(body.title)}  [dim]({body.step}, by {who})[/dim]"
    acts = (Text(f"{' ' * 10}{clean_line(act.get('id', ''))}  {act_words(act)}") for act in body.acts)
    return [f"{told}  [dim]{body.plan_hash[:10]}[/dim]", *acts] if body.acts else told


@tell.register
def _(body: events.ApprovalAnswered) -> Told:
    style = "green" if body.decision == "approved" else "red"
    missing = tally_words(body.given, body.wanted) if body.decision == "approved" else ""
    return f"[{style}]{body.decision}[/{style}] {body.step}{f' ({missing})' if missing else ''}"


@tell.register
def _(body: events.ApprovalExpired) -> Told:
    agreed = agreed_words(body.approved_by, body.wanted, person=escape)
    if not agreed:
        return f"[yellow]nobody decided in time[/yellow] about {body.step}"
    return f"[yellow]too few decided in time[/yellow] about {body.step} ({agreed})"


@tell.register
def _(body: steps.StepStarted) -> Told:
    verb = "undo" if body.phase == "undo" else "step"
    return f"{verb} [bold]{body.step}[/bold]  {escape(body.title)}  [dim]{body.action}[/dim]"


@tell.register
def _(body: steps.StepEnded) -> Told:
    style = _OUTCOME_STYLE[body.outcome]
    why = f"  {escape(body.error)}" if body.error else ""
    seen = f"[dim]{escape(told)}[/dim]" if (told := confirmed_words(body.envelope)) else ""
    return f"  [{style}]{MARKS[body.outcome]} {body.step} {_outcome(body)}[/{style}]{seen}{why}"


@tell.register
def _(body: steps.AbortAsked) -> Told:
    return f"[bold yellow]abort[/bold yellow] of {body.run}: {escape(body.reason)}"


@tell.register
def _(body: steps.OutcomeAsked) -> Told:
    return f"[bold yellow]{escape(doubt_words(body.step, looks=body.looks))}[/bold yellow] {escape(body.reason)}"


@tell.register
def _(body: steps.OutcomeTold) -> Told:
    return escape(settled_words(f"{body.step} of {body.run}", happened=body.happened, looks=body.looks))


@tell.register
def _(body: steps.RunEnded) -> Told:
    style = "green" if body.result == "succeeded" else "yellow"
    return f"[{style}]run {body.result}[/{style}] {body.runbook}: {escape(body.reason)}"


@tell.register
def _(body: events.EffectMeasured) -> Told:
    unit = f" {body.unit}" if body.unit not in ("", "1") else ""
    before, predicted, measured = map(short_number, (body.before, body.predicted, body.measured))
    return f"  {body.quantity}: {before} → predicted {predicted}, measured {measured}{unit}"


@tell.register
def _(body: events.RecoveryVerified) -> Told:
    style, word = ("green", "recovered") if body.recovered else ("red", "not recovered")
    return f"[bold {style}]{word}[/bold {style}] {escape(body.reason)}"


@tell.register
def _(body: events.KeysQuarantined) -> Told:
    return f"[bold red]{escape(quarantine_words(body.links, body.since))}[/bold red]: {escape(body.reason)}"


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


def _outcome(body: steps.StepEnded) -> str:
    if body.phase == "undo":
        return "taken back" if body.outcome == "succeeded" else f"taking back: {body.outcome}"
    return body.outcome
