"""BARO's RobustScorer (package fse-baro, MIT) on the same windows: it ranks metrics, and metrics stand for modes."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from bot.laboratory.judge import Named, Said
from bot.model.network import Link
from bot.model.telemetry import FloatArray, Window

MODES: Mapping[str, str] = {
    "physical_loss_ratio": "F1",
    "entanglement_success_ratio": "F1",
    "entanglement_rate": "F1",
    "logical_success_ratio": "F2",
    "syndrome_correlation": "F2",
    "decode_latency_p50": "F3",
    "decode_latency_p99": "F3",
    "control_rtt": "F3",
    "retry_ratio": "F3",
    "entanglement_pool_level": "F4",
    "entanglement_consumption_rate": "F4",
    "secret_key_rate": "F4",
    "coherence_t1": "F5",
    "coherence_t2": "F5",
    "channel_fidelity": "F5",
    "qber": "F5",
    "firmware_version": "F5",
    "measurement_variance": "F6",
    "syndrome_error_ratio": "F6",
    "transfer_queue_length": "F7",
    "slot_utilisation": "F7",
    "device_temperature": "F8",
    "device_up": "F8",
}
"""Derived signal -> the mode that a high rank of it is taken to mean."""
SIGNALS = tuple(MODES)
_FALLING = "-"
"""Marks a metric whose sign was changed, so that a fall scores as a rise does."""


def why_not() -> str:
    """Why BARO cannot be asked here, in one line; empty where it can."""
    if find_spec("baro") is not None:
        return ""
    return "BARO is left out: fse-baro is not installed; pip install 'bellhop-bot[compare]'"


def answer(link: Link, window: Window, *, onset: float, two_sided: bool) -> Said:
    """BARO's ranking for one link and its ends, told the true onset (Unix s).

    As published the scorer sees rises only; `two_sided` also gives it every metric with its sign changed.
    """
    columns = _columns(link, window)
    if two_sided:
        columns |= {f"{_FALLING}{name}": -values for name, values in columns.items()}
    ranked: dict[str, Named] = {}
    for rank in _ranks({"time": window.signals[SIGNALS[0]].times, **columns}, onset):
        signal, _, subject = rank.removeprefix(_FALLING).partition("@")
        ranked.setdefault(MODES[signal], Named(MODES[signal], subject))
    return Said(link=link.id, verdict="fault", ranked=tuple(ranked.values()))


def _ranks(columns: Mapping[str, FloatArray], onset: float) -> Sequence[str]:
    """The names of the columns, the likeliest root cause first."""
    table = import_module("pandas").DataFrame(columns)
    ranks: Sequence[str] = import_module("baro.root_cause_analysis").robust_scorer(table, inject_time=onset)["ranks"]
    return ranks


def _columns(link: Link, window: Window) -> dict[str, FloatArray]:
    """Metric@subject -> values of the link and its ends, gaps filled with the last value before them."""
    columns: dict[str, FloatArray] = {}
    for name in MODES:
        signal = window.signals[name]
        for subject in (link.id, *link.ends):
            values = signal.row(subject)
            if values is not None and np.isfinite(values).any():
                columns[f"{name}@{subject}"] = _filled(values)
    return columns


def _filled(values: FloatArray) -> FloatArray:
    known = np.flatnonzero(np.isfinite(values))
    before = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.asarray(values[known[np.maximum(before, 0)]])
