"""Series as an exporter would tell them: one text page per scrape, with the flaws of real telemetry."""

import json
import math
from collections.abc import Iterator, Mapping

import numpy as np

from bot.model.telemetry import FloatArray
from tests.support.labelled.series import Key

SPIKES = 0.0005
"""Chance that a gauge's sample is a spike."""
GAPS = 0.004
"""Chance that a scrape fails altogether."""
SPIKY = ("coherence", "variance", "temperature", "fidelity", "queue", "rtt", "qber")
COUNTING = ("_total", "_bucket")


def with_flaws(series: Mapping[Key, FloatArray], rng: np.random.Generator) -> dict[Key, FloatArray]:
    """Single spikes in gauges, and scrapes that nobody answered (NaN: no sample)."""
    steps = len(next(iter(series.values())))
    lost = rng.random(steps) < GAPS
    lost[-1] = False
    flawed: dict[Key, FloatArray] = {}
    for key, values in series.items():
        spiky = any(word in key[0] for word in SPIKY)
        hit = rng.random(steps) < SPIKES if spiky else np.zeros(steps, dtype=bool)
        spiked = np.where(hit, values * rng.choice([0.3, 0.6, 2.0, 5.0], steps), values)
        if key[0].endswith("_ratio") and "variance" not in key[0]:
            spiked = np.minimum(spiked, 1.0)
        flawed[key] = np.where(lost, np.nan, spiked)
    return flawed


def reset(series: dict[Key, FloatArray], links: set[str], step: int) -> None:
    """Let the counters of `links` start again from zero at `step`."""
    for (name, labels), values in series.items():
        if name.endswith(COUNTING) and dict(labels).get("link") in links:
            values[step:] -= values[step - 1]


def pages(series: Mapping[Key, FloatArray]) -> Iterator[str]:
    """The text of each scrape, in order; an empty one where the exporter did not answer."""
    heads = [_head(name, labels) for name, labels in series]
    table = np.array(list(series.values()))
    for column in range(table.shape[1]):
        samples = zip(heads, table[:, column].tolist(), strict=True)
        yield "".join(f"{head}{value!r}\n" for head, value in samples if not math.isnan(value))


def _head(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels)}}} "
