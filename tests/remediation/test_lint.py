"""Each bad runbook, a file named for its one defect, is told off at the exact line and column."""

from pathlib import Path

import pytest

from bot.__main__ import run
from bot.telemetry.catalogue import CATALOGUE
from remediation.errors import Fault, FileFaultsError, Severity
from remediation.lint import lint_library
from remediation.load import Library, load_file

BAD = Path(__file__).parents[1] / "runbooks" / "bad"
SIGNALS = frozenset(CATALOGUE)

EXPECTED: dict[str, tuple[int, int, str]] = {
    "action-without-approval": (8, 7, "asks nobody"),
    "approval-by-silence": (8, 7, "when nobody answers"),
    "approval-never-needed": (8, 7, "asks nobody"),
    "approval-never-required": (8, 7, "asks nobody"),
    "branch-looks-at-its-neighbour": (18, 17, "there is no earlier step hold"),
    "branch-verified-by-its-neighbour": (10, 11, "is not verified"),
    "branch-without-rollback": (10, 11, "device.undrain takes it back"),
    "branches-on-one-target": (14, 11, "step hold_too does the same to the same as hold"),
    "branches-spelled-otherwise": (14, 11, "does the same to the same as fill"),
    "branches-that-undo-each-other": (15, 11, "step free is taken back together with hold"),
    "condition-that-is-a-number": (13, 13, "comes to 0.5 or the like"),
    "condition-without-braces": (15, 13, "write {{ steps.fill.ok }}"),
    "duplicate-id-in-a-group": (18, 11, "another step is called verify"),
    "duplicate-step-id": (11, 11, "another step is called verify"),
    "exclusive-of-another-kind": (7, 22, "holds a node, and inputs.link is a link"),
    "exclusive-of-nothing": (7, 22, "write link:NAME, node:NAME or flow:NAME"),
    "exclusive-of-the-run": (7, 22, "something else in each run"),
    "exclusive-without-kind": (7, 22, "write link:NAME, node:NAME or flow:NAME"),
    "foreach-of-no-list": (13, 16, "gives no list"),
    "foreach-of-unknown-step": (13, 16, "there is no earlier step look"),
    "foreach-without-items": (13, 16, "step quota is never reached"),
    "goto-backwards": (16, 19, "step realign does not come later"),
    "goto-into-a-group": (11, 19, "step hold is inside the group together; go to the group"),
    "goto-nowhere": (11, 19, "step tell_people is not there"),
    "input-default-of-another-fact": (7, 35, "must be a ratio, not 'title'"),
    "input-default-of-another-input": (7, 34, "inputs is not known here, only incident"),
    "input-default-of-wrong-type": (7, 35, "must be between 0 and 1, not 80"),
    "input-default-without-end": (7, 36, "must be a finite integer"),
    "input-without-default": (8, 5, "level needs a default"),
    "item-in-a-condition": (14, 13, "item is known only to the act of a step with foreach"),
    "item-outside-foreach": (10, 20, "item is known only to the act of a step with foreach"),
    "item-without-that-key": (10, 20, "there is no idd; did you mean id?"),
    "key-of-two-steps": (17, 20, "step fill has the same key"),
    "list-taken-for-one": (17, 13, "its output is a list; steps.quota.ok says if all"),
    "missing-parameter": (10, 7, "say below, above, within_baseline or fresh"),
    "missing-rollback": (8, 7, "device.undrain takes it back"),
    "missing-timeout": (8, 7, "has no timeout"),
    "missing-verification": (8, 7, "is not verified"),
    "node-for-a-link": (11, 49, "inputs.node is a node"),
    "parameter-from-a-template-of-wrong-type": (10, 35, "text: must be text"),
    "parameter-of-wrong-type": (10, 50, "less than or equal to 6"),
    "rollback-of-another-place": (13, 42, "takes back other-node, and the step acts on a-node"),
    "rollback-of-unknown-action": (11, 26, "did you mean flow.unthrottle?"),
    "rollback-that-hurts": (12, 26, "nobody is asked before a rollback"),
    "rollback-that-only-tells": (13, 26, "takes nothing back: device.undrain does"),
    "template-calls-a-method": (10, 49, "imports are not allowed"),
    "template-of-a-later-step": (13, 13, "there is no earlier step verify"),
    "template-of-unknown-fact": (6, 33, "there is no links; did you mean link?"),
    "template-of-unknown-input": (10, 49, "there is no lnik; did you mean link?"),
    "template-syntax": (10, 49, "unexpected end of template"),
    "template-with-unknown-filter": (10, 49, "No filter named 'uper'"),
    "template-without-value": (10, 77, "works on numbers"),
    "throttle-without-a-rate": (10, 7, "say how much may pass"),
    "unknown-action": (9, 15, "did you mean telemetry.wait_until?"),
    "unknown-parameter": (10, 48, "speed: is not a parameter of link.realign"),
    "unknown-signal": (10, 22, "did you mean physical_loss_ratio?"),
    "unreachable-step": (16, 13, "step boost is never reached"),
}
"""Defect -> line and column as an editor counts them, from 1, and a part of the message."""

UNREADABLE: dict[str, tuple[int, int, str]] = {
    "bad-duration": (12, 16, "is not a length of time"),
    "branch-in-a-branch": (15, 11, "parallel: is not a known setting here"),
    "branch-of-one": (9, 7, "at least 2 items"),
    "branch-that-jumps": (14, 23, "must be 'stop' or 'continue'"),
    "branch-with-foreach": (14, 20, "foreach: is not a known setting here"),
    "foreach-limit-too-high": (14, 14, "less than or equal to 50"),
    "no-steps": (7, 3, "spec.steps"),
    "unknown-word": (11, 18, "on_failur: is not a known setting here"),
}
"""Defects that already the schema finds."""


DOUBTFUL: dict[str, tuple[int, int, str]] = {
    "approval-of-a-look": (11, 7, "approval has no effect here"),
    "key-of-every-run": (13, 20, "the key is the same in every run"),
    "limit-without-foreach": (12, 14, "limit has no effect"),
    "output-of-a-failed-step": (15, 35, "is not there when fill fails"),
    "output-of-a-skipped-step": (15, 35, "is not there when fill is skipped"),
    "rollback-of-its-own-output": (13, 55, "take it from steps.drain.before"),
    "step-that-is-jumped-over": (19, 13, "is not there when look jumps over it"),
    "template-in-a-title": (12, 14, "templates are not looked at here"),
}
"""Files that may mean what they say, and most likely do not."""


def faults_of(*names: str) -> tuple[Fault, ...]:
    """What lint says of these files."""
    library = Library(tuple(load_file(BAD / f"{name}.yaml") for name in names))
    return lint_library(library, signals=SIGNALS)


@pytest.mark.parametrize("defect", sorted(EXPECTED))
def test_a_defect_is_the_only_fault_and_found_at_its_place(defect: str) -> None:
    """One file, one defect, one error: no defect hides and none is reported twice."""
    line, column, message = EXPECTED[defect]
    (fault,) = faults_of(defect)
    assert (fault.line, fault.column, fault.severity) == (line, column, Severity.ERROR)
    assert message in fault.message
    assert fault.file.endswith(f"{defect}.yaml")


@pytest.mark.parametrize("defect", sorted(UNREADABLE))
def test_a_file_that_is_no_runbook_is_refused_at_its_place(defect: str) -> None:
    """What the schema does not know never becomes a runbook."""
    line, column, message = UNREADABLE[defect]
    with pytest.raises(FileFaultsError) as caught:
        load_file(BAD / f"{defect}.yaml")
    assert any((each.line, each.column) == (line, column) and message in each.message for each in caught.value.faults)


@pytest.mark.parametrize("doubt", sorted(DOUBTFUL))
def test_doubt_is_the_only_fault_and_a_warning_at_its_place(doubt: str) -> None:
    """Some runs do without harm what this file says; nothing is stopped by it."""
    line, column, message = DOUBTFUL[doubt]
    (fault,) = faults_of(doubt)
    assert (fault.line, fault.column, fault.severity) == (line, column, Severity.WARNING)
    assert message in fault.message


def test_failure_mode_that_no_diagnosis_comes_to_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """Known are those of the shipped rules, or of the configured ones."""
    path = BAD / "unknown-mode.yaml"
    assert run(["runbook", "lint", str(path)]) == 0
    told = capsys.readouterr().out
    assert told == f"{path}:7:13: warning: no diagnosis comes to F44; did you mean F4?\n"


def test_all_faults_of_a_file_are_told_at_once_in_order() -> None:
    """Nobody has to mend one fault to see the next."""
    assert [(fault.line, fault.column) for fault in faults_of("many-faults")] == [(9, 15), (13, 19), (16, 22), (17, 11)]


def test_faults_of_several_files_come_in_the_order_of_files_and_lines() -> None:
    """The order does not depend on the order of loading."""
    found = faults_of("unknown-signal", "duplicate-step-id")
    assert [Path(fault.file).stem for fault in found] == ["duplicate-step-id", "unknown-signal"]


def test_every_bad_file_has_its_test() -> None:
    """A file laid down beside the others cannot be forgotten."""
    tested = {*EXPECTED, *UNREADABLE, *DOUBTFUL, "many-faults", "unknown-mode"}
    assert {path.stem for path in BAD.glob("*.yaml")} == tested


def test_lint_command_prints_a_line_per_fault_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors and build servers can jump to the place."""
    path = BAD / "unknown-signal.yaml"
    assert run(["runbook", "lint", str(path)]) == 1
    line = capsys.readouterr().out
    assert line.startswith(f"{path}:10:22: error: there is no signal physical_loss")
    assert line.count("\n") == 1


def test_lint_command_shows_the_faults_of_readable_files_beside_an_unreadable_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One file that does not load hides no other file's faults."""
    assert run(["runbook", "lint", str(BAD / "no-steps.yaml"), str(BAD / "unknown-action.yaml")]) == 1
    told = capsys.readouterr().out
    assert "no-steps.yaml:7:3: error" in told
    assert "unknown-action.yaml:9:15: error" in told


def test_lint_command_exits_0_when_there_are_only_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is shown and stops nothing."""
    assert run(["runbook", "lint", str(BAD / "approval-of-a-look.yaml")]) == 0
    assert "warning" in capsys.readouterr().out
