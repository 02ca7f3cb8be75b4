"""The parameters of a link that its model reads."""

from dataclasses import dataclass

from bot.capacity.ranges import Number

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """Parameters of one link (floats) or of many (float64 arrays that broadcast); NaN is unknown.

    `herald_efficiency` pairs per attempt over what the fiber transmits; `fidelity` average fidelity of the channel
    test (1/3..1); `decode_latency_s` median and `decode_p99_s` 99th percentile (NaN: exponential law);
    `consumption_rate` pairs/s; `readout_variance` of the normalised readout signal; one code for all elements.
    """

    loss_db: Number
    attempt_rate_hz: Number
    herald_efficiency: Number
    t1_s: Number
    t2_s: Number
    storage_s: Number
    gate_error: Number
    measurement_error: Number
    fidelity: Number
    decode_latency_s: Number
    decoder_budget_s: Number
    consumption_rate: Number
    pool_pairs: Number
    pool_capacity_pairs: Number
    qber: Number = NAN
    decode_p99_s: Number = NAN
    control_rtt_s: Number = 0.0
    readout_variance: Number = NAN
    code_family: str = "none"
    code_distance: int = 1
