"""Links and states that the tests of the capacity model share."""

from dataclasses import replace
from typing import Any

from bot.capacity.link import LinkState, observed, specified
from bot.model.network import Code, Errors, Link, Memory, Pool, Slo

LINK = Link(
    id="ams-rpt1",
    ends=("ams", "rpt-1"),
    length_km=21.0,
    attenuation_db_per_km=0.2,
    excess_loss_db=1.5,
    attempt_rate_hz=1000.0,
    memory=Memory(t1_s=4.0, t2_s=1.2, storage_s=0.004),
    errors=Errors(gate=0.001, measurement=0.002),
    code=Code(family="surface", distance=5),
    decoder_budget_s=0.1,
    pool=Pool(capacity_pairs=5000),
    slo=Slo(logical_success=0.99, window_s=3600.0),
)
"""The first link of the contract's example network at a thousandth of its attempt rate."""

HEALTHY: dict[str, float] = {
    "physical_loss_ratio": 0.73,
    "entanglement_success_ratio": 0.12,
    "entanglement_rate": 120.0,
    "entanglement_consumption_rate": 100.0,
    "entanglement_pool_level": 0.8,
    "channel_fidelity": 0.99,
    "coherence_t1": 3.0,
    "coherence_t2": 1.4,
    "decode_latency_p50": 0.01,
    "decode_latency_p99": 0.05,
    "measurement_variance": 0.2,
    "control_rtt": 0.001,
}


def baseline() -> LinkState:
    """The link in health, as its telemetry shows it."""
    return observed(LINK, HEALTHY, reference=specified(LINK))


def now(**signals: float) -> LinkState:
    """The same link with some signals changed."""
    return observed(LINK, signals, reference=baseline())


def changed(**fields: Any) -> LinkState:
    """The healthy state with some fields replaced."""
    return replace(baseline(), **fields)
