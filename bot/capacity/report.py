"""What to tell a person about a channel or a link: bounds side by side, each with its regime; pure.

Where only bounds are known both are given, never one number. Finite-block rows are for planning, asymptotic rows
stand beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bot.capacity import bosonic, channels, coherent, finite_block
from bot.capacity import pauli as paulis
from bot.capacity.attribution import attribute
from bot.capacity.link import LinkState, evaluate
from bot.capacity.ranges import CapacityRangeError, Number, one_of, within
from bot.model.diagnosis import CapacityReport

Help = Literal["one-way", "two-way", "classical", "entanglement-assisted"]
Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One capacity with its bounds (equal where it is known exactly, None where nothing is), in units per use."""

    what: str
    help: Help
    regime: Literal["asymptotic", "finite block"]
    lower: float | None
    upper: float | None
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A bare channel: its parameters, its asymptotic rows, and the total Pauli error of its twirl where it has one."""

    parameters: tuple[str, ...]
    rows: Callable[..., tuple[Row, ...]]
    error: Callable[..., Number] | None = None
    exact_blocks: Callable[[Values, int, float], tuple[Row, ...]] | None = None
    optional: tuple[str, ...] = ()


def _row(
    what: str, help_: Help, lower: Number | None, upper: Number | None, *, unit: str = "qubit", note: str = ""
) -> Row:
    low, high = (None if value is None else float(value) for value in (lower, upper))
    return Row(what, help_, "asymptotic", low, high, unit, note)


def _dephasing(p: float) -> tuple[Row, ...]:
    q = channels.dephasing_q(p)
    return (
        _row("Q = P", "one-way", q, q),
        _row("Q2 = P2", "two-way", q, q),
        _row("C", "classical", 1.0, 1.0, unit="bit"),
        _row("C_EA", "entanglement-assisted", *2 * (channels.dephasing_assisted(p),), unit="bit"),
    )


def _depolarizing(p: float) -> tuple[Row, ...]:
    low = channels.depolarizing_hashing(p)
    return (
        _row("Q", "one-way", low, channels.depolarizing_upper(p), note=_unknown(float(low), open_=p < 0.25)),
        _row("Q2, P2", "two-way", low, channels.depolarizing_two_way_upper(p)),
        _row("P", "one-way", low, channels.depolarizing_two_way_upper(p), unit="bit", note="private"),
        _row("C", "classical", *2 * (channels.depolarizing_c(p),), unit="bit"),
        _row("C_EA", "entanglement-assisted", *2 * (channels.depolarizing_assisted(p),), unit="bit"),
    )


def _pauli(px: float, py: float, pz: float) -> tuple[Row, ...]:
    channel = paulis.pauli(px, py, pz)
    low, high = paulis.hashing(channel), paulis.two_way_upper(channel)
    one_way = _one_way(coherent.pauli_kraus(px, py, pz), float(low), float(high))
    return (
        one_way,
        _row("Q2, P2", "two-way", low, high),
        _row("P", "one-way", low, high, unit="bit", note="private"),
        _row("C", "classical", *2 * (channels.pauli_c(px, py, pz),), unit="bit"),
        _row("C_EA", "entanglement-assisted", *2 * (channels.pauli_assisted(px, py, pz),), unit="bit"),
    )


def _erasure(p: float) -> tuple[Row, ...]:
    q, q2 = channels.erasure_q(p), channels.erasure_two_way(p)
    return (
        _row("Q", "one-way", q, q),
        _row("P", "one-way", q, q, unit="bit", note="private; degradable up to p = 1/2, 0 from there"),
        _row("Q2", "two-way", q2, q2, note="heralded pairs are governed by this one"),
        _row("C", "classical", q2, q2, unit="bit"),
        _row("C_EA", "entanglement-assisted", *2 * (channels.erasure_assisted(p),), unit="bit"),
    )


def _damping(gamma: float) -> tuple[Row, ...]:
    q = channels.damping_q(gamma)
    return (
        _row("Q = P", "one-way", q, q),
        _row("Q2", "two-way", channels.damping_two_way_lower(gamma), channels.damping_two_way_upper(gamma)),
        _row(
            "C",
            "classical",
            channels.damping_holevo(gamma),
            None,
            unit="bit",
            note="one-shot Holevo bound, additivity open",
        ),
        _row("C_EA", "entanglement-assisted", *2 * (channels.damping_assisted(gamma),), unit="bit"),
    )


def _memory(t: float, t1: float, t2: float) -> tuple[Row, ...]:
    low, high = channels.memory_lower(t, t1, t2), channels.memory_upper(t, t1, t2)
    kept = np.exp(-t * max(0.0, 1 / t2 - 1 / (2 * t1)))
    flips = coherent.pauli_kraus(0.0, 0.0, (1 - kept) / 2)
    return (_one_way(coherent.then(coherent.damping(-np.expm1(-t / t1)), flips), float(low), float(high)),)


def _generalized(gamma: float, population: float) -> tuple[Row, ...]:
    bounds = (
        channels.generalized_damping_lower(gamma, population),
        channels.generalized_damping_upper(gamma, population),
    )
    return (_one_way(coherent.generalized_damping(gamma, population), *(float(bound) for bound in bounds)),)


def _one_way(kraus: coherent.Kraus, low: float, high: float) -> Row:
    """Q between its bounds; exactly 0 where the channel is antidegradable."""
    if float(coherent.extension_margin(kraus)) >= 0:
        return _row("Q", "one-way", 0.0, 0.0, note="antidegradable")
    return _row("Q", "one-way", low, high, note=_unknown(low, open_=True))


def _pure_loss(eta: float, photons: float | None = None) -> tuple[Row, ...]:
    q, q2 = bosonic.loss_q(eta), bosonic.repeaterless_bound(eta)
    rows = (_row("Q = P", "one-way", q, q), _row("Q2 = K", "two-way", q2, q2, note="repeaterless bound, any energy"))
    if photons is None:
        return rows
    limited, c, assisted = (
        function(eta, photons) for function in (bosonic.loss_q_limited, bosonic.loss_c, bosonic.loss_assisted)
    )
    return (
        *rows,
        _row("Q", "one-way", limited, limited, note=f"at most {photons:g} photons per mode"),
        _row("C", "classical", c, c, unit="bit", note=f"at most {photons:g} photons per mode"),
        _row("C_EA", "entanglement-assisted", assisted, assisted, unit="bit", note=f"at most {photons:g} photons"),
    )


def _thermal_loss(eta: float, nbar: float, photons: float | None = None) -> tuple[Row, ...]:
    one = bosonic.thermal_lower(eta, nbar), bosonic.thermal_upper(eta, nbar)
    two = bosonic.thermal_two_way_lower(eta, nbar), bosonic.thermal_two_way_upper(eta, nbar)
    rows = _row("Q", "one-way", *one), _row("Q2, K", "two-way", *two)
    if photons is None:
        return rows
    c, assisted = bosonic.thermal_c(eta, nbar, photons), bosonic.thermal_assisted(eta, nbar, photons)
    note = f"at most {photons:g} photons per mode"
    return (
        *rows,
        _row("C", "classical", c, c, unit="bit", note=note),
        _row("C_EA", "entanglement-assisted", assisted, assisted, unit="bit", note=note),
    )


def _blocks(low: int, high: float | None, block: tuple[int, float], help_: Help, note: str) -> tuple[Row, ...]:
    n, eps = block
    note = f"n = {n}, eps = {eps:g}: {note if low >= 0 else 'no random code reaches eps'}"
    return (Row("R", help_, "finite block", max(0, low) / n, high, "qubit", note),)


def _dephasing_blocks(values: Values, n: int, eps: float) -> tuple[Row, ...]:
    p = min(values["p"], 1 - values["p"])  # Z after every use turns one into the other
    low, high = finite_block.dephasing_k(p, n, eps), finite_block.converse(p, n, eps)
    return _blocks(low, high, (n, eps), "one-way", "random stabilizer codes; converse holds with two-way help")


def _erasure_blocks(values: Values, n: int, eps: float) -> tuple[Row, ...]:
    exact, alone = finite_block.erasure_k_assisted(values["p"], n, eps), finite_block.erasure_k(values["p"], n, eps)
    return (
        *_blocks(
            alone, max(0, exact) / n, (n, eps), "one-way", "random stabilizer codes; at most as with two-way help"
        ),
        *_blocks(exact, max(0, exact) / n, (n, eps), "two-way", "exact, classical post-processing"),
    )


CHANNELS: Mapping[str, Channel] = {
    "depolarizing": Channel(("p",), _depolarizing, lambda p: p),
    "dephasing": Channel(("p",), _dephasing, lambda p: p, _dephasing_blocks),
    "pauli": Channel(("px", "py", "pz"), _pauli, lambda px, py, pz: px + py + pz),
    "erasure": Channel(("p",), _erasure, None, _erasure_blocks),
    "amplitude-damping": Channel(("gamma",), _damping, lambda gamma: 1 - (1 + np.sqrt(1 - gamma)) ** 2 / 4),
    "generalized-amplitude-damping": Channel(("gamma", "population"), _generalized),
    "t1t2": Channel(("t", "t1", "t2"), _memory, lambda t, t1, t2: channels.memory_error(t_s=t, t1_s=t1, t2_s=t2)),
    "pure-loss": Channel(("eta",), _pure_loss, optional=("photons",)),
    "thermal-loss": Channel(("eta", "nbar"), _thermal_loss, optional=("photons",)),
}
"""Channels that can be asked for by name."""


def bare(channel: str, values: Values, *, uses: int = 1000, eps: float = 1e-3) -> tuple[Row, ...]:
    """Finite-block rows first, then asymptotic ones; raises CapacityRangeError for a parameter missing or out of range.

    Channels without their own finite-block result are planned as the depolarizing channel of the same total Pauli
    error: always valid, sometimes pessimistic. Bosonic channels have asymptotic rows only.
    """
    known = _channel(channel, values)
    within("eps", eps, 0.0, 1.0, open_low=True, open_high=True)
    if np.isnan(eps):
        raise CapacityRangeError("eps", "NaN", "a number")
    rows = known.rows(**values)
    if known.exact_blocks is not None:
        return (*known.exact_blocks(values, uses, eps), *rows)
    if known.error is None:
        return rows
    error = float(known.error(**values))
    low = finite_block.depolarizing_k(error, uses, eps)
    # From p = 1/2 on the channel breaks entanglement, as at 1/2.
    high = finite_block.converse(min(error, 0.5), uses, eps) if channel == "depolarizing" else None
    note = "random stabilizer codes" + ("" if channel == "depolarizing" else ", as depolarizing of equal total error")
    return (*_blocks(low, high, (uses, eps), "one-way", note), *rows)


def total_error(channel: str, values: Values) -> float:
    """Total Pauli error of the channel's twirl, which codes are compared at."""
    known = _channel(channel, values)
    if known.error is None:
        named = ", ".join(name for name, item in CHANNELS.items() if item.error is not None)
        raise CapacityRangeError("channel", channel, f"one with Pauli errors: {named}")
    known.rows(**values)
    return float(known.error(**values))


def link_report(baseline: LinkState, now: LinkState) -> CapacityReport:
    """Baseline, now and what explains the drop, for one link; unknown quantities are left out."""
    return CapacityReport(
        baseline=_known(evaluate(baseline)), now=_known(evaluate(now)), attribution=_known(attribute(baseline, now))
    )


def _known(values: Mapping[str, Number]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def _channel(channel: str, values: Values) -> Channel:
    known = CHANNELS[one_of("channel", channel, tuple(CHANNELS))]
    if not set(known.parameters) <= set(values) <= {*known.parameters, *known.optional}:
        given = ", ".join(values) or "nothing"
        wanted = ", ".join((*known.parameters, *(f"{name} (optional)" for name in known.optional)))
        raise CapacityRangeError(f"parameters of {channel}", given, wanted)
    for name, value in values.items():
        if np.isnan(value):
            raise CapacityRangeError(name, "NaN", "a number")
    return known


def _unknown(lower: float, *, open_: bool) -> str:
    return "not known whether above 0" if lower == 0 and open_ else ""
