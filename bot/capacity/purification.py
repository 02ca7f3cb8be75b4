"""What rounds of purification make of a link's pairs: better ones, and fewer.

A round takes two equal pairs and keeps one of them with probability P. Told for BBPSSW, whose pairs are twirled every
round (Bennett et al. 1996): F' = (F² + (1-F)²/9)/P with P = F² + 2F(1-F)/3 + 5(1-F)²/9, so the rate is halved times P.
Equipment that does not twirl (DEJMPS, Deutsch et al. 1996) does as well in the first round and better after it.
Gates and readout of the rounds themselves are taken to be perfect; what they spoil stands in the link's own errors.

>>> after = bbpssw_rounds(0.9, 1)
>>> round(after.fidelity, 4), round(after.raw_pairs, 4)
(0.9264, 2.2843)
"""

from dataclasses import dataclass

import numpy as np

from bot.capacity.ranges import count, positive, probability
from bot.capacity.repeater import bbpssw, dejmps

MOST_ROUNDS = 6
"""More rounds are not looked for in what a link uses up: each takes two pairs for one."""


@dataclass(frozen=True, slots=True)
class Purified:
    """A pair after purification: its fidelity with Phi+, and the raw pairs that it takes on average."""

    fidelity: float
    raw_pairs: float


def bbpssw_rounds(fidelity: float, rounds: int) -> Purified:
    """Werner pairs of this fidelity (0..1) after so many rounds of BBPSSW."""
    now, raw = float(probability("F", fidelity)), 1.0
    for _ in range(count("rounds", rounds, 0)):
        kept, success = bbpssw(now, now)
        now, raw = float(kept), raw * 2 / float(success)
    return Purified(now, raw)


def dejmps_rounds(fidelity: float, rounds: int) -> Purified:
    """The same of DEJMPS, never twirled."""
    wrong = (1 - float(probability("F", fidelity))) / 3
    state, raw = np.array([1 - 3 * wrong, wrong, wrong, wrong]), 1.0
    for _ in range(count("rounds", rounds, 0)):
        state, success = dejmps(state)
        raw *= 2 / float(success)
    return Purified(float(state[0]), raw)


def rounds_seen(fidelity: float, raw_pairs: float) -> int:
    """How many rounds a link does that takes `raw_pairs` for each pair it uses: the nearest, by ratio."""
    seen = np.log(float(positive("raw_pairs", raw_pairs)))
    taken = [np.log(bbpssw_rounds(fidelity, rounds).raw_pairs) for rounds in range(MOST_ROUNDS + 1)]
    return int(np.argmin(np.abs(np.array(taken) - seen)))


def of_pair(average: float) -> float:
    """Fidelity with Phi+ of the pair behind a channel of this average fidelity: (3f-1)/2 (Horodecki 1999)."""
    return (3 * average - 1) / 2


def of_channel(pair: float) -> float:
    """Average fidelity of the channel that a pair of this fidelity with Phi+ makes: (2F+1)/3."""
    return (2 * pair + 1) / 3
