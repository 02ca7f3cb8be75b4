"""Carrying out one act: parameters checked, time bounded, the outcome as an envelope of plain JSON."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from remediation.contract import Action, Outcome, Ports, Risk
from remediation.errors import ControllerError, TemplateError
from remediation.machine import Act

Json = dict[str, Any]


async def perform(act: Act, ports: Ports, actions: Mapping[str, Action]) -> Json:
    """Do it. Only the domain's own errors become a failed outcome; all else is a defect and rises."""
    action = actions.get(act.action)
    if action is None:
        return _envelope(Outcome(ok=False, error=f"there is no action {act.action}", happened=False))
    try:
        parameters = action.parameters.model_validate(act.parameters)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return _envelope(Outcome(ok=False, error=f"{place}: {first['msg']}", happened=False))
    return await _bounded(act, action, parameters, ports)


async def probe(act: Act, ports: Ports, actions: Mapping[str, Action]) -> Json | None:
    """What became of an act that was begun before a crash; None when it surely never reached the far side."""
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
        found = await action.probe(parameters, ports, act.key)
    except ValidationError:
        return None
    except ControllerError as error:
        return _envelope(Outcome(ok=False, error=f"{error}; nobody knows whether it was done", happened=None))
    return None if found is None else _envelope(found)


async def _bounded(act: Act, action: Action, parameters: Any, ports: Ports) -> Json:  # noqa: ANN401
    work = asyncio.ensure_future(action.run(parameters, ports, act.key))
    timer = asyncio.ensure_future(ports.timer.sleep(act.timeout_s))
    try:
        await asyncio.wait([work, timer], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            happened = False if action.risk is Risk.READ else None
            late = f"{act.action} took longer than {act.timeout_s:g} s"
            return _envelope(Outcome(ok=False, error=late, happened=happened))
        return _envelope(work.result())
    except ControllerError as error:
        return _envelope(Outcome(ok=False, error=str(error), retryable=error.retryable, happened=error.happened))
    except TemplateError as error:
        return _envelope(Outcome(ok=False, error=str(error), happened=False))
    finally:
        for task in (work, timer):
            task.cancel()
        await asyncio.gather(work, timer, return_exceptions=True)


def _envelope(outcome: Outcome) -> Json:
    return asdict(outcome)
