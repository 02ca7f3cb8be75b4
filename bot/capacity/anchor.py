"""Lay a change that the model predicts on what the link itself was seen to do."""

from dataclasses import dataclass

import numpy as np

SAME = 1e-9
"""Relative changes of the model below this are none."""


@dataclass(frozen=True, slots=True)
class Modelled:
    """One quantity as the model has it: now, after the act, and at the baseline."""

    now: float
    after: float
    baseline: float


def anchored(model: Modelled, measured: float | None, healthy: float | None, *, logical: bool) -> float:
    """The model's change laid on the link's own readings.

    With both readings: the same part of the way from measured to healthy as the model goes from now to its
    baseline. With one, or where the model sees no difference to its baseline: the change from there. Success moves
    in log-odds, other quantities linearly (two anchors) or as a ratio (one).
    """
    if measured is not None and healthy is not None:
        way, whole = (_scale(logical, end) - _scale(logical, model.now) for end in (model.after, model.baseline))
        if not np.isfinite([way, whole]).all():
            return model.after
        if abs(whole) <= SAME * max(1.0, abs(_scale(logical, model.now))):
            return _shifted(logical, measured, model.after, model.now)
        part = way / whole
        part = min(max(part, 0.0), 1.0) if logical else part
        start, end = _scale(logical, measured), _scale(logical, healthy)
        return _unscale(logical, start + part * (end - start))
    if measured is not None:
        return _shifted(logical, measured, model.after, model.now)
    if healthy is not None:
        return _shifted(logical, healthy, model.after, model.baseline)
    return model.after


def _shifted(logical: bool, reading: float, later: float, reference: float) -> float:
    if later == reference:
        return reading
    if logical:
        return _unscale(logical, _scale(logical, reading) + _scale(logical, later) - _scale(logical, reference))
    return reading * later / reference if reference and np.isfinite(reference) else later


def _scale(logical: bool, value: float) -> float:
    return float(np.log(odds(value))) if logical else value


def _unscale(logical: bool, value: float) -> float:
    return float(1 / (1 + np.exp(-value))) if logical else value


def odds(success: float) -> float:
    """p/(1-p), kept finite at the edges; NaN stays NaN."""
    inside = min(max(success, 1e-12), 1 - 1e-12)
    return inside / (1 - inside)
