"""What links carry now, from the telemetry of a simulated network."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from bot.capacity.codes import physical_qubits
from bot.capacity.link import evaluate, observed, specified
from bot.flow.live import DELIVERED, RATE, SIGNALS, SUCCESS, Live, live, promised
from bot.model.network import Code, Network
from bot.model.telemetry import Quality, SignalWindow, Window
from bot.simulator.scenarios import demo_network

NETWORK = demo_network()
NAN = float("nan")
QUIET = {
    RATE: 1200.0,
    "entanglement_consumption_rate": 500.0,
    "entanglement_pool_level": 0.8,
    "channel_fidelity": 0.99,
    DELIVERED: 8.0,
    SUCCESS: 0.998,
    "decode_latency_p50": 0.01,
    "decode_latency_p99": 0.04,
    "coherence_t1": 4.0,
    "coherence_t2": 1.2,
    "control_rtt": 0.001,
}
"""About what the links of the demo network show when all is well."""


Odd = Mapping[str, Mapping[str, float | None]]
"""Signal -> subject -> value."""


def window(network: Network, odd: Odd) -> Window:
    """The present of a network that is well, but for odd values of some subjects; None: stale."""

    def series(signal: str) -> SignalWindow:
        subjects = tuple(network.nodes) if signal.startswith("coherence") else tuple(network.links)
        given = [odd.get(signal, {}).get(subject, QUIET[signal]) for subject in subjects]
        values = np.array([[QUIET[signal] if value is None else value] for value in given])
        quality = tuple(
            Quality.STALE if value is None else Quality.MISSING if np.isnan(value) else Quality.FRESH for value in given
        )
        return SignalWindow(signal, subjects, np.zeros(1), values, quality, np.zeros(len(subjects)))

    return Window(start=0.0, end=0.0, step=1.0, signals={signal: series(signal) for signal in SIGNALS})


def at(odd: Odd, network: Network = NETWORK) -> Live:
    """The same, evaluated."""
    return live(network, window(network, odd))


def test_each_link_carries_what_the_model_of_one_link_says_of_its_telemetry() -> None:
    """All at once gives what one by one gives; in blocks of 62.4 pairs, for so many each transfer was seen to use.

    500 pairs/s over 8 transfers/s that succeed and 0.998 of all: more than the 49 of a surface code of distance 5.
    """
    link = NETWORK.links["ams-utr"]
    told = evaluate(observed(link, QUIET, reference=specified(link)))
    worse = min(1.0, 0.998 / float(told[SUCCESS]))
    assert physical_qubits("surface", 5) == 49
    carried = at({}).capacities["ams-utr"]
    assert carried == pytest.approx(float(told["capacity_qubits_per_s"]) * worse / (500 * 0.998 / 8), rel=1e-9)
    assert carried < promised(link) / 100


def test_links_with_other_codes_and_pools_are_told_apart() -> None:
    """A bare link takes a pair a qubit, or what it was seen to use; a smaller pool runs dry sooner."""
    bare = msgspec.structs.replace(NETWORK.links["ams-utr"], code=Code(family="none"))
    pool = msgspec.structs.replace(NETWORK.links["ams-rtm"].pool, capacity_pairs=10)
    small = msgspec.structs.replace(NETWORK.links["ams-rtm"], pool=pool)
    network = msgspec.structs.replace(NETWORK, links={**NETWORK.links, bare.id: bare, small.id: small})
    thirsty = dict.fromkeys(network.links, 2000.0)
    served = {**dict.fromkeys(network.links, 40.0), "ams-utr": 2000.0}
    carried = at({"entanglement_consumption_rate": thirsty, DELIVERED: served}, network).capacities
    assert carried["ams-utr"] > carried["utr-ein"] > carried["ams-rtm"]


def test_stale_or_missing_telemetry_makes_a_link_unknown_and_says_what_is_missing() -> None:
    """Of a node both its links; the optional round trip is not asked for."""
    found = at({"channel_fidelity": {"ams-utr": None}, "coherence_t2": {"grn": NAN}, "control_rtt": {"utr-ein": None}})
    assert found.unknown == {"ams-utr": "channel_fidelity", "grn-ams": "coherence_t2", "ens-grn": "coherence_t2"}
    assert not found.unknown.keys() & found.capacities.keys()
    nothing = live(NETWORK, Window(start=0.0, end=0.0, step=1.0, signals={}))
    assert nothing.unknown.keys() == NETWORK.links.keys()


def test_a_link_that_makes_no_pairs_or_fails_every_transfer_carries_nothing_whatever_else_is_missing() -> None:
    """That much is known."""
    nothing = {"ams-utr": 0.0}
    for found in (at({RATE: nothing}), at({SUCCESS: nothing, "channel_fidelity": {"ams-utr": None}})):
        assert found.capacities["ams-utr"] == 0.0
        assert found.unknown == {}


def test_a_link_that_nobody_uses_has_no_transfers_to_tell_of_and_is_known_all_the_same() -> None:
    """But a link that is used and does not tell how its transfers go is unknown."""
    silent = {"ams-utr": NAN}
    quiet = {SUCCESS: silent, "decode_latency_p50": silent, "decode_latency_p99": silent}
    found = at({**quiet, DELIVERED: {"ams-utr": 0.0}, "entanglement_consumption_rate": {"ams-utr": 0.0}})
    assert found.idle == {"ams-utr"}
    assert found.unknown == {}
    assert found.capacities["ams-utr"] > 0
    assert at(quiet).unknown == {"ams-utr": f"{SUCCESS}, decode_latency_p50, decode_latency_p99"}


def test_a_link_whose_transfers_fail_for_a_reason_that_the_model_does_not_see_carries_less() -> None:
    """Half of them, say of a bad firmware."""
    assert at({SUCCESS: {"ams-utr": 0.5}, DELIVERED: {"ams-utr": 4.0}}).capacities["ams-utr"] == pytest.approx(
        0.5 / 0.998 * at({}).capacities["ams-utr"], rel=0.01
    )
