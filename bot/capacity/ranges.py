"""Inputs that a formula cannot take are refused by name; unknown values (NaN) pass and stay unknown."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bot.errors import UsageError

Array = NDArray[np.float64]
Number = float | Array
"""A scalar, or an array of any shape: links x times x draws. Functions take `ArrayLike` and broadcast."""

Option = TypeVar("Option", str, int, float)
INFINITY = float("inf")
MOST_COUNTED = 2**53
"""Whole numbers up to here are exact in float64."""


class CapacityRangeError(UsageError, ValueError):
    """A parameter lies outside what its formula is valid for."""

    def __init__(self, name: str, value: float | str, allowed: str) -> None:
        super().__init__(
            f"{name} is {value}, allowed is {allowed}", hint="check the unit and the convention of the input"
        )
        self.name = name
        self.value = value
        self.allowed = allowed


def within(
    name: str,
    value: ArrayLike,
    low: float = -INFINITY,
    high: float = INFINITY,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> Array:
    """`value` as float64 when every known element is in range; else CapacityRangeError with the first that is not."""
    array = _numbers(name, value)
    bad = (array <= low if open_low else array < low) | (array >= high if open_high else array > high)
    if bad.any():
        span = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise CapacityRangeError(name, float(array[bad].flat[0]) if array.ndim else float(array), span)
    return array


def _numbers(name: str, value: ArrayLike) -> Array:
    """Float64 of numbers and of arrays of numbers; text, booleans and nothing are no numbers."""
    try:
        given = np.asarray(value)
    except ValueError:
        raise CapacityRangeError(name, str(value), "a number, or rows of equal length") from None
    if given.dtype.kind in "fiu":
        return given.astype(np.float64, copy=False)
    # Integers beyond 64 bits arrive as objects.
    if given.dtype.kind == "O" and all(isinstance(each, int | float) for each in given.flat):
        try:
            return given.astype(np.float64)
        except OverflowError:
            raise CapacityRangeError(name, "too large", "a number below 1e308") from None
    raise CapacityRangeError(name, repr(value), "a number")


def finite(name: str, value: ArrayLike, low: float = 0.0) -> Array:
    """A quantity of at least `low` that is not endless."""
    return within(name, value, low, open_high=True)


def probability(name: str, value: ArrayLike) -> Array:
    """A probability or ratio, 0..1."""
    return within(name, value, 0.0, 1.0)


def positive(name: str, value: ArrayLike) -> Array:
    """A quantity above zero, infinity included."""
    return within(name, value, 0.0, open_low=True)


def not_negative(name: str, value: ArrayLike) -> Array:
    """A quantity of zero or more."""
    return within(name, value, 0.0)


def count(name: str, value: float, low: int = 0, high: int | None = None) -> int:
    """A whole number in low..high."""
    top = MOST_COUNTED if high is None else high
    number = float(within(name, value)) if np.ndim(value) == 0 else np.nan
    if not low <= number <= top or number != int(number):
        raise CapacityRangeError(name, f"{number:.15g}", f"a whole number in [{low}, {top:.15g}]")
    return int(number)


def one_of(name: str, value: Option, allowed: Sequence[Option]) -> Option:
    """A value out of a short list."""
    if value not in allowed:
        raise CapacityRangeError(name, str(value), ", ".join(str(item) for item in allowed))
    return value


def times(t1_s: ArrayLike, t2_s: ArrayLike) -> tuple[Array, Array]:
    """Relaxation and coherence times, s; coherence cannot outlive twice the relaxation time."""
    t1, t2 = positive("t1_s", t1_s), positive("t2_s", t2_s)
    bad = t2 > 2 * t1 * (1 + 1e-9)
    if bad.any():
        worst = float(np.broadcast_to(t2, bad.shape)[bad].flat[0])
        raise CapacityRangeError("t2_s", worst, "at most twice t1_s")
    return t1, t2


def plain(value: Array) -> Number:
    """A 0-d array as a float, any other as it is."""
    return float(value) if value.ndim == 0 else value


def elementwise(function: Callable[..., float]) -> Callable[..., Any]:
    """Let a function of numbers take arrays, too: they broadcast, and the answer is an array of float64.

    For sums and searches whose length depends on the numbers. Only numbers in: the answer is the function's own.
    Elements with a NaN among their arguments are NaN; text is handed on as it is.
    """

    @wraps(function)
    def over_arrays(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        named: dict[Any, Any] = {**dict(enumerate(args)), **keywords}
        if all(np.ndim(value) == 0 for value in named.values()):
            return function(*args, **keywords)
        grids = dict(zip(named, np.broadcast_arrays(*(np.asarray(each) for each in named.values())), strict=True))
        answers = np.empty(next(iter(grids.values())).shape)
        for at in np.ndindex(answers.shape):
            each = {name: grid[at].item() for name, grid in grids.items()}
            unknown = any(isinstance(value, float) and np.isnan(value) for value in each.values())
            given = [each[place] for place in range(len(args))]
            answers[at] = np.nan if unknown else function(*given, **{name: each[name] for name in keywords})
        return answers

    return over_arrays
