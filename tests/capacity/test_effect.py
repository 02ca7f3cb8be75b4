"""Predicted effects: numbers an operator can read in a plan and telemetry can confirm."""

import math
from dataclasses import replace

import pytest

from bot.capacity.effect import KINDS, UNITS, predict
from bot.capacity.link import LinkState, evaluate, specified
from bot.capacity.ranges import CapacityRangeError
from bot.model.network import Code
from remediation.contract import EFFECT_KINDS, Prediction
from tests.support.capacity_links import LINK, baseline, changed, now


def told(
    kind: str,
    state: LinkState,
    values: dict[str, float] | None = None,
    *,
    measured: dict[str, float] | None = None,
    healthy: dict[str, float] | None = None,
) -> dict[str, Prediction]:
    """Predictions by quantity."""
    answer = predict(
        link=LINK, now=state, baseline=baseline(), kind=kind, values=values or {}, measured=measured, healthy=healthy
    )
    return {item.quantity: item for item in answer}


def test_every_kind_of_effect_is_answered() -> None:
    """The contract's table and the model's are one, and each kind tells something known."""
    assert set(KINDS) == set(EFFECT_KINDS)
    for kind in EFFECT_KINDS:
        assert any(item.after is not None for item in told(kind, now()).values()), kind


def test_a_longer_code_fails_less_and_delivers_as_many_pairs() -> None:
    """From distance 5 to 7 the logical failure falls, and the model says so with an interval."""
    answer = {
        item.quantity: item
        for item in predict(
            link=LINK,
            now=now(),
            baseline=baseline(),
            kind="change_code",
            values={},
            code=Code(family="surface", distance=7),
        )
    }
    success, capacity = answer["logical_success_ratio"], answer["capacity_qubits_per_s"]
    expected = evaluate(changed(code_distance=7))["logical_success_ratio"]
    assert success.after == pytest.approx(expected)
    assert success.before is not None
    assert success.low is not None
    assert success.before < success.low
    assert capacity.after == pytest.approx(capacity.before)


def test_failing_over_brings_what_the_network_file_promises() -> None:
    """Standby equipment has the specified loss and coherence; demand and pool stay those of the link."""
    broken = now(physical_loss_ratio=0.99, coherence_t1=0.02, coherence_t2=0.02, entanglement_consumption_rate=90.0)
    answer = told("fail_over", broken)
    promised = replace(specified(LINK), herald_efficiency=broken.herald_efficiency)
    assert answer["entanglement_rate"].after == pytest.approx(evaluate(promised)["entanglement_rate"])
    assert answer["logical_success_ratio"].after > answer["logical_success_ratio"].before  # type: ignore[operator]


def test_a_kind_that_nobody_knows_is_named() -> None:
    """The error lists what can be asked."""
    with pytest.raises(CapacityRangeError, match="change_code"):
        told("pray", now())


def test_intervals_hold_the_expected_value() -> None:
    """Wherever an interval is given, the value lies in it."""
    state = now(entanglement_pool_level=0.12, physical_loss_ratio=0.8, entanglement_consumption_rate=110.0)
    for kind in EFFECT_KINDS:
        for item in told(kind, state).values():
            if item.after is not None:
                assert item.low is None or item.low <= item.after
                assert item.high is None or item.after <= item.high
            assert item.unit == UNITS.get(item.quantity, "1")


def test_replenishing_says_level_and_time() -> None:
    """From 0.12 to 0.80 of 5,000 at (120 - 100) pairs/s is 170 s; with consumption held off, about 28 s."""
    state = now(entanglement_pool_level=0.12)
    answer = told("replenish", state, {"level": 0.8})
    assert answer["entanglement_pool_level"].before == pytest.approx(0.12)
    assert answer["entanglement_pool_level"].after == pytest.approx(0.8)
    net = 0.12 * 1000.0 - 100.0  # success ratio 0.12 at the specified 1,000 attempts/s, 100 pairs/s used
    assert answer["replenish_time_s"].after == pytest.approx(0.68 * 5000 / net)
    low = answer["replenish_time_s"].low
    assert low is not None
    assert 0.9 * 3400 / 120 < low < 3400 / 120


def test_replenishing_against_a_greater_demand_has_no_upper_end() -> None:
    """Where today's demand exceeds what is made, nobody knows how long it can take; held back it is finite."""
    answer = told("replenish", now(entanglement_pool_level=0.1, entanglement_consumption_rate=500.0), {"level": 0.5})
    assert answer["replenish_time_s"].high is None
    assert answer["replenish_time_s"].after == pytest.approx(2000 / 20)


def test_replenishing_below_the_present_level_takes_nothing_away() -> None:
    """A target under the level is already met: 0 s, level unchanged."""
    answer = told("replenish", now(entanglement_pool_level=0.9), {"level": 0.5})
    assert answer["entanglement_pool_level"].after == pytest.approx(0.9)
    assert answer["replenish_time_s"].after == 0.0


def test_realigning_brings_loss_and_pairs_back() -> None:
    """Loss, success per attempt and pairs/s return to their baseline."""
    answer = told("restore_loss", now(physical_loss_ratio=0.9))
    assert answer["physical_loss_ratio"].before == pytest.approx(0.9)
    assert answer["physical_loss_ratio"].after == pytest.approx(0.73)
    assert answer["entanglement_rate"].after == pytest.approx(120.0)


def test_a_full_repair_is_predicted_at_the_links_own_healthy_reading() -> None:
    """Anchored to readings, undoing the only cause leads to exactly the healthy value."""
    answer = told(
        "restore_decoder",
        now(decode_latency_p50=0.3, decode_latency_p99=1.0),
        measured={"logical_success_ratio": 0.91},
        healthy={"logical_success_ratio": 0.993},
    )["logical_success_ratio"]
    assert (answer.before, answer.after) == (0.91, pytest.approx(0.993))


def test_half_a_repair_is_predicted_in_between() -> None:
    """Of two causes one is undone: better than measured, worse than healthy."""
    state = now(decode_latency_p50=0.1, decode_latency_p99=0.3, channel_fidelity=0.95)
    readings = {"measured": {"logical_success_ratio": 0.6}, "healthy": {"logical_success_ratio": 0.993}}
    answer = told("restore_decoder", state, **readings)["logical_success_ratio"]  # type: ignore[arg-type]
    assert answer.after is not None
    assert 0.6 < answer.after < 0.993


def test_an_act_on_a_healthy_parameter_promises_nothing() -> None:
    """Realigning a link that loses nothing more than usual leaves the measured success as it is."""
    readings = {"measured": {"logical_success_ratio": 0.8}, "healthy": {"logical_success_ratio": 0.99}}
    answer = told("restore_loss", now(channel_fidelity=0.97), **readings)  # type: ignore[arg-type]
    assert answer["logical_success_ratio"].after == pytest.approx(0.8)


def test_undoing_correlated_noise_returns_to_the_independent_prediction() -> None:
    """The model knows no correlations: after the act the link does what the model expects."""
    answer = told("restore_noise", now(), measured={"logical_success_ratio": 0.9, "syndrome_correlation": 0.05})
    assert answer["logical_success_ratio"].before == 0.9
    assert answer["logical_success_ratio"].after == pytest.approx(evaluate(now())["logical_success_ratio"])
    assert answer["syndrome_correlation"].after == 0.0


def test_generation_policy_is_a_share_of_the_specified_attempts() -> None:
    """Half the specified 1,000 attempts/s at 0.12 pairs per attempt is 60 pairs/s, give or take its counting noise."""
    answer = told("restore_generation", now(entanglement_rate=12.0), {"share": 0.5})["entanglement_rate"]
    assert (answer.before, answer.after) == (pytest.approx(12.0), pytest.approx(60.0))
    # A window of 60 s counts 3,600 pairs: 1.645 sqrt(3600) / 60 = 1.645 pairs/s.
    assert answer.high == pytest.approx(61.645, abs=1e-3)


def test_throttling_and_rerouting_name_the_new_demand() -> None:
    """Throttle to the rate given, or to the usual one; reroute takes the demand off."""
    surge = now(entanglement_consumption_rate=300.0)
    assert told("throttle", surge, {"consumption_rate": 40.0})["entanglement_consumption_rate"].after == 40.0
    assert told("throttle", surge)["entanglement_consumption_rate"].after == pytest.approx(100.0)
    assert told("reroute", surge)["entanglement_consumption_rate"].after == 0.0


def test_unknown_telemetry_is_predicted_as_unknown() -> None:
    """NaN becomes None, never a number."""
    answer = told("restore_loss", changed(t2_s=math.nan, loss_db=15.0))
    assert answer["logical_success_ratio"].after is None if "logical_success_ratio" in answer else True
    assert answer["physical_loss_ratio"].after == pytest.approx(0.73)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("explode", {}),
        ("replenish", {"level": 1.2}),
        ("restore_generation", {"share": -1}),
        ("throttle", {"consumption_rate": -5.0}),
    ],
)
def test_impossible_effects_are_refused(kind: str, values: dict[str, float]) -> None:
    """An unknown kind or a number out of range raises with its name."""
    with pytest.raises(CapacityRangeError, match=next(iter(values), "kind")):
        told(kind, now(), values)
