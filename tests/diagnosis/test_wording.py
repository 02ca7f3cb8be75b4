"""Sentences of the evidence as somebody woken at night reads them: none says what its own numbers contradict."""

import re

import pytest

from bot.diagnosis.phrases import named, span, value
from bot.diagnosis.rules import load_rules
from bot.model.diagnosis import Evidence, Finding
from tests.diagnosis.story import Story
from tests.diagnosis.test_summaries import CASES, happening


def found(case: str) -> Finding:
    """What is told of this mode."""
    story, link = happening(case)
    (finding,) = story.diagnose()[link].findings
    assert finding.mode == case
    return finding


def of(finding: Finding, signal: str) -> Evidence:
    """What it says of a signal for the mode."""
    return next(each for each in finding.evidence if each.signal == signal)


def test_attempts_are_told_beside_the_pairs_that_they_made() -> None:
    """6 dB of loss leave a quarter of the pairs; the row shows the pairs, its words the attempts."""
    item = of(found("F1"), "entanglement_rate")
    assert item.observed is not None
    assert item.baseline is not None
    assert item.observed < 0.5 * item.baseline
    told = re.search(r"^as many attempts are made as before \(attempts now (\d+)% of before\)$", item.why)
    assert told, item.why
    assert 80 <= int(told[1]) <= 120


def test_fewer_attempts_say_how_many_there_are() -> None:
    """A tenth of the attempts, as the story has it."""
    why = of(found("F4"), "entanglement_rate").why
    told = re.search(r"^fewer attempts are made \(attempts now ([\d.]+)% of before\)$", why)
    assert told, why
    assert 8 <= float(told[1]) <= 12


def test_pairs_used_per_pair_made_are_told_as_that() -> None:
    """As many pairs used of a tenth made: consumption did not rise, and nothing says that it did."""
    item = of(found("F4"), "entanglement_consumption_rate")
    pattern = r"^more pairs are used for each one made \(pairs used per pair made now ([\d,]+)% of before\)$"
    told = re.search(pattern, item.why)
    assert told, item.why
    assert 800 <= int(told[1].replace(",", "")) <= 1200


def test_an_alternative_that_was_not_needed_does_not_speak_against() -> None:
    """Of several signs of a shortage one is enough: that no transfer waits as well takes nothing from the diagnosis."""
    finding = found("F4")
    assert [each.signal for each in finding.evidence if each.signal == "entanglement_consumption_rate"]
    assert not finding.against, finding.against


@pytest.mark.parametrize("case", CASES[:8])
def test_what_is_told_against_a_mode_took_something_from_it(case: str) -> None:
    """Nothing stands for and against it with the same words."""
    finding = found(case)
    assert all(each.weight < 0 for each in finding.against)
    spoken = {(each.signal, each.why) for each in finding.evidence}
    assert not {(each.signal, each.why.removeprefix("not so: ")) for each in finding.against} & spoken


def test_steady_attempts_are_rejected_by_their_own_number() -> None:
    """No mode is turned down for a rate of pairs that is said to stay while it fell."""
    story = Story(seed=41)
    story.lose(["a-h"], 6.0, 900.0)
    for sentence in story.diagnose()["a-h"].rejected:
        assert not re.search(r"pair (generation|consumption) of a-h stays near", sentence), sentence


def test_a_change_of_firmware_is_told_with_its_distance() -> None:
    """From which version to which, when, and why it matters; the change is not explained by itself."""
    why = of(found("F5"), "firmware_version").why
    pattern = r"^firmware of a changed from 1\.0 to 1\.1 at \d\d:\d\d:\d\d UTC: within minutes of the fall$"
    assert re.search(pattern, why), why


def test_expected_success_says_of_what() -> None:
    """The percentage that the model expects is of transfers that succeed."""
    why = of(found("F2"), "logical_success_ratio").why
    assert re.search(r"\(the model expects 99\.\d+% to succeed\)$", why), why


def test_one_is_told_in_the_singular() -> None:
    """One transfer, many transfers, and the unit of both told once."""
    assert value("transfer_queue_length", 1.0) == "1 transfer"
    assert value("transfer_queue_length", 0.0) == "0 transfers"
    assert span("transfer_queue_length", 1.0, 103.0) == "from 1 to 103 transfers"
    assert span("transfer_queue_length", 103.0, 1.0) == "from 103 to 1 transfer"


def test_names_of_signals_can_be_followed_by_whose_they_are() -> None:
    """'… of ams-utr' follows each: no name ends in a clause of its own."""
    for signal in load_rules().signals:
        assert not re.search(r"\b(that|which)\b", named(signal)), named(signal)


def test_reasons_of_the_shipped_rules_claim_no_more_than_is_measured() -> None:
    """A pool below 5% of some ten thousand pairs still has pairs."""
    whys = [item.why for mode in load_rules().modes for item in (*mode.required, *mode.speaks_for, *mode.against)]
    assert not [why for why in whys if "no pair is left" in why]
