"""Lint where the network is known: names that are written out and that it does not have."""

from pathlib import Path

import pytest

from bot.__main__ import run
from bot.lint_facts import signal_kinds
from remediation import source
from remediation.errors import Fault, RemediationError
from remediation.lint import lint
from remediation.load import Loaded
from remediation.plan import PlanFacts, resolve_inputs
from remediation.schema import Runbook

NETWORK = {
    "link": frozenset({"ams-rpt1", "rpt1-utr"}),
    "node": frozenset({"ams", "rpt1"}),
    "flow": frozenset({"gold"}),
}
TEXT = """apiVersion: bellhop/v1
kind: Runbook
metadata: {name: examined, title: Examined}
spec:
  inputs:
    link: {type: link, default: ams-rpt1}
  guard: {exclusive: "link:ams-rpt1"}
  steps:
    - id: look
      action: telemetry.check
      with: {all: [{signal: entanglement_pool_level, link: ams-rpt1, below: 0.5}]}
    - id: fill
      action: entanglement.replenish
      with: {link: "{{ inputs.link }}", level: 0.5}
      timeout: 5m
    - id: move
      action: flow.reroute
      with: {flow: gold, route: [ams-rpt1, rpt1-utr]}
      approval: {required: true}
      timeout: 1m
      rollback: {action: flow.restore, with: {flow: gold}}
    - id: call
      action: http.call
      with: {name: beam, node: ams, parameters: {link: any}}
      approval: {required: true}
      timeout: 1m
      rollback: {action: http.call, with: {name: unbeam, node: ams}}
    - id: verify
      action: telemetry.wait_until
      with: {signal: entanglement_pool_level, link: "{{ inputs.link }}", above: 0.4}
"""
"""Every name of it is in the network."""
WRONG = {
    "default of an input": ("default: ams-rpt1", "default: rpt1", "6:33: error", "no link rpt1; it is a node"),
    "place that a run has for itself": ('"link:ams-rpt1"', '"link:ams-rtp1"', "7:22: warning", "no link ams-rtp1"),
    "link that is looked at": ("link: ams-rpt1, below", "link: ams-rtp1, below", "11:60: warning", "mean ams-rpt1?"),
    "link of a route": ("[ams-rpt1, rpt1-utr]", "[ams-rpt1, utr-rpt1]", "18:44: error", "no link utr-rpt1"),
    "flow that is moved": ("{flow: gold, route", "{flow: gould, route", "18:20: error", "no flow gould; did you mean"),
    "node that is called": ("name: beam, node: ams", "name: beam, node: paris", "24:32: error", "no node paris"),
    "node of a way back": ("name: unbeam, node: ams", "name: unbeam, node: paris", "27:64: error", "no node paris"),
}
"""Where a name is -> what is written, what is written instead, where and how gravely it is told, a part of it."""


def faults(text: str, *, known: bool = True) -> tuple[Fault, ...]:
    """What lint says of a text."""
    document = source.parse(text, file="examined.yaml")
    loaded = Loaded(document.check(Runbook), document)
    return lint(loaded, signals=signal_kinds(), network=NETWORK if known else None)


def test_names_that_the_network_has_are_not_told() -> None:
    """Nor what an operation of a mapping calls a link."""
    assert faults(TEXT) == ()


@pytest.mark.parametrize("where", WRONG)
def test_name_that_the_network_has_not_is_told_at_its_place(where: str) -> None:
    """An error where the act would be refused, a warning where telemetry may know more than the network file."""
    right, wrong, place, message = WRONG[where]
    assert right in TEXT
    found = [each for each in faults(TEXT.replace(right, wrong)) if "takes back" not in each.message]
    (fault,) = found
    assert (f"{fault.line}:{fault.column}: {fault.severity}", message in fault.message) == (place, True), fault


@pytest.mark.parametrize("where", WRONG)
def test_names_are_not_told_where_no_network_is_known(where: str) -> None:
    """Nobody can know."""
    right, wrong, _, _ = WRONG[where]
    assert [each for each in faults(TEXT.replace(right, wrong), known=False) if "network" in each.message] == []


@pytest.fixture
def configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder as `bellhop init` writes it, and the text in it as the one runbook."""
    assert run(["init", str(tmp_path / "own")]) == 0
    capsys.readouterr()
    (tmp_path / "own" / "examined.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path / "own"


def test_command_looks_at_the_names_of_the_configured_network(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network that `bellhop init` writes has a link ams-rpt1, and none rpt1-utr."""
    file, config = configured / "examined.yaml", configured / "bellhop.yaml"
    assert run(["runbook", "lint", str(file), "--config", str(config)]) == 1
    assert f"{file}:18:44: error: the network has no link rpt1-utr" in capsys.readouterr().out


def test_command_finds_the_configuration_where_it_stands(
    configured: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bellhop.yaml in the folder at hand is the one that is meant."""
    assert run(["runbook", "lint", str(configured / "examined.yaml")]) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.chdir(configured)
    assert run(["runbook", "lint", "examined.yaml"]) == 1
    assert "examined.yaml:18:44: error: the network has no link rpt1-utr" in capsys.readouterr().out


def test_network_that_cannot_be_read_is_said_and_hides_nothing(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where runbooks are checked the network file may be elsewhere; what else is wrong is told all the same."""
    (configured / "network.yaml").unlink()
    (configured / "examined.yaml").write_text(
        TEXT.replace("_level, link: ams-rpt1", ", link: ams-rpt1"), encoding="utf-8"
    )
    assert run(["runbook", "lint", str(configured / "examined.yaml"), "-c", str(configured / "bellhop.yaml")]) == 1
    told = capsys.readouterr()
    assert told.out.count("\n") == told.out.count("there is no signal entanglement_pool") == 1
    assert told.err.startswith("warning: names of links, nodes and flows are not looked at: ")
    assert "network.yaml" in told.err


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("integer", None, "replicas: is not given"),
        ("link", None, "replicas: is not given"),
        ("integer", "four", "replicas: must be an integer, not 'four'"),
        ("number", "four", "replicas: must be a number, not 'four'"),
    ],
)
def test_input_that_is_not_given_is_said_so(kind: str, value: object, said: str) -> None:
    """A person who starts a run reads what is missing, not what a computer made of it."""
    content = source.parse(TEXT, file="examined.yaml").data
    content["spec"]["inputs"]["replicas"] = {"type": kind}
    given = {} if value is None else {"replicas": value}
    with pytest.raises(RemediationError) as caught:
        resolve_inputs(Runbook.model_validate(content), given, PlanFacts(incident={}))
    assert str(caught.value) == f"inputs of examined: {said}"
