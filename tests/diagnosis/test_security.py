"""The security gate: errors that rose for no technical reason leave an eavesdropper possible, until people decide."""

import json

import pytest

from bot.model.diagnosis import diagnosis_line
from tests.diagnosis.story import AT, Story


def attacked(seed: int = 31) -> Story:
    """Measuring and resending a fifth of the photons leaves 5% of errors behind: a quarter of what is measured."""
    story = Story(seed=seed)
    story.add("qber", ["a-h"], 0.05, 600)
    return story


def test_a_rise_without_a_reason_does_not_exclude_intrusion() -> None:
    """From 2% to 7%, everything else as it was: unknown, with numbers, the onset, and whose keys to quarantine."""
    found = attacked().diagnose()["a-h"]
    assert found.verdict == "unknown"
    assert "intrusion not excluded" in found.summary
    assert found.security is not None
    assert found.security.role == "security"
    assert found.security.links == ("a-h",)
    assert found.security.onset == pytest.approx(AT - 600, abs=60)
    assert "7.0%" in found.security.reason or "7." in found.security.reason


def test_neighbours_whose_errors_rose_too_are_quarantined_with_it() -> None:
    """Somebody at the hub may listen on more than one of its links."""
    story = attacked()
    story.add("qber", ["b-h"], 0.05, 600)
    gate = story.diagnose()["a-h"].security
    assert gate is not None
    assert gate.links == ("a-h", "b-h")


@pytest.mark.parametrize("reason", ["loss", "readout", "heat", "coherence", "firmware"])
def test_a_technical_reason_excludes_the_need_to_ask(reason: str) -> None:
    """Each of them alone explains the rise; 6 dB make four times as many errors of dark counts, up to 8%."""
    story = attacked()
    match reason:
        case "loss":
            story.lose(["a-h"], 6.0, 600)
        case "readout":
            story.scale("measurement_variance", ["h"], 2.0, 700)
        case "heat":
            story.scale("device_temperature", ["a"], 1.2, 700)
        case "coherence":
            story.scale("coherence_t2", ["h"], 0.5, 600)
        case _:
            story.firmware["a"] = story.since(600)
    assert story.diagnose()["a-h"].security is None


def test_a_little_loss_does_not_excuse_many_errors() -> None:
    """1 dB lets dark counts grow by a quarter: from 2% to 2.5%, not to 7%. The loss is named, the gate stays."""
    story = attacked()
    story.lose(["a-h"], 1.5, 600)
    found = story.diagnose()["a-h"]
    assert found.verdict == "fault"
    assert found.findings[0].mode == "F1"
    assert found.security is not None
    assert "intrusion not excluded" in found.summary


def test_a_reason_that_came_later_is_none() -> None:
    """The errors rose twenty minutes before the device warmed up."""
    story = Story(seed=32)
    story.add("qber", ["a-h"], 0.05, 1500)
    story.scale("device_temperature", ["a"], 1.2, 300)
    assert story.diagnose()["a-h"].security is not None


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_errors_ask_for_nobody(seed: int) -> None:
    """Noise of 0.1% around 2%."""
    assert all(found.security is None for found in Story(seed=seed).diagnose().values())


def test_hardware_that_measures_no_errors_has_no_gate() -> None:
    """The metric is optional; without it nothing is claimed."""
    story = attacked()
    story.without = {"qber"}
    found = story.diagnose()["a-h"]
    assert (found.verdict, found.security) == ("healthy", None)


def test_the_gate_is_in_the_line_of_the_batch_command() -> None:
    """With the fields that other programs read."""
    line = json.loads(json.dumps(diagnosis_line("q1", attacked().diagnose()["a-h"])))
    assert set(line["security"]) == {"reason", "onset", "links", "role"}
    assert line["security"]["links"] == ["a-h"]
    assert line["security"]["onset"].endswith("Z")
    assert json.loads(json.dumps(diagnosis_line("q2", attacked().diagnose()["c-d"])))["security"] is None
