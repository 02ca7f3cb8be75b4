"""`bellhop capacity evaluate`: every line of a file answered by name, so that anyone can check the model."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@click.command(epilog="\b\nExample:\n  bellhop capacity evaluate published.jsonl > answers.jsonl")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def evaluate(file: Path) -> int:
    """Answer each line {"quantity", "parameters"} of FILE with its "value", or its "error"; exit 1 if any has one."""
    failed = False
    for answer in _answers(file):
        failed = failed or "error" in answer
        click.echo(json.dumps(answer, allow_nan=False))
    return 1 if failed else 0


def _answers(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield _answer(line)


def _answer(line: str) -> dict[str, Any]:
    from bot.capacity.quantities import evaluate as ask
    from bot.capacity.ranges import CapacityRangeError

    try:
        question = json.loads(line)
    except (ValueError, RecursionError) as wrong:
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
    except (ValueError, RecursionError):
        return {name: value for name, value in kept.items() if name == "quantity"}
    return kept
