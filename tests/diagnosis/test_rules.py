"""Rules as people write them: shipped, replaced, added, and wrong."""

from pathlib import Path

import pytest

from bot.diagnosis.rules import load_rules
from remediation.errors import FileFaultsError
from remediation.load import load_library

OWN = """
mode: F9
name: fiber tapped
subject: link
runbook: unknown
required:
  - {feature: qber, is: up, by: 0.02, weight: 4.0, otherwise: -6.0, why: errors rise without another reason}
"""


def test_the_eight_modes_are_shipped_and_each_names_a_shipped_runbook() -> None:
    """F1 to F8, each with a runbook that handles it."""
    rules, library = load_rules(), load_library()
    assert [mode.mode for mode in rules.modes] == [f"F{number}" for number in range(1, 9)]
    for mode in rules.modes:
        assert mode.mode in library.get(mode.runbook).spec.handles


def test_own_folder_adds_a_ninth_mode(tmp_path: Path) -> None:
    """A YAML file is all that a new failure mode needs."""
    (tmp_path / "f9.yaml").write_text(OWN, encoding="utf-8")
    assert load_rules(tmp_path).mode("F9").name == "fiber tapped"
    assert len(load_rules(tmp_path).modes) == 9


def test_all_faults_of_all_files_come_at_once_with_their_places(tmp_path: Path) -> None:
    """A wrong feature, a wrong place and a missing word, in two files: three faults with line and column."""
    (tmp_path / "a.yaml").write_text(OWN.replace("qber", "queber"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(OWN.replace("name: fiber tapped\n", "").replace("F9", "nine"), encoding="utf-8")
    with pytest.raises(FileFaultsError) as raised:
        load_rules(tmp_path)
    told = str(raised.value)
    assert "a.yaml:7:15" in told
    assert "queber is no feature" in told
    assert "b.yaml:2:7" in told
    assert "name: is missing" in told


def test_empty_folder_is_a_fault_not_a_silence(tmp_path: Path) -> None:
    """A folder without rules is most likely a wrong path."""
    with pytest.raises(FileFaultsError, match="has no rules"):
        load_rules(tmp_path)
