"""What the families share: strict parameters, and acts that ask a controller and wait until it is done."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from remediation.contract import Action, Effect, JobStatus, Outcome, Ports, Risk, Target, TargetKind
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


class Parameters(BaseModel):
    """Unknown parameters are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
    compensation: str = "",
    left_out: Mapping[str, FillIn] | None = None,
) -> Action:
    """An act that a controller carries out: asked for once by key, then polled until it succeeded or failed.

    `left_out` gives parameters that may be left out their value from the target's settings.
    """

    def target(given: Parameters) -> Target:
        return Target(on, str(getattr(given, on)))

    async def run(given: Parameters, ports: Ports, key: str) -> Outcome:
        before = dict(await ports.controller.state(target(given)))
        values = _values(given, on)
        missing = {each: fill for each, fill in (left_out or {}).items() if each not in values}
        if not missing or (await ports.controller.status(key)).state == "unknown":
            values |= {each: _filled(name, each, fill, before) for each, fill in missing.items()}
            await ports.controller.submit(name, target(given), values, key=key)
        return _outcome(await _ended(ports, key), before)

    async def probe(given: Parameters, ports: Ports, key: str) -> Outcome | None:
        del given
        status = await ports.controller.status(key)
        return None if status.state == "unknown" else _outcome(await _ended(ports, key), {})

    return Action(
        name=name,
        summary=summary,
        parameters=parameters,
        risk=risk,
        target=target,
        run=run,
        probe=probe,
        effect=effect,
        compensation=compensation,
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


async def _ended(ports: Ports, key: str) -> JobStatus:
    """Poll until the job is over: a controller that says yes has only accepted. The act's timeout bounds it.

    Raises ControllerError with `happened` unknown when the controller does not say what became of the job.
    """
    silent = 0
    while True:
        try:
            status = await ports.controller.status(key)
        except ControllerError as error:
            silent += 1
            if not error.retryable or silent >= _SILENT_POLLS:
                raise ControllerError(str(error), retryable=False, happened=None) from None
        else:
            silent = 0
            if status.state != "running":
                return status
        await ports.timer.sleep(POLL_S)


def _outcome(status: JobStatus, before: Mapping[str, Any]) -> Outcome:
    if status.state == "succeeded":
        return Outcome(ok=True, output=dict(status.result), before=before)
    if status.state == "failed":
        return Outcome(ok=False, before=before, error=status.error or "the controller says that it failed")
    return Outcome(ok=False, before=before, error="the controller forgot what it was asked for", happened=None)


def _filled(action: str, parameter: str, fill: FillIn, before: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    settings = before.get("settings")
    value = fill(settings) if isinstance(settings, Mapping) else None
    if value is None:
        message = f"{action}: the controller does not know a {parameter} to use; say which"
        raise ControllerError(message, retryable=False, happened=False)
    return value


def _values(given: Parameters, on: TargetKind) -> dict[str, Any]:
    return given.model_dump(mode="json", exclude={on, "to_capacity"}, exclude_none=True)
