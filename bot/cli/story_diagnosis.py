"""A diagnosis for a terminal: the verdict, the evidence as a table, and what people must decide."""

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.model.diagnosis import Diagnosis, Finding
from remediation.duration import format_duration


def diagnosis_told(diagnosis: Diagnosis) -> list[str | RenderableType]:
    """A headline in Rich markup and what belongs below it; foreign words are escaped."""
    head = f"[bold cyan]diagnosis[/bold cyan] {_verdict(diagnosis)}"
    return [head, *_evidence(diagnosis), *_for_people(diagnosis)]


def short_number(value: object) -> str:
    """Four significant digits; a question mark where nothing is known, words for what is practically for ever."""
    if not isinstance(value, int | float):
        return "?"
    return format_duration(value) if value >= 1e6 else f"{value:.4g}"


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.findings:
        return f"[bold]{diagnosis.verdict}[/bold]  {escape(diagnosis.summary)}"
    first = diagnosis.findings[0]
    head = f"[bold]{first.mode} {first.name}[/bold] on {first.subject}, confidence [bold]{first.sureness}[/bold]"
    return f"{head}\n          {escape(diagnosis.summary)}"


def _evidence(diagnosis: Diagnosis) -> list[RenderableType]:
    return [_finding_table(diagnosis.findings[0])] if diagnosis.findings else []


def _for_people(diagnosis: Diagnosis) -> list[RenderableType]:
    """What security must decide, and the guide where no runbook can decide."""
    told: list[RenderableType] = []
    if (gate := diagnosis.security) is not None:
        told.append(Text(f"          intrusion not excluded, {gate.role} decides: {gate.reason}", style="bold red"))
    if diagnosis.playbook:
        told.append(Text(f"          guide: bellhop runbook show {diagnosis.playbook}"))
    return told


def _finding_table(finding: Finding) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    for column in ("", "          signal", "baseline", "now", "why"):
        table.add_column(column, overflow="fold")
    for sign, items in (("+", finding.evidence), ("-", finding.against)):
        for item in items:
            now, before = short_number(item.observed), short_number(item.baseline)
            table.add_row(sign, f"          {item.signal}", before, now, escape(item.why))
    return table
