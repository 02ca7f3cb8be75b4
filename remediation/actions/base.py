"""What the families share: strict parameters, and acts that ask a controller and wait until it is done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from remediation.actions.settled import settled
from remediation.contract import (
    Action,
    Asked,
    Effect,
    JobStatus,
    Leaves,
    Outage,
    Outcome,
    Ports,
    Risk,
    Target,
    TargetKind,
)
from remediation.duration import Duration
from remediation.errors import ControllerError

POLL_S = 5.0
_SILENT_POLLS = 4
"""So many polls in a row may go unanswered before nobody knows what became of a job."""

Id = Annotated[str, Field(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveDuration = Annotated[Duration, Field(gt=0)]
ModelT = TypeVar("ModelT", bound="Parameters")
FillIn = Callable[[Mapping[str, Any]], Any]
"""From a target's settings to the value of a parameter that was left out; None where they do not tell."""
Measure = Callable[[Any, Ports, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""From the given parameters, the ports and the target's state to parameters that only the moment can tell."""


class Parameters(BaseModel):
    """Unknown parameters are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    null_means: ClassVar[frozenset[str]] = frozenset()
    """Parameters whose null is a wish; any other that is null is left out of what is asked for."""


class OnLink(Parameters):
    """An act on one link."""

    link: Id


class OnNode(Parameters):
    """An act on one node."""

    node: Id


class OnFlow(Parameters):
    """An act on one flow."""

    flow: Id


def controlled(
    name: str,
    summary: str,
    parameters: type[Parameters],
    *,
    on: TargetKind,
    risk: Risk = Risk.REVERSIBLE,
    effect: Callable[[Any], Effect | None] | None = None,
    unpredicted: str = "",
    compensation: str = "",
    left_out: Mapping[str, FillIn] | None = None,
    measured: Measure | None = None,
    consumes_pairs: bool = False,
    leaves: Leaves | None = None,
    takes_out: Outage | None = None,
    puts_back: bool = False,
) -> Action:
    """An act that a controller carries out: asked for once by key, then polled until it succeeded or failed.

    `left_out` gives parameters that may be left out their value from the target's settings; `measured` gives those
    that depend on the moment. Neither is worked out again for a key that the controller knows. An act that is said to
    have succeeded is done once the target's settings agree with `leaves`, as far as the controller tells them.
    """

    def target(given: Parameters) -> Target:
        return Target(on, str(getattr(given, on)))

    async def snapshot(given: Parameters, ports: Ports) -> dict[str, Any]:
        return dict(await ports.controller.state(target(given), name))

    async def run(given: Parameters, ports: Ports, key: str) -> Outcome:
        before = await snapshot(given, ports)
        asked = Asked(name, target(given), _values(given, on))
        missing = {each: fill for each, fill in (left_out or {}).items() if each not in asked.parameters}
        certain = not missing and measured is None
        if certain or (await ports.controller.status(key, asked)).state in ("unknown", "lost"):
            filled = {each: _filled(name, each, fill, before) for each, fill in missing.items()}
            filled |= await measured(given, ports, before) if measured is not None else {}
            asked = replace(asked, parameters={**asked.parameters, **filled})
            await ports.controller.submit(name, asked.target, asked.parameters, key=key)
        return await settled(outcome(await ended(ports, key, asked), before), asked, leaves or {}, ports)

    async def probe(given: Parameters, ports: Ports, key: str) -> Outcome | None:
        asked = Asked(name, target(given), _values(given, on))
        if (await told(ports, key, asked)).state == "unknown":
            return None
        return await settled(outcome(await ended(ports, key, asked), {}), asked, leaves or {}, ports)

    return Action(
        name=name,
        summary=summary,
        parameters=parameters,
        risk=risk,
        target=target,
        run=run,
        probe=probe,
        snapshot=snapshot,
        effect=effect,
        unpredicted=unpredicted,
        compensation=compensation,
        consumes_pairs=consumes_pairs,
        leaves=leaves or {},
        takes_out=takes_out,
        puts_back=puts_back,
    )


def on_link(kind: str, *names: str) -> Callable[[Any], Effect]:
    """An effect on the act's link, with these of its parameters as numbers."""

    def effect(given: Any) -> Effect:  # noqa: ANN401 - the act's own parameters
        values: Mapping[str, float] = {
            name: float(value) for name in names if (value := getattr(given, name, None)) is not None
        }
        return Effect(kind=kind, target=Target("link", given.link), values=values)

    return effect


def on_node(kind: str) -> Callable[[Any], Effect]:
    """An effect on the links of the act's node."""
    return lambda given: Effect(kind=kind, target=Target("node", given.node))


async def ended(ports: Ports, key: str, asked: Asked) -> JobStatus:
    """Poll until the job is over: a controller that says yes has only accepted. The act's timeout bounds it.

    Raises ControllerError with `happened` unknown when the controller does not say what became of the job.
    """
    while (status := await told(ports, key, asked)).state == "running":
        await ports.timer.sleep(POLL_S)
    return status


async def told(ports: Ports, key: str, asked: Asked) -> JobStatus:
    """What the controller says of the job, asked again where it does not answer at once.

    Raises ControllerError with `happened` unknown when it stays silent, or refuses.
    """
    for silent in range(1, _SILENT_POLLS + 1):
        try:
            return await ports.controller.status(key, asked)
        except ControllerError as error:
            if not error.retryable or silent == _SILENT_POLLS:
                raise ControllerError(str(error), retryable=False, happened=None) from None
        await ports.timer.sleep(POLL_S)
    raise AssertionError(key)


def outcome(status: JobStatus, before: Mapping[str, Any]) -> Outcome:
    """What an act came to whose job is over, with the state that was there before it."""
    if status.state == "succeeded":
        return Outcome(ok=True, output=dict(status.result), before=before)
    if status.state == "failed":
        return Outcome(ok=False, before=before, error=status.error or "the controller says that it failed")
    forgot = status.error or "the controller forgot what it was asked for"
    return Outcome(ok=False, before=before, error=forgot, happened=None)


def _filled(action: str, parameter: str, fill: FillIn, before: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    settings = before.get("settings")
    value = fill(settings) if isinstance(settings, Mapping) else None
    if value is None:
        message = f"{action}: the controller does not know a {parameter} to use; say which"
        raise ControllerError(message, retryable=False, happened=False)
    return value


def _values(given: Parameters, on: TargetKind) -> dict[str, Any]:
    asked = given.model_dump(mode="json", exclude={on, "to_capacity"})
    return {name: value for name, value in asked.items() if value is not None or name in given.null_means}
