"""The published JSON Schema: what editors accept is what lint accepts, as far as a schema can know."""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import run
from remediation.duration import parse_duration
from remediation.registry import ACTIONS

BAD = Path(__file__).parents[1] / "runbooks" / "bad"
SHIPPED = Path(str(resources.files("runbooks")))
REFUSED = (
    *("action-without-approval", "approval-by-silence", "approval-never-required"),
    *("bad-duration", "branch-in-a-branch", "branch-of-one", "branch-that-jumps", "branch-with-foreach"),
    *("foreach-limit-too-high", "many-faults", "no-steps", "parameter-of-wrong-type", "rollback-of-unknown-action"),
    *("unknown-action", "unknown-parameter", "unknown-signal", "unknown-word"),
)
"""Faults that need no look at other steps, at inputs or into templates."""


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> Any:
    """As `bellhop runbook schema` prints it."""
    assert run(["runbook", "schema"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def accepts(schema: Any) -> Any:
    """Whether a validator that knows nothing of Bellhop accepts a file."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda path: validator.is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_runbook_is_accepted(path: Path, accepts: Any) -> None:
    """Times such as 5m and templates in place of numbers are no faults to an editor."""
    assert accepts(path)


@pytest.mark.parametrize("name", REFUSED)
def test_fault_within_one_step_is_refused(name: str, accepts: Any) -> None:
    """An author sees it while writing."""
    assert not accepts(BAD / f"{name}.yaml")


def test_nothing_is_refused_that_lint_lets_pass(accepts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A red line in the editor always means an error of lint."""
    refused = [path for path in sorted(BAD.glob("*.yaml")) if not accepts(path)]
    assert [path.stem for path in refused if run(["runbook", "lint", str(path)]) != 1] == []
    assert capsys.readouterr().out.count(": error: ") >= len(refused)


def test_schema_has_every_action_with_its_parameters(schema: Any) -> None:
    """An editor can offer them."""
    parts = schema["$defs"]
    assert parts["Step"]["properties"]["action"]["enum"] == sorted(ACTIONS)
    for action in ACTIONS.values():
        fields = action.parameters.model_fields
        assert set(parts[action.name]["properties"]) == {field.alias or name for name, field in fields.items()}


def test_every_reference_within_the_schema_leads_somewhere(schema: Any) -> None:
    """Also those of the parameters, which have parts of their own."""
    found = {line.split('"')[3] for line in json.dumps(schema, indent=1).splitlines() if '"$ref":' in line}
    assert {ref.removeprefix("#/$defs/") for ref in found} <= set(schema["$defs"])


@pytest.mark.parametrize("text", ["30s", "1h30m", " 5m ", "0.5s"])
def test_a_length_of_time_is_a_number_or_text_in_the_schema(text: str, schema: Any) -> None:
    """Both forms that the language reads; the pattern is the one that reads them."""
    number, words = schema["$defs"]["Retry"]["properties"]["backoff"]["anyOf"]
    assert number["type"] == "number"
    assert parse_duration(text) > 0
    assert re.search(words["pattern"], text)
