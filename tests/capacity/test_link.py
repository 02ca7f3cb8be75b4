"""The link model: what telemetry means for rates, errors and capacity."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capacity.link import QUANTITIES, LinkState, evaluate, observed, specified
from bot.capacity.ranges import CapacityRangeError
from bot.errors import UsageError
from tests.support.capacity_links import HEALTHY, LINK, baseline, changed, now


def test_every_promised_quantity_is_answered() -> None:
    """Evaluate answers exactly the table of quantities, as floats for one link."""
    answers = evaluate(specified(LINK))
    assert set(answers) == set(QUANTITIES)
    assert all(isinstance(value, float) for value in answers.values())


def test_pairs_follow_loss_heralding_and_attempts() -> None:
    """20 dB at 1,000 attempts/s with half the heralds seen makes 5 pairs/s (0.01 x 0.5 x 1000)."""
    answers = evaluate(changed(loss_db=20.0, herald_efficiency=0.5, attempt_rate_hz=1000.0))
    assert answers["entanglement_rate"] == pytest.approx(5.0)
    assert answers["entanglement_success_ratio"] == pytest.approx(0.005)
    assert answers["physical_loss_ratio"] == pytest.approx(0.99)


def test_the_model_reproduces_the_telemetry_it_was_given() -> None:
    """Signals that the model both reads and answers come back as they went in."""
    answers = evaluate(baseline())
    for name in ("physical_loss_ratio", "entanglement_success_ratio", "entanglement_rate", "channel_fidelity"):
        assert answers[name] == pytest.approx(HEALTHY[name])
    assert answers["entanglement_pool_level"] == pytest.approx(0.8)


def test_a_deficit_empties_the_pool_in_the_fluid_time() -> None:
    """4,000 pairs at 100 used and 60 made per second last 100 s; the interval holds that and is Feller's width."""
    answers = evaluate(changed(pool_pairs=4000.0, consumption_rate=100.0, herald_efficiency=0.06 / 0.27))
    assert answers["pool_depletion_s"] == pytest.approx(100.0)
    # sd = sqrt(N0 (lam + mu) / (mu - lam)^3) = sqrt(4000 * 160 / 40^3) = 3.162 s; 1.645 sd each side.
    assert answers["pool_depletion_low_s"] == pytest.approx(100 - 1.645 * 3.162, abs=0.3)
    assert answers["pool_depletion_high_s"] == pytest.approx(100 + 1.645 * 3.162, abs=0.3)


def test_a_link_that_makes_more_than_it_uses_never_runs_dry() -> None:
    """With pairs made faster than used there is no depletion and every request is served."""
    answers = evaluate(baseline())
    assert answers["pool_depletion_s"] == np.inf
    assert answers["supply_ratio"] == 1.0


def test_an_empty_pool_serves_the_share_that_is_made() -> None:
    """With nothing stored, requests succeed as often as pairs are made per pair asked for."""
    answers = evaluate(changed(pool_pairs=0.0, consumption_rate=240.0))
    assert answers["supply_ratio"] == pytest.approx(0.5)
    assert answers["logical_success_ratio"] < 0.5


@pytest.mark.parametrize("p99", [0.05, 0.1, 0.4])
def test_one_decode_in_a_hundred_is_late_when_the_99th_percentile_is_the_budget(p99: float) -> None:
    """The latency law runs through both quantiles, so p99 = budget means 1% timeouts."""
    answers = evaluate(changed(decode_latency_s=0.01, decode_p99_s=p99, decoder_budget_s=p99))
    assert answers["decode_timeout_ratio"] == pytest.approx(0.01)


def test_unknown_stays_unknown_and_only_where_it_matters() -> None:
    """A missing coherence time makes quality unknown, not the rate of pairs."""
    answers = evaluate(changed(t2_s=float("nan")))
    assert np.isnan(answers["logical_success_ratio"])
    assert np.isnan(answers["capacity_qubits_per_s"])
    assert answers["entanglement_rate"] == pytest.approx(120.0)


def test_telemetry_that_says_nothing_leaves_the_reference() -> None:
    """Missing, infinite and impossible samples are unknown: the reference stands."""
    nonsense = {name: float("nan") for name in HEALTHY} | {"channel_fidelity": 1.7, "physical_loss_ratio": -0.1}
    seen = observed(LINK, nonsense | {"decode_latency_p50": float("inf")}, reference=baseline())
    for field in fields(LinkState):
        assert getattr(seen, field.name) == pytest.approx(getattr(baseline(), field.name), nan_ok=True)


def test_an_unphysical_pair_of_coherence_times_is_rejected_together() -> None:
    """T2 above twice T1 is not clipped: neither time is believed."""
    seen = now(coherence_t1=0.5, coherence_t2=1.4)
    assert (seen.t1_s, seen.t2_s) == (3.0, 1.4)


def test_noisier_readout_means_more_measurement_errors_whatever_its_normalisation() -> None:
    """Doubling the variance gives m = Phi(Phi^-1(0.002)/sqrt 2) = 0.0209, and the unit cancels."""
    assert now(measurement_variance=0.4).measurement_error == pytest.approx(0.02091, abs=1e-4)
    assert now(measurement_variance=0.2).measurement_error == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loss_db", -1.0),
        ("herald_efficiency", 1.2),
        ("gate_error", -0.1),
        ("measurement_error", 2.0),
        ("fidelity", 0.2),
        ("t1_s", 0.0),
        ("t2_s", 100.0),
        ("decoder_budget_s", 0.0),
        ("pool_pairs", -5.0),
        ("code_distance", 0),
        ("code_family", "colour"),
        ("qber", 1.5),
    ],
)
def test_an_impossible_parameter_is_named_with_value_and_range(field: str, value: float | str) -> None:
    """Out of range is a ValueError of Bellhop's family that names the parameter and what is allowed."""
    with pytest.raises(CapacityRangeError) as caught:
        evaluate(changed(**{field: value}))
    assert field in str(caught.value)
    assert str(value) in str(caught.value)
    assert caught.value.allowed
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("family", ["surface", "steane", "five-qubit", "repetition", "none"])
def test_arrays_of_links_equal_a_loop_over_links(family: str) -> None:
    """One call over (3 links x 4 draws) equals twelve calls, for every code."""
    loss, t2 = np.linspace(1, 30, 3)[:, None], np.linspace(0.01, 2, 4)
    state = changed(loss_db=loss, t2_s=t2, consumption_rate=150.0, code_family=family, code_distance=5)
    together = evaluate(state)
    for i in range(3):
        for j in range(4):
            alone = evaluate(replace(state, loss_db=float(loss[i, 0]), t2_s=float(t2[j])))
            for name, value in together.items():
                assert np.broadcast_to(value, (3, 4))[i, j] == pytest.approx(alone[name], rel=1e-12, nan_ok=True)


WORSE = {
    "loss_db": st.floats(0, 60),
    "gate_error": st.floats(0, 0.05),
    "measurement_error": st.floats(0, 0.05),
    "storage_s": st.floats(0, 5),
    "consumption_rate": st.floats(0, 1e4),
}


@given(st.data(), st.sampled_from(sorted(WORSE)))
def test_more_noise_never_helps(data: st.DataObject, field: str) -> None:
    """Capacity and logical success never grow with loss, errors, storage or demand while noise is moderate."""
    low, high = sorted(data.draw(st.tuples(WORSE[field], WORSE[field])))
    better, worse = (evaluate(changed(**{field: value})) for value in (low, high))
    assert worse["capacity_qubits_per_s"] <= better["capacity_qubits_per_s"] * (1 + 1e-9)
    assert worse["logical_success_ratio"] <= better["logical_success_ratio"] + 1e-3 * (field == "gate_error") + 1e-9


@given(st.floats(0, 60), st.floats(1 / 3, 1), st.tuples(st.floats(0.01, 10), st.floats(0.01, 2)), st.floats(0, 0.3))
def test_bounds_and_ratios_are_what_their_names_say(
    loss: float, fidelity: float, memory: tuple[float, float], error: float
) -> None:
    """Lower never exceeds upper, ratios stay in 0..1, rates are never negative."""
    answers = evaluate(
        changed(loss_db=loss, fidelity=fidelity, t1_s=memory[0], t2_s=memory[0] * memory[1], gate_error=error)
    )
    assert 0 <= answers["capacity_qubits_per_s"] <= answers["capacity_upper_qubits_per_s"] + 1e-9
    for name in ("logical_success_ratio", "logical_error_ratio", "supply_ratio", "decode_timeout_ratio", "qber"):
        assert -1e-12 <= answers[name] <= 1 + 1e-12
    assert answers["secret_key_rate"] >= 0
