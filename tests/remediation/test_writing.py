"""The page for runbook authors: its examples are real."""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.lint_facts import signal_kinds
from remediation import source
from remediation.actions import control
from remediation.contract import Controller
from remediation.errors import Fault
from remediation.lint import lint
from remediation.load import Loaded
from remediation.schema import Runbook

PAGE = Path(str(resources.files("runbooks"))).joinpath("WRITING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
VERIFY = """
- id: verified
  action: telemetry.wait_until
  with: {signal: physical_loss_ratio, link: "{{ inputs.link }}", within_baseline: true}
"""


def whole(block: str) -> str:
    """A block as a runbook: steps alone are put into one that verifies them."""
    if block.startswith("apiVersion"):
        return block
    content: dict[str, Any] = {"apiVersion": "bellhop/v1", "kind": "Runbook"}
    content["metadata"] = {"name": "example", "title": "An example"}
    inputs = {"link": {"type": "link", "default": "{{ incident.subject.id }}"}}
    content["spec"] = {"inputs": inputs, "steps": yaml.safe_load(block + VERIFY)}
    return yaml.safe_dump(content)


def faults(block: str) -> tuple[Fault, ...]:
    """What lint says of a block."""
    document = source.parse(whole(block), file="WRITING.md")
    return lint(Loaded(document.check(Runbook), document), signals=signal_kinds())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r"(?:id|name): (\w+)", block)[0])
def test_every_example_is_without_fault(block: str) -> None:
    """Neither error nor warning."""
    assert faults(block) == ()


def test_examples_show_every_word_of_a_step() -> None:
    """Nothing of the language has to be guessed."""
    words = {"when", "approval", "timeout", "retry", "on_failure", "rollback", "idempotency", "foreach", "limit"}
    shown = "".join(BLOCKS)
    assert [word for word in sorted(words | {"parallel", "title"}) if f"{word}:" not in shown] == []
    assert "goto:" in shown


def test_code_of_the_page_is_the_code_there_is() -> None:
    """Line by line, in this order."""
    code = Path(str(control.__file__)).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    place = 0
    for line in filter(None, map(str.strip, block.splitlines())):
        place = code.find(line, place)
        assert place != -1, line


def test_page_names_the_methods_of_a_controller() -> None:
    """All of them."""
    methods = [name for name in vars(Controller) if not name.startswith("_")]
    assert [name for name in methods if f"`{name}`" not in PAGE] == []


def test_page_is_short() -> None:
    """It can be read before lunch."""
    assert len(PAGE.splitlines()) <= 170
