"""Every published reference value, within its tolerance."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.capacity.quantities import QUANTITIES, evaluate

ENTRIES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "capacity_reference.json").read_text(encoding="utf-8")
)["entries"]


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry["id"]) for entry in ENTRIES])
def test_the_model_agrees_with_the_reference(entry: dict[str, Any]) -> None:
    """|model - value| <= tolerance, as the reference file states for this entry; names of codes are equal."""
    answer = evaluate(entry["quantity"], entry["parameters"])
    if isinstance(entry["value"], str):
        assert answer == entry["value"]
    else:
        assert isinstance(answer, float)
        assert abs(answer - entry["value"]) <= entry["tolerance"]


def test_the_registry_and_the_reference_name_the_same_quantities() -> None:
    """Nothing published is missing, nothing is answered that was never checked."""
    assert set(QUANTITIES) == {entry["quantity"] for entry in ENTRIES}
