"""Deciding signals that are missing, stale or impossible: where the honest answer is unknown."""

from collections.abc import Mapping

import numpy as np

from bot.laboratory import faults, page
from bot.laboratory.draft import Draft
from bot.laboratory.series import Key
from bot.model.telemetry import FloatArray

DECIDING: Mapping[str, tuple[str, str]] = {
    "F1": ("qnet_physical_qubits_lost_total", "physical_loss_ratio"),
    "F2": ("qnet_logical_transfers_total", "logical_success_ratio"),
    "F3": ("qnet_decode_duration_seconds_bucket", "decode_latency_p99"),
    "F4": ("qnet_entanglement_pool_pairs", "entanglement_pool_level"),
    "F5": ("qnet_firmware_info", "firmware_version"),
    "F6": ("qnet_measurement_variance_ratio", "measurement_variance"),
    "F7": ("qnet_transfer_queue_length", "transfer_queue_length"),
    "F8": ("qnet_device_temperature_kelvin", "device_temperature"),
}
"""Mode -> the raw metric without which it cannot be told, and the derived signal that is made of it."""


def take_away(draft: Draft, series: Mapping[Key, FloatArray], mode: str) -> str:
    """Spoil the mode's deciding signal: never there, stale before the question, or saying what cannot be.

    Returns the name of the derived signal that is lost.
    """
    metric, signal = DECIDING[mode]
    subject = draft.place.nodes[draft.node] if mode in faults.OF_NODES else draft.place.links[draft.link]
    way, since = int(draft.rng.integers(0, 3)), -int(draft.rng.integers(8, 40))
    for (name, labels), values in series.items():
        if name != metric or subject not in dict(labels).values():
            continue
        if way == 0 or name == "qnet_firmware_info":
            values[:] = np.nan
        else:
            values[since:] = np.nan if way == 1 or name.endswith(page.COUNTING) else -1.0
    return signal
