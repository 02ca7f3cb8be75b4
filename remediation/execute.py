"""Carrying out one act: parameters checked, time bounded, the outcome as an envelope of plain JSON."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import ValidationError

from remediation.contract import Action, Outcome, Ports, Risk
from remediation.errors import ControllerError, TemplateError
from remediation.machine import Act
from remediation.plan import complaint

Json = dict[str, Any]
T = TypeVar("T")


async def perform(act: Act, ports: Ports, actions: Mapping[str, Action]) -> Json:
    """Do it. Only the domain's own errors become a failed outcome; all else is a defect and rises."""
    action = actions.get(act.action)
    if action is None:
        return _envelope(Outcome(ok=False, error=f"there is no action {act.action}", happened=False))
    try:
        parameters = action.parameters.model_validate(act.parameters)
    except ValidationError as error:
        return _envelope(Outcome(ok=False, error=complaint(error), happened=False))
    try:
        found = await _bounded(act, action.run(parameters, ports, act.key), ports)
    except ControllerError as error:
        looks = action.risk is Risk.READ
        happened = False if looks else error.happened
        return _envelope(
            Outcome(ok=False, error=str(error), retryable=error.retryable, happened=happened, unclear=looks)
        )
    except TemplateError as error:
        return _envelope(Outcome(ok=False, error=str(error), happened=False))
    except _LateError as late:
        looks = action.risk is Risk.READ
        return _envelope(Outcome(ok=False, error=str(late), happened=False if looks else None, unclear=looks))
    return _envelope(found)


async def snapshot(act: Act, ports: Ports, actions: Mapping[str, Action]) -> Json:
    """What an act is about to change, as it is now; empty where there is nothing to tell or nobody who tells it.

    Whatever is wrong here is wrong for the act as well, which says so.
    """
    action = actions.get(act.action)
    if action is None or action.snapshot is None:
        return {}
    try:
        return dict(
            await _bounded(act, action.snapshot(action.parameters.model_validate(act.parameters), ports), ports)
        )
    except (ValidationError, ControllerError, _LateError):
        return {}


async def probe(
    act: Act, ports: Ports, actions: Mapping[str, Action], *, before: Mapping[str, Any] | None = None
) -> Json | None:
    """What became of an act that was begun before a crash; None when it surely never reached the far side.

    `before` is the snapshot that was recorded with the intent.
    """
    found = await _probed(act, ports, actions)
    return None if found is None else {**found, "before": found["before"] or dict(before or {})}


async def _probed(act: Act, ports: Ports, actions: Mapping[str, Action]) -> Json | None:
    action = actions.get(act.action)
    if action is None or action.risk is Risk.READ:
        return None
    if action.probe is None:
        return _envelope(
            Outcome(
                ok=False, error=f"{act.action} was begun before a restart and nobody recorded its end", happened=None
            )
        )
    try:
        parameters = action.parameters.model_validate(act.parameters)
        found = await _bounded(act, action.probe(parameters, ports, act.key), ports)
    except ValidationError:
        return None
    except (ControllerError, _LateError) as error:
        return _envelope(Outcome(ok=False, error=f"{error}; nobody knows whether it was done", happened=None))
    return None if found is None else _envelope(found)


class _LateError(Exception):
    """An act took longer than it may."""


async def _bounded(act: Act, doing: Awaitable[T], ports: Ports) -> T:
    """What `doing` comes to within the act's timeout; raises _LateError after it."""
    work = asyncio.ensure_future(doing)
    timer = asyncio.ensure_future(ports.timer.sleep(act.timeout_s))
    try:
        await asyncio.wait([work, timer], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise _LateError(f"{act.action} took longer than {act.timeout_s:g} s")
        return work.result()
    finally:
        for task in (work, timer):
            task.cancel()
        await asyncio.gather(work, timer, return_exceptions=True)


def _envelope(outcome: Outcome) -> Json:
    return asdict(outcome)
