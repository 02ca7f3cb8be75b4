"""`bellhop evaluate`: how good the diagnosis is, on labelled incidents that are made for the purpose."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.laboratory.kinds import KINDS

if TYPE_CHECKING:
    from bot.laboratory.evaluation import Plan, Report

_FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
_EXAMPLE = """
\b
Examples:
  bellhop evaluate --seeds 40 --compare
  bellhop evaluate --kinds single,benign --first 5000 --output marks.json --plot marks.png
"""


def _kinds(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    del context, parameter
    named = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in named:
        if name not in KINDS:
            raise click.BadParameter(f"{name!r} is no kind; there are {', '.join(KINDS)}")
    return named


def _in_a_folder(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """Whether there is a folder for the file, asked before minutes go into what it will hold."""
    del context, parameter
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    return file


@click.command(epilog=_EXAMPLE)
@click.option("--seeds", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Incidents of each kind.")
@click.option("--first", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The first seed.")
@click.option("--links", type=click.IntRange(4, 200), default=None, help="Links of each network; else 4 to 12.")
@click.option("--kinds", default=",".join(KINDS), show_default=True, callback=_kinds, help="Kinds of incidents.")
@click.option("--compare", is_flag=True, help="Also ask the naive threshold table and BARO about the same incidents.")
@click.option("--processes", type=click.IntRange(1, 256), default=None, help="One for each core when left out.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", type=_FILE, callback=_in_a_folder, help="Also write everything as JSON, with wrong answers.")
@click.option("--plot", type=_FILE, callback=_in_a_folder, help="Also draw confusion and reliability (extra: plot).")
def evaluate(
    seeds: int,
    first: int,
    links: int | None,
    kinds: tuple[str, ...],
    compare: bool,
    processes: int | None,
    format_: str,
    output: Path | None,
    plot: Path | None,
) -> None:
    """How good the diagnosis is: labelled incidents, told as telemetry, diagnosed as in production, and counted."""
    import msgspec

    from bot.cli import evaluate_plot, evaluate_text
    from bot.laboratory.evaluation import Plan, as_json

    if plot is not None:
        evaluate_plot.check(plot)
    asked = {"seeds": seeds, "first": first, "links": links, "kinds": kinds, "compare": compare}
    report = _examined(msgspec.convert(asked, Plan), processes)
    if output is not None:
        _write(output, json.dumps(as_json(report), indent=1) + "\n")
    if plot is not None:
        evaluate_plot.draw(report, plot)
    if format_ == "json":
        click.echo(json.dumps(as_json(report)))
    else:
        evaluate_text.show(report)


def _examined(plan: "Plan", processes: int | None) -> "Report":
    """Examine all incidents; a terminal sees how far it is."""
    from rich.console import Console
    from rich.progress import track

    from bot.laboratory.evaluation import report_on, run

    shown = track(
        run(plan, processes=processes),
        "examining",
        total=len(plan.questions()),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    return report_on(plan, list(shown))


def _write(file: Path, text: str) -> None:
    from bot.errors import UsageError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output cannot write {file}: {error.strerror}") from None
