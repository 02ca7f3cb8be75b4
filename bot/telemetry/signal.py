"""What a derived signal is made of."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["rate", "rate-ratio", "quantile", "gauge", "gauge-ratio", "info"]
Across = Literal["sum", "avg", "max", "min"]


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric of the contract, with the labels that pick its part."""

    metric: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One derived signal.

    `of` names the label that identifies its subject. A ratio divides `top` by `bottom`. `across` says how several
    series of one subject become one. `scale` multiplies a rate (8 for bytes to bits). Values outside `low`..`high`,
    NaN and infinite values are unknown. An `optional` signal may be missing on healthy hardware.
    """

    name: str
    kind: Kind
    top: Selector
    of: Literal["link", "node"] = "link"
    unit: str = "ratio"
    bottom: Selector | None = None
    across: Across = "sum"
    quantile: float = math.nan
    scale: float = 1.0
    low: float = 0.0
    high: float = math.inf
    optional: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """The contract's names of the metrics that the signal reads."""
        return (self.top.metric,) if self.bottom is None else (self.top.metric, self.bottom.metric)
