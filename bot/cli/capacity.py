"""`bellhop capacity`: what a channel can deliver, which code fits, and any published quantity by name."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bot.errors import UsageError

_EXAMPLE = """
\b
Examples:
  bellhop capacity --channel depolarizing --p 0.05
  bellhop capacity --channel depolarizing --p 0.01 --compare-codes --slo 0.001
  bellhop capacity evaluate published.jsonl
"""
_CHANNELS = (
    "depolarizing",
    "dephasing",
    "pauli",
    "erasure",
    "amplitude-damping",
    "generalized-amplitude-damping",
    "t1t2",
    "pure-loss",
    "thermal-loss",
)
_PARAMETERS = {
    "p": "Total error (depolarizing, dephasing) or erasure probability.",
    "px": "X error probability (pauli).",
    "py": "Y error probability (pauli).",
    "pz": "Z error probability (pauli).",
    "gamma": "Decay probability (amplitude-damping).",
    "population": "Thermal population of |1> (generalized-amplitude-damping).",
    "eta": "Transmissivity (pure-loss, thermal-loss).",
    "nbar": "Photons of the environment (thermal-loss).",
    "t": "Storage time in s (t1t2).",
    "t1": "Relaxation time in s (t1t2).",
    "t2": "Coherence time in s (t1t2).",
}


class LinkGroup(click.Group):
    """A group whose first word may be a link's id: any other name goes to its command `link`, where it has one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Known subcommands as usual, else `link` with all the words."""
        if args[0] not in self.commands and "link" in self.commands:
            return "link", self.commands["link"], args
        return super().resolve_command(ctx, args)


def _parameters(command: Any) -> Any:  # noqa: ANN401 - a decorator takes and gives what click makes of a function
    for name, help_ in reversed(_PARAMETERS.items()):
        command = click.option(f"--{name}", f"parameter_{name}", type=float, help=help_)(command)
    return command


@click.group(cls=LinkGroup, invoke_without_command=True, epilog=_EXAMPLE)
@click.option("--channel", type=click.Choice(_CHANNELS), help="A bare channel instead of a link.")
@_parameters
@click.option("--uses", default=1000, show_default=True, type=click.IntRange(1, 200_000), help="Block length n.")
@click.option("--eps", default=1e-3, show_default=True, type=float, help="Error allowed per block.")
@click.option("--compare-codes", is_flag=True, help="Rank codes by cost per delivered logical qubit.")
@click.option("--slo", default=1e-3, show_default=True, type=float, help="Logical error allowed, for --compare-codes.")
@click.option("--cost-per-pair", default=1.0, show_default=True, type=float, help="Cost of one physical pair.")
@click.option("--fixed-cost", default=0.0, show_default=True, type=float, help="Cost of one block beside its pairs.")
@click.option("--allow-discard", is_flag=True, help="The payload can be sent again, so error detection is allowed.")
@click.option("--pairs-per-s", default=0.0, type=float, help="Physical pairs per second, for delivered rates.")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]))
@click.pass_context
def capacity(context: click.Context, /, *, channel: str | None, form: str, **options: Any) -> int:  # noqa: ANN401 - click's
    """Capacity estimates and what limits them: bounds, finite-block and asymptotic, each labelled."""
    if context.invoked_subcommand is not None:
        return 0
    if channel is None:
        raise UsageError("nothing was asked", hint="name a link, or a channel with --channel")
    values = {name: options[f"parameter_{name}"] for name in _PARAMETERS}
    known = {name: value for name, value in values.items() if value is not None}
    if options["compare_codes"]:
        _compare(channel, known, options, form)
    else:
        _bare(channel, known, options, form)
    return 0


@capacity.command(epilog="\b\nExample:\n  bellhop capacity evaluate published.jsonl > answers.jsonl")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def evaluate(file: Path) -> int:
    """Answer each line {"quantity", "parameters"} of FILE with its "value", or its "error"; exit 1 if any has one."""
    failed = False
    for answer in _answers(file):
        failed = failed or "error" in answer
        click.echo(json.dumps(answer, allow_nan=False))
    return 1 if failed else 0


def _answers(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield _answer(line)


def _answer(line: str) -> dict[str, Any]:
    from bot.capacity.quantities import evaluate as ask
    from bot.capacity.ranges import CapacityRangeError

    try:
        question = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as wrong:
        return {"error": f"not JSON: {wrong}"}
    if not isinstance(question, dict):
        return {"error": 'not an object with "quantity" and "parameters"'}
    quantity, parameters = question.get("quantity"), question.get("parameters", {})
    if not isinstance(quantity, str) or not isinstance(parameters, dict):
        return _echo(question) | {"error": '"quantity" must be text and "parameters" an object'}
    try:
        value = ask(quantity, parameters)
    except CapacityRangeError as wrong:
        return _echo(question) | {"error": wrong.message}
    if isinstance(value, float) and not math.isfinite(value):
        return _echo(question) | {"error": f"the value is {value}, which JSON cannot say"}
    return _echo(question) | {"value": value}


def _echo(question: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: question[name] for name in ("id", "quantity", "parameters") if name in question}
    try:
        json.dumps(kept, allow_nan=False)
    except ValueError:
        return {name: value for name, value in kept.items() if name == "quantity"}
    return kept


def _bare(channel: str, values: dict[str, float], options: dict[str, Any], form: str) -> None:
    from dataclasses import asdict

    from bot.capacity.report import bare

    rows = bare(channel, values, uses=options["uses"], eps=options["eps"])
    if form == "json":
        plain = [{k: _json_number(v) for k, v in asdict(row).items()} for row in rows]
        click.echo(json.dumps({"channel": channel, "parameters": values, "capacities": plain}, allow_nan=False))
        return
    _table(
        f"{channel} {', '.join(f'{name}={value:g}' for name, value in values.items())}",
        ("regime", "capacity", "help", "at least", "at most", "unit per use", "note"),
        [(r.regime, r.what, r.help, _number(r.lower), _number(r.upper), r.unit, r.note) for r in rows],
    )


def _compare(channel: str, values: dict[str, float], options: dict[str, Any], form: str) -> None:
    from dataclasses import asdict

    from bot.capacity import code_choice
    from bot.capacity.report import total_error

    scenario = {"slo": options["slo"], "c_pair": options["cost_per_pair"], "c_fixed": options["fixed_cost"]}
    p, discard, rate = total_error(channel, values), options["allow_discard"], options["pairs_per_s"]
    offers = code_choice.compare(p=p, allow_discard=discard, pairs_per_s=rate, **scenario)
    flips = code_choice.flips(allow_discard=discard, **scenario)
    best = offers[0].code if offers[0].complies else "none"
    if form == "json":
        told = {"p": p, **scenario, "recommended": best, "codes": [asdict(offer) for offer in offers]}
        told["flips"] = [{"from_p": start, "code": code} for start, code in flips]
        click.echo(json.dumps(told, allow_nan=False))
        return
    rows = [
        (o.code, f"{o.cost:.4g}", f"{o.error:.3g}", f"{o.accepted:.4f}", "yes" if o.complies else "no",
         f"{o.delivered_per_s:.4g}" if rate else "-")
        for o in offers
    ]  # fmt: skip
    head = ("code", "cost per logical qubit", "logical error", "accepted", "meets SLO", "logical/s")
    _table(f"Codes at total error {p:.4g}, ideal decoding; recommended: {best}", head, rows)
    click.echo("Recommended from p = " + ", ".join(f"{start:.3g}: {code}" for start, code in flips))


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    click.echo(title)
    for row in (head, *rows):
        click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _json_number(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
