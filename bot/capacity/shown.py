"""What people are told of a link's capacity: the quantities that matter in words, and which of them were measured."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.capacity.link import QUANTITIES

_MADE = "entanglement_rate"
_USED = "entanglement_consumption_rate"

MEASURED: tuple[str, ...] = (
    _MADE,
    _USED,
    "entanglement_pool_level",
    "physical_loss_ratio",
    "channel_fidelity",
    "coherence_t1",
    "coherence_t2",
    "decode_latency_p50",
)
"""Signals in whose place the model puts a promise of the network file, or a constant, where telemetry says nothing."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: words, the quantity of `link.QUANTITIES`, and the signals without which it is but a promise."""

    what: str
    name: str
    needs: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit; empty for a ratio."""
        unit = QUANTITIES[self.name]
        return "" if unit == "1" else unit


SHOWN: tuple[Shown, ...] = (
    Shown("capacity, at least", "capacity_qubits_per_s", (_MADE,)),
    Shown("capacity, at most", "capacity_upper_qubits_per_s", (_MADE,)),
    Shown("secret key", "secret_key_rate", (_MADE,)),
    Shown("logical success", "logical_success_ratio", (_MADE, _USED)),
    Shown("error per pair", "physical_error_ratio"),
    Shown("pairs made", "entanglement_rate", (_MADE,)),
    Shown("pairs made less used", "pool_net_rate", (_MADE, _USED)),
)
"""The quantities of a short answer, the most asked for first."""


def unmeasured(signals: Collection[str]) -> tuple[str, ...]:
    """The signals of MEASURED that are not among these.

    >>> unmeasured(set(MEASURED) - {"entanglement_rate"})
    ('entanglement_rate',)
    """
    return tuple(name for name in MEASURED if name not in signals)


def rests_on_promise(name: str, assumed: Collection[str]) -> bool:
    """Whether a quantity (a key of `link.QUANTITIES`, or a finite-block one) lacks a measurement that it stands on.

    >>> rests_on_promise("pool_net_rate", ["entanglement_consumption_rate"])
    True
    """
    needs = _NEEDS.get(name, ())
    return any(signal in assumed for signal in needs)


_NEEDS = {each.name: each.needs for each in SHOWN} | {
    "capacity_finite_qubits_per_s": (_MADE,),
    "secret_key_finite_rate": (_MADE,),
    "pool_depletion_s": (_MADE, _USED),
}
