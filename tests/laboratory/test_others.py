"""The methods that Bellhop is compared with: the naive threshold table, and BARO where it is installed."""

import numpy as np
import pytest

from bot.laboratory import baro, naive
from bot.laboratory.incidents import incident
from bot.laboratory.judge import Named
from bot.model.telemetry import FloatArray, Quality, SignalWindow, Window

NETWORK = incident("benign", 200).network
LINK = next(iter(NETWORK.links.values()))
HERE, NODE = LINK.id, LINK.ends[0]
TIMES: FloatArray = np.arange(241, dtype=np.float64) * 15.0
ONSET = 2400.0
OF_NODES = {
    "coherence_t1", "coherence_t2", "measurement_variance", "device_temperature", "device_up", "firmware_version",
}  # fmt: skip
USUAL = {"logical_success_ratio": 0.98, "transfer_queue_length": 10.0}
"""Values where 0.5 would be odd."""


def window(**factors: float) -> Window:
    """An hour in which each signal is as usual with a little noise, and from the onset on its factor times that."""
    rng = np.random.default_rng(1)
    names = dict.fromkeys((*naive.SIGNALS, *baro.SIGNALS))
    return Window(
        start=0.0, end=3600.0, step=15.0, signals={name: _signal(name, factors.get(name, 1.0), rng) for name in names}
    )


def _signal(name: str, factor: float, rng: np.random.Generator) -> SignalWindow:
    """The first subject has the factor; a version changes where there is one."""
    subjects = LINK.ends if name in OF_NODES else (HERE,)
    acting = (TIMES >= ONSET) * (np.arange(len(subjects)) == 0)[:, None]
    noise = 1 + 0.002 * rng.standard_normal(acting.shape)
    values = USUAL.get(name, 0.5) * np.where(acting, factor, 1.0) * noise
    if name == "firmware_version":
        values = np.where(acting, factor - 1, 0.0)
    fresh = (Quality.FRESH,) * len(subjects)
    return SignalWindow(name, subjects, TIMES, np.asarray(values, dtype=np.float64), fresh, np.zeros(len(subjects)))


@pytest.mark.parametrize(
    ("factors", "mode", "subject"),
    [
        ({"entanglement_rate": 0.6}, "F1", HERE),
        ({"logical_success_ratio": 0.9}, "F2", HERE),
        ({"decode_latency_p99": 4.0}, "F3", HERE),
        ({"entanglement_pool_level": 0.1}, "F4", HERE),
        ({"coherence_t2": 0.6, "firmware_version": 2.0}, "F5", NODE),
        ({"measurement_variance": 1.8}, "F6", NODE),
        ({"transfer_queue_length": 9.0}, "F7", HERE),
        ({"device_temperature": 1.1}, "F8", NODE),
    ],
)
def test_the_naive_table_names_a_mode_whose_signal_is_past_its_threshold(
    factors: dict[str, float], mode: str, subject: str
) -> None:
    """One signal that moves as the mission says of a mode is that mode, where its signal is measured."""
    told = naive.answer(LINK, window(**factors))
    assert [(each.mode, each.subject) for each in told.ranked] == [(mode, subject)]


def test_the_naive_table_says_healthy_of_noise() -> None:
    """A scatter of two in a thousand is past no threshold."""
    assert naive.answer(LINK, window()).verdict == "healthy"


def test_coherence_that_changes_without_an_update_is_no_regression_to_the_naive_table() -> None:
    """Its row for F5 asks for a version change."""
    assert naive.answer(LINK, window(coherence_t2=0.6)).verdict == "healthy"


@pytest.mark.skipif(bool(baro.why_not()), reason="fse-baro is not installed (extra compare)")
@pytest.mark.filterwarnings("ignore")
class TestBaro:
    """BARO's own scorer, on metrics of the link and its ends."""

    def test_a_metric_that_rises_is_ranked_first(self) -> None:
        """Decode latency that quadruples stands for F3."""
        told = baro.answer(LINK, window(decode_latency_p99=4.0), onset=ONSET, two_sided=False)
        assert told.ranked[0] == Named("F3", HERE)

    def test_a_metric_that_falls_is_ranked_first_by_the_two_sided_variant_only(self) -> None:
        """The published score is the largest rise; a fall of T2 is seen with its sign changed."""
        falling = window(coherence_t2=0.5)
        assert baro.answer(LINK, falling, onset=ONSET, two_sided=True).ranked[0] == Named("F5", NODE)
        assert baro.answer(LINK, falling, onset=ONSET, two_sided=False).ranked[0].mode != "F5"
