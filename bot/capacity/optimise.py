"""One-dimensional search for arrays of problems at once."""

from collections.abc import Callable

import numpy as np

from bot.capacity.ranges import Array

GOLDEN = (np.sqrt(5) - 1) / 2
GRID = 33
STEPS = 60


def maximum(function: Callable[[Array], Array], low: float, high: float) -> Array:
    """Largest value of `function` on [low, high]; it takes x with its own axes last and broadcasts over parameters.

    A grid finds the highest cell; golden-section search finds the top in it and in both end cells (to 1e-13 of a cell).
    """
    grid = np.linspace(low, high, GRID)
    shape = np.shape(function(np.asarray((low + high) / 2)))
    values = np.stack([np.broadcast_to(function(np.asarray(x)), shape) for x in grid])
    best = np.argmax(values, axis=0)
    left, right = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, GRID - 1)]
    tops = [values.max(axis=0), _golden(function, left, right)]
    # Near zero capacity the best input hides within a cell at one of the ends.
    tops += [_golden(function, np.full(shape, a), np.full(shape, b)) for a, b in (grid[:2], grid[-2:])]
    top = np.max(np.stack(tops), axis=0)
    return np.where(np.isnan(values).any(axis=0), np.nan, top)


def _golden(function: Callable[[Array], Array], left: Array, right: Array) -> Array:
    c, d = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
    at_c, at_d = function(c), function(d)
    for _ in range(STEPS):
        up = at_c < at_d
        left, right = np.where(up, c, left), np.where(up, right, d)
        fresh = np.where(up, left + GOLDEN * (right - left), right - GOLDEN * (right - left))
        value = function(fresh)
        c, d = np.where(up, d, fresh), np.where(up, fresh, c)
        at_c, at_d = np.where(up, at_d, value), np.where(up, value, at_c)
    return np.maximum(at_c, at_d)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` crosses zero between low and high (opposite signs), by bisection to the last bit."""
    below = function(low) > 0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if (function(middle) > 0) == below else (low, middle)
    return (low + high) / 2
