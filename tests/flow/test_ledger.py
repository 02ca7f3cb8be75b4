"""What a line of the ledger says of a run: measured is held against predicted, and better than predicted is no miss."""

import msgspec
import pytest

from bot.capacity.predicted import good_of
from bot.flow.ledger import judged
from bot.model.guard import Compared

TOLERANCE = 0.2
"""The default of the settings."""


def told(quantity: str, predicted: float | None, measured: float | None, **more: float | None) -> Compared:
    """One quantity of a run, with the good side that its kind has."""
    return Compared(
        quantity=quantity,
        unit="1",
        before=more.get("before"),
        predicted=predicted,
        measured=measured,
        low=more.get("low"),
        high=more.get("high"),
        good=good_of(quantity),
    )


SUCCESS = told("logical_success_ratio", 0.7537, 0.9993, before=0.6552, low=0.7067, high=0.7953)
"""The demo's exhausted link: the pool is filled, and what nobody could promise is that pairs are made again, too."""


def test_better_than_predicted_is_a_match_whose_reason_shows_both_numbers() -> None:
    """A prediction that everything beats is worth nothing: people see it there."""
    assert judged([told("entanglement_pool_level", 0.8, 0.798), SUCCESS], recovered=True, tolerance=TOLERANCE) == (
        "match",
        (
            "as predicted: entanglement_pool_level; "
            "better than predicted: logical_success_ratio 0.9993 where 0.7537 was predicted"
        ),
    )


@pytest.mark.parametrize(
    ("quantity", "predicted", "better", "worse"),
    [
        ("logical_success_ratio", 0.6, 0.99, 0.4),
        ("entanglement_rate", 100.0, 200.0, 50.0),
        ("pool_depletion_s", 100.0, 200.0, 50.0),
        ("coherence_t2", 0.1, 0.2, 0.05),
        ("physical_loss_ratio", 0.5, 0.2, 0.9),
        ("decode_latency_p99", 0.1, 0.01, 0.2),
        ("qber", 0.05, 0.01, 0.1),
        ("device_temperature", 6.0, 4.0, 9.0),
        ("transfer_queue_length", 40.0, 1.0, 90.0),
    ],
)
def test_a_quantity_has_a_good_side_and_the_other_is_a_miss(
    quantity: str, predicted: float, better: float, worse: float
) -> None:
    """More success, pairs, time and coherence are good; less loss, latency, error, heat and queue are."""
    assert judged([told(quantity, predicted, better)], recovered=True, tolerance=TOLERANCE)[0] == "match"
    verdict, reason = judged([told(quantity, predicted, worse)], recovered=True, tolerance=TOLERANCE)
    assert (verdict, reason) == (
        "miss",
        f"not as predicted: {quantity} {worse:.4g} where {predicted:.4g} was predicted",
    )


@pytest.mark.parametrize("quantity", ["entanglement_consumption_rate", "slot_utilisation", "something_new"])
@pytest.mark.parametrize("measured", [0.1, 0.9])
def test_a_quantity_without_a_good_side_is_held_to_both(quantity: str, measured: float) -> None:
    """More pairs used are more served or a pool that drains; nobody knows of a quantity that has no row."""
    assert judged([told(quantity, 0.5, measured)], recovered=True, tolerance=TOLERANCE)[0] == "miss"


def test_one_quantity_that_is_worse_is_not_made_up_for_by_another_that_is_better() -> None:
    """Only what was missed is named."""
    found = judged([SUCCESS, told("qber", 0.01, 0.05)], recovered=True, tolerance=TOLERANCE)
    assert found == ("miss", "not as predicted: qber 0.05 where 0.01 was predicted")


def test_a_run_after_which_the_metrics_stayed_away_is_a_miss_however_good_its_numbers() -> None:
    """What was promised is that the incident ends."""
    assert judged([SUCCESS], recovered=False, tolerance=TOLERANCE) == ("miss", "the metrics did not recover")


def test_worse_within_the_tolerance_or_the_interval_is_as_predicted() -> None:
    """A fifth of the value; outside of it, the interval counts."""
    for each in (told("entanglement_rate", 100.0, 81.0), told("entanglement_rate", 100.0, 50.0, low=40.0, high=110.0)):
        assert judged([each], recovered=True, tolerance=TOLERANCE) == ("match", "as predicted: entanglement_rate")


def test_nothing_to_compare_is_neither() -> None:
    """A value that was not measured, and one that was not predicted."""
    unknown = [told("qber", 0.1, None), told("qber", None, 0.1)]
    assert judged(unknown, recovered=True, tolerance=TOLERANCE)[0] == "unknown"


def test_a_line_from_before_there_were_sides_is_read_as_held_to_both() -> None:
    """Stores outlive versions."""
    old = b'{"quantity":"qber","unit":"1","before":null,"predicted":0.1,"measured":0.2}'
    assert msgspec.json.decode(old, type=Compared).good == "neither"
