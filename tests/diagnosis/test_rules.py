"""Failure modes as YAML: the shipped ones load, a user's folder adds more, and every fault is told at its place."""

from pathlib import Path

import pytest

from bot.diagnosis.features import SIGNALS
from bot.diagnosis.rules import load_rules
from bot.telemetry.catalogue import CATALOGUE
from remediation.errors import FileFaultsError
from remediation.load import load_library
from tests.diagnosis.story import Story, modes

SHIPPED = tuple(f"F{number}" for number in range(1, 9))
"""The modes of the mission."""
F9 = """\
mode: F9
name: timing drift
subject: link
runbook: f9-timing-drift
required:
  - {feature: control_rtt, is: up, by: 0.5, weight: 6.0, otherwise: -8.0, why: the control channel is slower}
against:
  - {feature: decode_p99, is: up, by: 0.6, weight: -4.0, why: then it is the decoder}
explains: [retries]
"""


def own(folder: Path, **files: str) -> Path:
    """A user's folder of rules with these files."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def faults(folder: Path) -> list[tuple[str, int, int, str]]:
    """(file, line, column, message) of everything wrong in a folder."""
    with pytest.raises(FileFaultsError) as caught:
        load_rules(folder)
    return [(Path(each.file).name, each.line, each.column, each.message) for each in sorted(caught.value.faults)]


def test_the_shipped_rules_are_the_eight_modes() -> None:
    """In their order, each with a shipped runbook that handles it and a reason for every piece of evidence."""
    rules, library = load_rules(), load_library()
    assert tuple(mode.mode for mode in rules.modes) == SHIPPED
    for mode in rules.modes:
        assert mode.mode in library.get(mode.runbook).spec.handles
        assert all(item.why for item in (*mode.required, *mode.speaks_for, *mode.against))


def test_every_signal_of_the_rules_is_one_of_the_contract() -> None:
    """Diagnosis asks telemetry for nothing that does not exist."""
    assert set(SIGNALS) <= set(CATALOGUE)
    assert load_rules().signals == SIGNALS


def test_a_mode_names_what_it_requires_with_a_weight_that_speaks_for_it() -> None:
    """Required evidence speaks for a mode when seen and against it when not; `against` never speaks for it."""
    for mode in load_rules().modes:
        assert all(item.weight > 0 > item.otherwise for item in mode.required)
        assert all(item.weight > 0 for item in mode.speaks_for)
        assert all(item.weight < 0 for item in mode.against)


def test_a_users_folder_adds_a_mode(tmp_path: Path) -> None:
    """F9 is one more file; the shipped modes stay."""
    rules = load_rules(own(tmp_path, f9=F9))
    assert tuple(mode.mode for mode in rules.modes) == (*SHIPPED, "F9")
    assert rules.mode("F9").required[0].feature == "control_rtt"


def test_a_ninth_mode_is_named_like_the_others(tmp_path: Path) -> None:
    """One YAML file and nothing else: its evidence, its runbook, and F3 kept apart from it."""
    rules = load_rules(own(tmp_path, f9=F9))
    story = Story(seed=51)
    story.scale("control_rtt", ["a-h"], 5.0, 900)
    found = story.diagnose(rules)
    assert modes(found["a-h"]) == [("F9", "a-h")]
    assert found["a-h"].findings[0].runbook == "f9-timing-drift"
    assert "its control round trip rose from 2" in found["a-h"].summary
    assert found["b-h"].verdict == "healthy"
    assert story.diagnose()["a-h"].verdict == "healthy"


def test_a_users_file_replaces_a_shipped_mode(tmp_path: Path) -> None:
    """The same number is the same mode."""
    rules = load_rules(own(tmp_path, mine=F9.replace("mode: F9", "mode: F3")))
    assert tuple(mode.mode for mode in rules.modes) == SHIPPED
    assert rules.mode("F3").name == "timing drift"


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    """Somebody who names a folder expects rules in it."""
    assert [message for *_, message in faults(tmp_path)] == ["has no rules (*.yaml, *.yml)"]


def test_a_rule_may_end_in_yml(tmp_path: Path) -> None:
    """Both usual endings of YAML are read; one mode in two files is a fault, whatever their endings."""
    (tmp_path / "f9.yml").write_text(F9, encoding="utf-8")
    assert load_rules(tmp_path).mode("F9").name == "timing drift"
    ((file, *_, message),) = faults(own(tmp_path, f9=F9))
    assert (file, message) == ("f9.yml", f"F9 is also in {tmp_path / 'f9.yaml'}")


def test_an_unknown_feature_is_named_at_its_place(tmp_path: Path) -> None:
    """Line 6, column 15 is where its name begins; the answer names the features that there are."""
    told = faults(own(tmp_path, f9=F9.replace("feature: control_rtt", "feature: contrl_rtt")))
    ((file, line, column, message),) = told
    assert (file, line, column) == ("f9.yaml", 6, 15)
    assert "contrl_rtt is no feature" in message
    assert "control_rtt" in message


def test_an_unknown_feature_that_is_explained_away_is_named(tmp_path: Path) -> None:
    """The same in `explains`."""
    ((_, line, _, message),) = faults(own(tmp_path, f9=F9.replace("[retries]", "[retries, luck]")))
    assert line == 9
    assert message.startswith("luck: no such feature") or "luck" in message


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    """Three faults in two files: nobody repairs one to be told of the next."""
    first = F9.replace("by: 0.5", "by: -1").replace("is: up, by: 0.6", "is: sideways, by: 0.6")
    second = F9.replace("mode: F9", "mode: G1")
    told = faults(own(tmp_path, first=first, second=second))
    assert [(file, line) for file, line, *_ in told] == [("first.yaml", 6), ("first.yaml", 8), ("second.yaml", 1)]
    assert all(column > 0 for *_, column, _ in told)


def test_two_files_for_one_mode_are_a_fault(tmp_path: Path) -> None:
    """Nobody could say which of them counts."""
    ((file, line, column, message),) = faults(own(tmp_path, a=F9, b=F9))
    assert (file, line, column > 0) == ("b.yaml", 1, True)
    assert "F9 is also in" in message


def test_what_is_no_yaml_is_refused_at_its_place(tmp_path: Path) -> None:
    """A bracket that is never closed."""
    ((file, line, *_),) = faults(own(tmp_path, f9="mode: [F9\n"))
    assert file == "f9.yaml"
    assert line >= 1


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("feature: decode_p99", "feature: t2", "t2 is a node's"),
        ("explains: [retries]", "change: {weight: 1, otherwise: -1, why: x}", "change is for modes of nodes"),
        ("explains: [retries]", "explain: [retries]", "explain"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, said: str, instead: str, told: str) -> None:
    """A node's feature looked at on a link, a firmware change of a fiber, a word that does not exist."""
    messages = [message for *_, message in faults(own(tmp_path, f9=F9.replace(said, instead)))]
    assert len(messages) == 1
    assert told in messages[0]
