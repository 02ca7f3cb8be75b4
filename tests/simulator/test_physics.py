"""The simulated network is causal: formulas agree with the textbook, effects follow causes and come after them."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bot.model.network import Code, Network
from bot.simulator import physics
from bot.simulator.exporter import exposition
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.exposition import parse

START = 1_767_225_600.0
Pages = dict[tuple[str, str], float]


def array(*values: float) -> physics.Array:
    """Numbers as the formulas take them."""
    return np.array(values)


def page(simulation: Simulation) -> Pages:
    """(metric, labels but those of buckets and results joined) -> value, read from the text of /metrics."""
    return {
        (sample.name, ",".join(value for _, value in sample.labels)): sample.value
        for sample in parse(exposition(simulation))
    }


def living(network: Network, seconds: float, *, seed: int = 1) -> Simulation:
    """A network that has lived for `seconds`."""
    simulation = Simulation(network, seed=seed, start=START)
    simulation.advance_to(START + seconds)
    return simulation


def lossier(network: Network, link: str, loss_db: float) -> Network:
    """The network with `loss_db` more on one link."""
    changed = msgspec.structs.replace(network.links[link], excess_loss_db=network.links[link].excess_loss_db + loss_db)
    return msgspec.structs.replace(network, links={**network.links, link: changed})


def test_loss_in_decibels() -> None:
    """10 dB leave a tenth, 10 log10(2) dB a half."""
    np.testing.assert_allclose(physics.transmissivity(array(0, 10, 3.010299956639812, 20)), [1, 0.1, 0.5, 0.01])


def test_dark_counts_take_over_where_no_photon_arrives() -> None:
    """On a dead fiber every herald is false, and a false pair has fidelity 1/2."""
    fidelity = physics.pair_fidelity(array(0.99, 0.99), array(1.0, 0.0))
    np.testing.assert_allclose(fidelity, [0.99, 0.5], atol=1e-4)


def test_memory_noise_against_the_textbook() -> None:
    """Without relaxation the Z probability is (1 - exp(-t/T2))/2; no wait, no noise; T2 = 2 T1 is pure damping."""
    flips, phases = physics.memory_noise(array(0.0, 1.0), array(1e12, 1e12), array(1.0, 1.0))
    np.testing.assert_allclose(flips, 0.0, atol=1e-9)
    np.testing.assert_allclose(phases, [0.0, (1 - np.exp(-1)) / 2], atol=1e-9)
    flips, phases = physics.memory_noise(array(0.5), array(1.0), array(2.0))
    gamma = 1 - np.exp(-0.5)
    np.testing.assert_allclose(flips, gamma / 4)
    np.testing.assert_allclose(phases, (1 - np.sqrt(1 - gamma)) / 2 - gamma / 4)


def test_readout_error_grows_with_the_variance() -> None:
    """At its normal variance as specified; infinitely noisy readout is a coin."""
    np.testing.assert_allclose(physics.readout_error(array(0.002, 0.002), array(1.0, 1e12)), [0.002, 0.5], atol=1e-5)


def test_codes_fail_as_their_leading_order_says() -> None:
    """Repetition of three: 3 p^2 against flips, 3 p against phases; one qubit without a code: p."""
    c_x, k_x, c_z, k_z = physics.code_constants(Code(family="repetition", distance=3))
    assert physics.block_failure(array(c_x), array(k_x), array(1e-4))[0] == pytest.approx(3e-8, rel=1e-3)
    assert physics.block_failure(array(c_z), array(k_z), array(1e-4))[0] == pytest.approx(3e-4, rel=1e-3)
    c_x, k_x, *_ = physics.code_constants(Code(family="none"))
    assert physics.block_failure(array(c_x), array(k_x), array(1e-4))[0] == pytest.approx(1e-4, rel=1e-3)


def test_a_larger_surface_code_helps_below_its_threshold_only() -> None:
    """Surface codes of distance 3, 5, 7 at 1% and at 15% of flipped qubits (threshold near 10.3%, Dennis 2002)."""

    def failing(flipped: float) -> list[float]:
        codes = [physics.code_constants(Code(family="surface", distance=distance)) for distance in (3, 5, 7)]
        return [float(physics.block_failure(array(c), array(k), array(flipped))[0]) for c, k, *_ in codes]

    assert failing(0.01) == sorted(failing(0.01), reverse=True)
    assert failing(0.15) == sorted(failing(0.15))


def test_no_key_above_the_threshold() -> None:
    """All of the sifted bits without errors, none at 11%, where BB84 ends even with perfect correction."""
    np.testing.assert_allclose(physics.key_fraction(array(0.0, 0.11, 0.25)), [1.0, 0.0, 0.0], atol=1e-9)
    assert 0 < physics.key_fraction(array(0.05))[0] < 1


def test_queues_and_lognormal_times() -> None:
    """M/M/1 at half load takes twice as long; half of all times are above the median."""
    np.testing.assert_allclose(physics.queueing_delay(array(0.0, 0.5, 5.0)), [1.0, 2.0, 50.0])
    np.testing.assert_allclose(physics.slower_than(array(1.0), array(1.0), 0.5), 0.5)


def test_three_decibels_halve_the_pairs_of_that_link_and_of_no_other() -> None:
    """Attempts stay; with the same seed the other links have the same history to a few in a hundred."""
    near, far = page(living(demo_network(), 600)), page(living(lossier(demo_network(), "ams-rtm", 3.0103), 600))
    pairs = "qnet_entangled_pairs_total"
    assert far[pairs, "ams-rtm"] / near[pairs, "ams-rtm"] == pytest.approx(0.5, rel=0.03)
    for link in demo_network().links:
        assert far["qnet_entanglement_attempts_total", link] == near["qnet_entanglement_attempts_total", link]
        if link != "ams-rtm":
            assert far[pairs, link] / near[pairs, link] == pytest.approx(1.0, rel=0.03)


def first(simulation: Simulation, condition: Callable[[Pages, Pages], bool], seconds: int = 900) -> float:
    """Seconds until a page and the one 15 s before meet the condition for the first time."""
    begin, before = simulation.time, page(simulation)
    for step in range(1, seconds // 15 + 1):
        simulation.advance_to(begin + 15 * step)
        now = page(simulation)
        if condition(before, now):
            return simulation.time - begin
        before = now
    raise AssertionError("it does not happen")


def grown(before: Pages, now: Pages, metric: str, labels: str) -> float:
    """By how much a counter grew between two pages."""
    return now[metric, labels] - before[metric, labels]


def test_loss_reaches_pairs_then_the_pool_then_the_transfers() -> None:
    """Pairs fall at once, keys with them; the pool must drain before the first transfer fails for want of pairs."""
    link, when = "ams-rtm", {}
    conditions: dict[str, Callable[[Pages, Pages], bool]] = {
        "pairs": lambda a, b: grown(a, b, "qnet_entangled_pairs_total", link) < 0.2 * 1296 * 15,
        "keys": lambda a, b: grown(a, b, "qnet_secret_key_bytes_total", link) < 0.2 * 49 / 8 * 15,
        "pool": lambda _, b: b["qnet_entanglement_pool_pairs", link] < 500,
        "failures": lambda a, b: grown(a, b, "qnet_logical_transfers_total", f"{link},failure") > 30,
    }
    for name, condition in conditions.items():
        simulation = living(demo_network(), 300)
        simulation.inject("F1", link)
        when[name] = first(simulation, condition)
    assert when["pairs"] == 15
    assert when["keys"] == 15
    assert 15 <= when["pool"] <= when["failures"] <= 120


def test_heat_reaches_the_stage_then_the_coherence_then_the_device() -> None:
    """Temperature leads, memories lag behind it, and the device drops out only above its trip temperature."""
    when, node = {}, "ein"
    conditions: dict[str, Callable[[Pages, Pages], bool]] = {
        "temperature": lambda _, b: b["qnet_device_temperature_kelvin", f"{node},stage"] > 6,
        "coherence": lambda _, b: b["qnet_coherence_t2_seconds", node] < 0.5 * 1.2,
        "drop-out": lambda _, b: b["qnet_device_up", node] == 0,
    }
    for name, condition in conditions.items():
        simulation = living(demo_network(), 300)
        simulation.inject("F8", node)
        when[name] = first(simulation, condition)
    assert when["temperature"] < when["coherence"] < when["drop-out"]


def test_a_cut_policy_is_not_a_loss() -> None:
    """Fewer attempts make fewer pairs, but the same share of attempts succeeds and of photons is lost."""
    simulation = living(demo_network(), 300)
    simulation.inject("F4", "ams-utr")
    before = page(simulation)
    simulation.advance_to(simulation.time + 300)
    after = page(simulation)

    def rate(metric: str) -> float:
        return grown(before, after, metric, "ams-utr")

    assert rate("qnet_entanglement_attempts_total") == pytest.approx(300e6 * 0.05**0.7, rel=0.01)
    herald = physics.pairs_per_attempt(physics.transmissivity(array(24 * 0.2 + 1.5)))[0]
    assert rate("qnet_entangled_pairs_total") / rate("qnet_entanglement_attempts_total") == pytest.approx(
        herald, rel=0.03
    )
    lost = rate("qnet_physical_qubits_lost_total") / rate("qnet_physical_qubits_sent_total")
    assert lost == pytest.approx(1 - 10 ** (-(24 * 0.2 + 1.5) / 10), rel=0.01)


def test_a_drained_node_carries_nothing() -> None:
    """Transfers stop on all its links and go on elsewhere."""
    simulation = living(demo_network(), 60)
    simulation.settings.drained[simulation.plant.nodes.index("utr")] = True
    simulation.renew()
    simulation.advance_to(simulation.time + 120)
    before = page(simulation)
    simulation.advance_to(simulation.time + 60)
    after = page(simulation)
    for link in demo_network().links.values():
        done = grown(before, after, "qnet_logical_transfers_total", f"{link.id},success")
        assert (done == 0) == ("utr" in link.ends), link.id


@pytest.mark.parametrize("seed", range(3))
def test_what_can_never_be(seed: int) -> None:
    """Under all faults at once: counters never fall, parts stay below wholes, pools within bounds, all finite."""
    simulation = Simulation(demo_network(), seed=seed, start=START)
    for scenario in SCENARIOS.values():
        simulation.inject(scenario.mode, scenario.subject, severity=1.0, shape=scenario.shape)
    before = page(simulation)
    for step in range(1, 61):
        simulation.advance_to(START + 20 * step)
        now = page(simulation)
        assert all(np.isfinite(value) and value >= 0 for value in now.values())
        falling = [key for key in before if key[0].endswith(("_total", "_bucket", "_count")) and now[key] < before[key]]
        assert falling == []
        for link in demo_network().links:
            for part, whole in (
                ("qnet_entangled_pairs_total", "qnet_entanglement_attempts_total"),
                ("qnet_physical_qubits_lost_total", "qnet_physical_qubits_sent_total"),
                ("qnet_syndrome_errors_total", "qnet_syndrome_rounds_total"),
                ("qnet_entanglement_pool_pairs", "qnet_entanglement_pool_capacity_pairs"),
                ("qnet_transfer_slots_in_use", "qnet_transfer_slots_limit"),
            ):
                assert now[part, link] <= now[whole, link], part
            buckets = [
                value for (name, at), value in now.items() if name.endswith("_bucket") and at.endswith(f",{link}")
            ]
            assert buckets == sorted(buckets)
            assert buckets[-1] == now["qnet_decode_duration_seconds_count", link]
        before = now


def test_pairs_are_conserved() -> None:
    """What is stored and what was taken never exceed what was made and what was there at first."""
    simulation = Simulation(demo_network(), seed=4, start=START)
    stored = page(simulation)
    simulation.inject("F4", "ams-utr")
    for step in range(1, 41):
        simulation.advance_to(START + 15 * step)
        now = page(simulation)
        for link in demo_network().links:
            had = now["qnet_entangled_pairs_total", link] + stored["qnet_entanglement_pool_pairs", link]
            used = now["qnet_entangled_pairs_consumed_total", link] + now["qnet_entanglement_pool_pairs", link]
            assert used <= had + 1


def test_the_same_seed_is_the_same_history_however_often_one_looks() -> None:
    """One look after ten minutes, or one each second: the same page; another seed is another page."""
    once = living(demo_network(), 600, seed=5)
    often = Simulation(demo_network(), seed=5, start=START)
    for second in range(601):
        often.advance_to(START + second)
    assert exposition(once) == exposition(often)
    assert exposition(once) != exposition(living(demo_network(), 600, seed=6))


def test_the_same_acts_at_the_same_seconds_are_the_same_history() -> None:
    """Faults included."""

    def history() -> str:
        simulation = Simulation(demo_network(), seed=5, start=START)
        for number, scenario in enumerate(SCENARIOS.values()):
            simulation.inject(scenario.mode, scenario.subject, shape=scenario.shape, delay_s=60.0 * number)
        simulation.advance_to(START + 900)
        return exposition(simulation)

    assert history() == history()


def test_time_never_goes_back() -> None:
    """An earlier instant changes nothing."""
    simulation = living(demo_network(), 60)
    before = exposition(simulation)
    simulation.advance_to(START)
    assert (simulation.time, exposition(simulation)) == (START + 60, before)
