"""`bellhop capacity --compare-codes`: what each code would cost and deliver, and where the choice flips."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from bot.capacity import code_choice
from bot.capacity.estimate import Estimate
from bot.cli.capacity_channel import table
from bot.model.network import Link


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where codes are compared: total Pauli error p per pair, pairs/s (0: unknown), promise and prices."""

    title: str
    p: float
    pairs_per_s: float
    slo: float
    cost_per_pair: float
    fixed_cost: float
    allow_discard: bool


def of_link(
    link: Link, told: Estimate, *, slo: float | None, cost: float | None, fixed: float, allow_discard: bool
) -> Scenario:
    """A measured link: its error, the pairs it makes and, unless others are given, its promise and its price."""
    now = told.now
    return Scenario(
        title=f"Codes for {link.id} as measured",
        p=now["physical_error_ratio"],
        pairs_per_s=now["entanglement_rate"] * (1 - now["decode_timeout_ratio"]),
        slo=1 - link.slo.logical_success if slo is None else slo,
        cost_per_pair=(link.cost_per_physical_qubit or 1.0) if cost is None else cost,
        fixed_cost=fixed,
        allow_discard=allow_discard,
    )


def show(scenario: Scenario, form: str) -> None:
    """Print the ranking, the recommendation and the flips; raises CapacityRangeError."""
    prices = {"slo": scenario.slo, "c_pair": scenario.cost_per_pair, "c_fixed": scenario.fixed_cost}
    offers = code_choice.compare(
        p=scenario.p, allow_discard=scenario.allow_discard, pairs_per_s=scenario.pairs_per_s, **prices
    )
    flips = code_choice.flips(allow_discard=scenario.allow_discard, **prices)
    best = offers[0].code if offers[0].complies else "none"
    if form == "json":
        told = {"p": scenario.p, **prices, "pairs_per_s": scenario.pairs_per_s, "recommended": best}
        told |= {"codes": [asdict(offer) for offer in offers]}
        told |= {"flips": [{"from_p": start, "fidelity": 1 - start, "code": code} for start, code in flips]}
        click.echo(json.dumps(told, allow_nan=False))
        return
    head = ("code", "cost per logical qubit", "logical error", "accepted", "meets SLO", "logical/s")
    rows = [_row(offer, known=scenario.pairs_per_s > 0) for offer in offers]
    where = f"error {scenario.p:.4g} per pair, SLO {scenario.slo:.3g}, ideal decoding"
    table(f"{scenario.title}: {where}; recommended: {best}", head, rows)
    for line in _quality(scenario, flips):
        click.echo(line)


def _row(offer: code_choice.Offer, *, known: bool) -> tuple[str, ...]:
    return (
        offer.code,
        f"{offer.cost:.4g}",
        f"{offer.error:.3g}",
        f"{offer.accepted:.4f}",
        "yes" if offer.complies else "no",
        f"{offer.delivered_per_s:.4g}" if known else "-",
    )


def _quality(scenario: Scenario, flips: Sequence[tuple[float, str]]) -> Sequence[str]:
    """All flips, and the two next to where the link stands."""
    lines = ["Recommended from p = " + ", ".join(f"{start:.3g}: {code}" for start, code in flips)]
    here = max((index for index, (start, _) in enumerate(flips) if start <= scenario.p), default=0)
    if here + 1 < len(flips):
        start, code = flips[here + 1]
        lines.append(f"Flips to {code} when the pair's fidelity falls below {1 - start:.4g} (now {1 - scenario.p:.4g})")
    if here > 0:
        start, code = flips[here][0], flips[here - 1][1]
        lines.append(f"Flips to {code} when the pair's fidelity rises above {1 - start:.4g} (now {1 - scenario.p:.4g})")
    return lines
