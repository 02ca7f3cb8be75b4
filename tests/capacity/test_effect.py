"""Predicted effects: numbers an operator can read in a plan and telemetry can confirm."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bot.capacity.effect import KINDS, PLANNING, predict
from bot.capacity.link import LinkState, evaluate, specified
from bot.capacity.predicted import QUANTITIES, unit_of
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
            assert item.unit == unit_of(item.quantity)


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


def recurrence(fidelity: float) -> tuple[float, float]:
    """(fidelity, success) of a round on two Werner pairs, by density matrices: CNOT on both sides, then compare Z.

    Pairs are mixtures of Phi+ with white noise, qubits in the order A1 B1 A2 B2; both sides rotate nothing.
    """
    bell = np.zeros(4)
    bell[[0, 3]] = 1 / np.sqrt(2)
    phi = np.outer(bell, bell)
    werner = fidelity * phi + (1 - fidelity) / 3 * (np.eye(4) - phi)
    state = np.kron(werner, werner)
    both = np.zeros((16, 16))
    for number in range(16):
        a1, b1, a2, b2 = (number >> shift & 1 for shift in (3, 2, 1, 0))
        both[a1 << 3 | b1 << 2 | (a2 ^ a1) << 1 | (b2 ^ b1), number] = 1
    state = both @ state @ both.T
    kept = np.zeros((4, 4))
    for outcome in (0b00, 0b11):
        rows = [pair << 2 | outcome for pair in range(4)]
        kept += state[np.ix_(rows, rows)]
    success = float(np.trace(kept))
    return float(bell @ kept @ bell) / success, success


@pytest.mark.parametrize("average", [0.99, 0.9, 0.75])
def test_a_round_of_purification_is_predicted_as_four_qubits_do_it(average: float) -> None:
    """Fidelity, pairs per used pair and consumption against a simulation of the circuit; the first round is done."""
    pair = (3 * average - 1) / 2
    once, first = recurrence(pair)
    twice, second = recurrence(once)
    answer = told("purify", now(channel_fidelity=average, entanglement_consumption_rate=30.0), {"rounds": 2.0})
    fidelity, rate = answer["purified_fidelity"], answer["purified_rate"]
    assert [fidelity.before, fidelity.after] == pytest.approx([once, twice])
    assert rate.before == pytest.approx(120.0 * first / 2)  # 120 pairs/s are made
    assert rate.after == pytest.approx(120.0 * first / 2 * second / 2)
    used = answer["entanglement_consumption_rate"]
    assert [used.before, used.after] == pytest.approx([30.0, 30.0 * 2 / second])


def test_purification_costs_pairs_that_a_link_may_not_have() -> None:
    """At 40 of 120 pairs/s a round more is free of harm and errors fall; at 100 the pool empties."""
    spare, short = (
        told("purify", now(entanglement_consumption_rate=used, channel_fidelity=0.95), {"rounds": 2.0})
        for used in (40.0, 100.0)
    )
    success = spare["logical_success_ratio"]
    assert success.before is not None
    assert success.after is not None
    assert success.before < success.after
    assert "pool_depletion_s" not in spare  # it lasts for ever, before and after
    assert short["pool_depletion_s"].before is None
    # 0.8 of 5,000 pairs at a round's 2/P (P = 0.9308 at F = 0.9461) times 100 pairs/s against 120 made.
    once, _ = recurrence((3 * 0.95 - 1) / 2)
    _, success_of_second = recurrence(once)
    assert short["pool_depletion_s"].after == pytest.approx(4000 / (200 / success_of_second - 120))


def test_an_empty_pool_lets_no_more_be_used_than_is_made() -> None:
    """Of 200 pairs/s that are asked for 120 are served, and nothing is lost by holding 30 of the 200 back."""
    empty = now(entanglement_pool_level=0.0, entanglement_consumption_rate=200.0)
    used = told("throttle", empty, {"consumption_rate": 170.0})["entanglement_consumption_rate"]
    assert [used.before, used.after] == pytest.approx([120.0, 120.0])
    held = told("throttle", empty, {"consumption_rate": 90.0}, measured={"entanglement_consumption_rate": 118.0})
    assert held["entanglement_consumption_rate"].before == 118.0
    assert held["entanglement_consumption_rate"].after == pytest.approx(90.0)


@pytest.mark.parametrize(("raw_pairs", "expected"), [(1.1, 2.0), (2.2, 1.0), (4.6, 0.5)])
def test_rounds_that_pairs_go_through_already_are_seen_in_what_a_transfer_uses(
    raw_pairs: float, expected: float
) -> None:
    """One, two or four pairs for each that is needed: to one round is twice, the same or about half of it."""
    state = now(channel_fidelity=0.99, entanglement_consumption_rate=20.0)
    used = told("purify", state, {"rounds": 1.0, "raw_pairs": raw_pairs})["entanglement_consumption_rate"]
    assert used.after is not None
    share = used.after / 20.0
    assert share == pytest.approx(expected, rel=0.05)


def test_purification_is_anchored_to_what_the_link_was_seen_to_do() -> None:
    """Errors fall by the model's ratio of odds against the measured ones; nothing is taken from the healthy reading."""
    state = now(channel_fidelity=0.95, entanglement_consumption_rate=20.0)
    plain = told("purify", state, {"rounds": 2.0})["logical_success_ratio"]
    seen = told(
        "purify",
        state,
        {"rounds": 2.0},
        measured={"logical_success_ratio": 0.9, "entanglement_consumption_rate": 21.0},
        healthy={"logical_success_ratio": 0.91},
    )

    def odds(value: float | None) -> float:
        assert value is not None
        return value / (1 - value)

    success = seen["logical_success_ratio"]
    assert success.before == 0.9
    assert odds(success.after) / 9.0 == pytest.approx(odds(plain.after) / odds(plain.before))
    assert seen["entanglement_consumption_rate"].before == 21.0


def test_unlike_estimates_of_loss_and_heralding_do_not_promise_more_than_health() -> None:
    """A success ratio that fell less than the loss says is not better heralding: realigning ends at the healthy one."""
    state = now(physical_loss_ratio=0.97, entanglement_success_ratio=0.02)
    assert told("restore_loss", state)["entanglement_success_ratio"].after == pytest.approx(0.12)


def test_every_quantity_that_can_be_predicted_has_a_unit_and_a_good_side() -> None:
    """Of all kinds; a quantity without a row in the table would be judged on both sides, unseen."""
    rules = [*KINDS.values(), *PLANNING.values()]
    named = {name for rule in rules for name in (*rule.modelled, *rule.returning)}
    assert named | {"replenish_time_s", "purified_fidelity", "purified_rate"} <= set(QUANTITIES)
