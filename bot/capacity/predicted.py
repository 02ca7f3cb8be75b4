"""What predictions are about: each quantity's unit, and which way of missing its value is no harm.

>>> good_of("qber"), unit_of("entanglement_rate"), good_of("entanglement_consumption_rate")
('lower', 'pairs/s', 'neither')
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.model.guard import Good

NEITHER: Good = "neither"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of predictions: `good` says where a link is better off than predicted, `neither` where nobody can say.

    More pairs used are more served or a pool that drains, more slots in use are more work done or no room left.
    """

    unit: str
    good: Good


QUANTITIES: Mapping[str, Quantity] = {
    "entanglement_pool_level": Quantity("1", "higher"),
    "entanglement_rate": Quantity("pairs/s", "higher"),
    "entanglement_success_ratio": Quantity("1", "higher"),
    "entanglement_consumption_rate": Quantity("pairs/s", NEITHER),
    "physical_loss_ratio": Quantity("1", "lower"),
    "logical_success_ratio": Quantity("1", "higher"),
    "secret_key_rate": Quantity("bit/s", "higher"),
    "qber": Quantity("1", "lower"),
    "channel_fidelity": Quantity("1", "higher"),
    "decode_latency_p50": Quantity("s", "lower"),
    "decode_latency_p99": Quantity("s", "lower"),
    "coherence_t1": Quantity("s", "higher"),
    "coherence_t2": Quantity("s", "higher"),
    "measurement_variance": Quantity("1", "lower"),
    "device_temperature": Quantity("K", "lower"),
    "syndrome_error_ratio": Quantity("1", "lower"),
    "syndrome_correlation": Quantity("1", "lower"),
    "retry_ratio": Quantity("1", "lower"),
    "slot_utilisation": Quantity("1", NEITHER),
    "transfer_queue_length": Quantity("transfers", "lower"),
    "capacity_qubits_per_s": Quantity("qubit/s", "higher"),
    "pool_depletion_s": Quantity("s", "higher"),
    "replenish_time_s": Quantity("s", "lower"),
    "purified_fidelity": Quantity("1", "higher"),
    "purified_rate": Quantity("pairs/s", "higher"),
}
"""All but the last five are signals of the telemetry contract."""


def unit_of(quantity: str) -> str:
    """The unit; 1 for a quantity that is not in the table."""
    known = QUANTITIES.get(quantity)
    return known.unit if known else "1"


def good_of(quantity: str) -> Good:
    """Which way is good; neither for a quantity that is not in the table."""
    known = QUANTITIES.get(quantity)
    return known.good if known else NEITHER
