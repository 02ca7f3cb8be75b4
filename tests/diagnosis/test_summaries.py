"""What a diagnosis says: two sentences with numbers that telemetry confirms, and why the neighbours were rejected."""

import re
from collections.abc import Callable, Mapping, Sequence

import pytest

from bot.diagnosis.phrases import confidence, plain, share, span, value
from tests.diagnosis.story import Story

_SENTENCE = re.compile(r"(?<=[\w)%])\. (?=[A-Z0-9])|\.$")
AGE_S = 900.0


HAPPENING: Mapping[str, Sequence[Callable[[Story], None]]] = {
    "F1": [lambda story: story.lose(["a-h"], 6.0, AGE_S)],
    "F2": [
        lambda story: story.scale("failure", ["a-h"], 8.0, AGE_S),
        lambda story: story.add("syndrome_correlation", ["a-h"], 0.1, AGE_S),
    ],
    "F3": [
        lambda story: story.scale("decode_latency_p99", ["a-h"], 20.0, AGE_S),
        lambda story: story.scale("retry", ["a-h"], 20.0, AGE_S),
    ],
    "F4": [
        lambda story: story.scale("attempts", ["a-h"], 0.1, AGE_S),
        lambda story: story.add("entanglement_pool_level", ["a-h"], -0.79, 600),
    ],
    "F5": [
        lambda story: story.scale("coherence_t2", ["a"], 0.5, AGE_S),
        lambda story: story.firmware.update(a=story.since(AGE_S)),
    ],
    "F6": [lambda story: story.drift("measurement_variance", "a", 3.0, 2400.0)],
    "F7": [
        lambda story: story.add("slot_utilisation", ["a-h"], 0.6, AGE_S),
        lambda story: story.add("transfer_queue_length", ["a-h"], 50.0, AGE_S),
    ],
    "F8": [
        lambda story: story.scale("device_temperature", ["a"], 1.2, AGE_S),
        lambda story: story.scale("coherence_t2", ["a"], 0.6, AGE_S),
    ],
    "missing": [lambda story: story.without.add("transfer_queue_length")],
    "unexplained": [lambda story: story.scale("coherence_t2", ["a"], 0.5, AGE_S)],
    "intrusion": [lambda story: story.add("qber", ["a-h"], 0.05, AGE_S)],
    "healthy": [],
}
CASES = tuple(HAPPENING)


def happening(case: str) -> tuple[Story, str]:
    """A story with this mode, and the link to ask about."""
    story = Story(seed=41)
    for change in HAPPENING[case]:
        change(story)
    return story, "a-h"


@pytest.mark.parametrize("case", CASES)
def test_a_summary_is_two_sentences_with_numbers(case: str) -> None:
    """Whatever the verdict; the first says what, the second how it stands with the link."""
    story, link = happening(case)
    found = story.diagnose()[link]
    sentences = [each for each in _SENTENCE.split(found.summary) if each]
    assert len(sentences) == 2, found.summary
    assert re.search(r"\d", sentences[1]), found.summary
    assert case[0] != "F" or found.findings[0].mode == case, found.summary


@pytest.mark.parametrize("case", CASES[:8])
def test_the_numbers_of_a_summary_are_those_of_its_evidence(case: str) -> None:
    """From what to what, since when: the weightiest evidence that moved, as telemetry told it."""
    story, link = happening(case)
    finding = story.diagnose()[link].findings[0]
    told = story.diagnose()[link].summary
    moved = [item for item in finding.evidence if item.onset is not None and item.baseline is not None]
    first = moved[0]
    assert first.baseline is not None
    assert first.observed is not None
    assert span(first.signal, first.baseline, first.observed) in told
    assert f"({case})" in told


@pytest.mark.parametrize("case", CASES[:8])
def test_neighbours_are_rejected_with_a_reason_in_numbers(case: str) -> None:
    """Three of them, none the mode itself; each names what was seen."""
    story, link = happening(case)
    found = story.diagnose()[link]
    assert len(found.rejected) == 3
    assert all(not sentence.startswith(case) for sentence in found.rejected)
    assert all(re.search(r"\d", sentence.partition(":")[2]) for sentence in found.rejected), found.rejected


def test_the_signal_that_is_missing_is_named_with_the_modes_it_decides() -> None:
    """Without the queue nobody can tell starvation."""
    story, link = happening("missing")
    found = story.diagnose()[link]
    assert found.verdict == "unknown"
    assert "transfer_queue_length is missing or stale" in found.summary
    assert "resource starvation (F7) cannot be told" in found.summary


@pytest.mark.parametrize(
    ("signal", "number", "told"),
    [
        ("physical_loss_ratio", 0.8413, "84.1%"),
        ("logical_success_ratio", 0.99732, "99.73%"),
        ("logical_success_ratio", 1.0, "100%"),
        ("entanglement_pool_level", 0.00014, "0.014%"),
        ("decode_latency_p99", 0.0974, "97.4 ms"),
        ("coherence_t2", 0.0000123, "12.3 µs"),
        ("device_temperature", 0.012034, "12.03 mK"),
        ("device_temperature", 296.23, "296.2 K"),
        ("transfer_queue_length", 1508.0, "1,508 transfers"),
        ("entanglement_rate", 0.0, "0 pairs/s"),
        ("secret_key_rate", 1234567.0, "1,234,567 bit/s"),
    ],
)
def test_values_have_units_and_the_digits_that_matter(signal: str, number: float, told: str) -> None:
    """Percent for ratios, prefixes for seconds and kelvin, no exponents."""
    assert value(signal, number) == told


def test_a_common_unit_is_told_once_and_certainty_never() -> None:
    """Small words that every summary is made of."""
    assert span("transfer_queue_length", 0.0, 56.0) == "from 0 to 56 transfers"
    assert span("decode_latency_p99", 0.0206, 2.22) == "from 20.6 ms to 2.22 s"
    assert (confidence(0.9999), confidence(0.876)) == ("over 99%", "88%")
    assert (plain(0.00131), plain(48.96), plain(2161.4), share(0.042)) == ("0.00131", "49", "2,161", "4.2%")
