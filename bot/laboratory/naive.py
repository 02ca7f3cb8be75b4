"""The naive threshold table: each mode one fixed threshold on the signal in which it is seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.laboratory.judge import Named, Said
from bot.model.network import Link
from bot.model.telemetry import FloatArray, Quality, Window

_BASELINE_S, _NOW_S = 900.0, 300.0
"""The baseline is the median of the window's first quarter of an hour, the present that of its last five minutes."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A mode is seen where its signal is `factor` times its own baseline, or further away from it."""

    mode: str
    signal: str
    of_nodes: bool
    factor: float
    """Above 1 for a rise, below for a fall."""
    least: float
    """Baseline and present are taken to be at least this, in the signal's unit: noise around zero is no change."""
    failures: bool = False
    """Look at 1 - signal."""
    at_update: bool = False
    """Only where the firmware changed within the window."""


TABLE: Sequence[Threshold] = (
    Threshold("F1", "entanglement_rate", of_nodes=False, factor=0.8, least=1e-6),
    Threshold("F2", "logical_success_ratio", of_nodes=False, factor=2.0, least=0.002, failures=True),
    Threshold("F3", "decode_latency_p99", of_nodes=False, factor=2.0, least=1e-4),
    Threshold("F4", "entanglement_pool_level", of_nodes=False, factor=0.3, least=0.01),
    Threshold("F4", "secret_key_rate", of_nodes=False, factor=0.5, least=1e-6),
    Threshold("F5", "coherence_t2", of_nodes=True, factor=0.9, least=1e-9, at_update=True),
    Threshold("F6", "measurement_variance", of_nodes=True, factor=1.3, least=1e-9),
    Threshold("F7", "transfer_queue_length", of_nodes=False, factor=3.0, least=5.0),
    Threshold("F8", "device_temperature", of_nodes=True, factor=1.02, least=1e-6),
)
SIGNALS = (*dict.fromkeys(row.signal for row in TABLE), "firmware_version")


def answer(link: Link, window: Window) -> Said:
    """What the table says of one link: every mode past its threshold, the furthest past it first."""
    found: dict[str, tuple[float, str]] = {}
    for row in TABLE:
        for subject in link.ends if row.of_nodes else (link.id,):
            past = _past(row, subject, window)
            if past >= 1 and past > found.get(row.mode, (0.0, ""))[0]:
                found[row.mode] = (past, subject)
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    lost = tuple(dict.fromkeys(row.signal for row in TABLE if _lost(row, link, window)))
    return Said(
        link=link.id,
        verdict="fault" if found else "unknown" if lost else "healthy",
        ranked=tuple(Named(mode, subject) for mode, (_, subject) in ranked),
        missing=lost,
    )


def _past(row: Threshold, subject: str, window: Window) -> float:
    """How far past its threshold, as a ratio of logarithms: 1 at the threshold, 0 where nothing is measured."""
    values = window.signals[row.signal].row(subject)
    if values is None or (row.at_update and not _updated(subject, window)):
        return 0.0
    seen = 1 - values if row.failures else values
    times = window.signals[row.signal].times
    before, now = seen[times < window.start + _BASELINE_S], seen[times > window.end - _NOW_S]
    if not np.isfinite(before).any() or not np.isfinite(now).any():
        return 0.0
    ratio = max(_median(now), row.least) / max(_median(before), row.least)
    return float(np.log(ratio) / np.log(row.factor))


def _median(values: FloatArray) -> float:
    return float(np.nanmedian(values))


def _updated(node: str, window: Window) -> bool:
    versions = window.signals["firmware_version"].row(node)
    return versions is not None and np.unique(versions[np.isfinite(versions)]).size > 1


def _lost(row: Threshold, link: Link, window: Window) -> bool:
    """Whether the signal is not fresh; key rates are only there on links that make keys."""
    signal = window.signals[row.signal]
    subjects = link.ends if row.of_nodes else (link.id,)
    return row.signal != "secret_key_rate" and any(signal.quality_of(each) != Quality.FRESH for each in subjects)
