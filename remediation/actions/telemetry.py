"""Acts that only look: conditions on live signals, now or until they hold for a while."""

import asyncio
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from remediation.actions.base import Id, Parameters, PositiveDuration
from remediation.contract import Action, Outcome, Ports, Reading, Risk

_LOOK_EVERY_S = 15.0


class Condition(Parameters):
    """One thing that a signal must be."""

    signal: Id
    link: Id | None = None
    node: Id | None = None
    below: float | None = None
    above: float | None = None
    within_baseline: bool | None = None
    fresh: bool | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.link is None) == (self.node is None):
            raise ValueError("name exactly one of link and node")
        if all(each is None for each in (self.below, self.above, self.within_baseline, self.fresh)):
            raise ValueError("say below, above, within_baseline or fresh")
        return self

    @property
    def subject(self) -> str:
        """The link or node."""
        return str(self.link or self.node)


class Check(Parameters):
    """All of some conditions, or any."""

    all: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()
    any: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.all) == bool(self.any):
            raise ValueError("give either all or any")
        return self


class WaitUntil(Condition):
    """A condition that must hold `for` so long, `within` so long."""

    hold: PositiveDuration = Field(default=60.0, alias="for")
    within: PositiveDuration = 600.0


class Snapshot(Parameters):
    """Signals to write down."""

    signals: Annotated[tuple[Id, ...], Field(min_length=1, max_length=40)]
    link: Id | None = None
    node: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.link is None) == (self.node is None):
            raise ValueError("name exactly one of link and node")
        return self


class Complaint(NamedTuple):
    """Why a condition is not met; unclear when the telemetry cannot tell whether it is."""

    text: str
    unclear: bool = False


def complaint(condition: Condition, reading: Reading) -> Complaint | None:
    """Why a reading does not meet a condition, or nothing; a value that is not fresh meets none."""
    name = f"{reading.signal} of {reading.subject}"
    if reading.value is None or reading.quality != "fresh":
        return Complaint(f"{name} is {reading.quality}", unclear=True)
    value = f"{name} is {reading.value:.4g}"
    if condition.below is not None and not reading.value < condition.below:
        return Complaint(f"{value}, not below {condition.below:g}")
    if condition.above is not None and not reading.value > condition.above:
        return Complaint(f"{value}, not above {condition.above:g}")
    return None if condition.within_baseline is None else _strange(reading, reading.value, condition.within_baseline)


def _strange(reading: Reading, value: float, usual: bool) -> Complaint | None:
    """Why a value is not inside its band as it was before the incident, or not outside where it should be."""
    name, low, high = f"{reading.signal} of {reading.subject}", reading.baseline_low, reading.baseline_high
    if low is None or high is None:
        unknown = f"unknown: no baseline of {name} is known from before the incident; "
        here = f"it is {value:.4g} now, and whether that is as usual cannot be told"
        return Complaint(unknown + here, unclear=True)
    if (low <= value <= high) is usual:
        return None
    relation = "outside" if usual else "inside"
    return Complaint(f"{name} is {value:.4g}, {relation} its baseline {low:.4g} to {high:.4g}")


async def _check(given: Check, ports: Ports, key: str) -> Outcome:
    del key
    conditions = given.all or given.any
    readings = await asyncio.gather(*(ports.readings.read(each.signal, each.subject) for each in conditions))
    found = [complaint(each, reading) for each, reading in zip(conditions, readings, strict=True)]
    faults = [each for each in found if each is not None]
    good = not faults if given.all else len(faults) < len(conditions)
    output = {"readings": {f"{each.signal} {each.subject}": each.value for each in readings}}
    if good:
        return Outcome(ok=True, output=output, happened=False)
    unclear = (all if given.all else any)(each.unclear for each in faults)
    return Outcome(
        ok=False, output=output, error="; ".join(each.text for each in faults), happened=False, unclear=unclear
    )


async def _wait(given: WaitUntil, ports: Ports, key: str) -> Outcome:
    del key
    began = ports.timer.now()
    since: float | None = None
    fault = None
    while (now := ports.timer.now()) - began <= given.within:
        reading = await ports.readings.read(given.signal, given.subject)
        fault = complaint(given, reading)
        since = None if fault else (since if since is not None else now)
        if since is not None and now - since >= given.hold:
            return Outcome(ok=True, output={"value": reading.value, "waited_s": now - began}, happened=False)
        await ports.timer.sleep(min(_LOOK_EVERY_S, given.hold))
    text = fault.text if fault else f"{given.signal} did not hold for {given.hold:g} s"
    return Outcome(ok=False, error=text, happened=False, unclear=fault is not None and fault.unclear)


async def _snapshot(given: Snapshot, ports: Ports, key: str) -> Outcome:
    del key
    subject = str(given.link or given.node)
    readings = await asyncio.gather(*(ports.readings.read(signal, subject) for signal in given.signals))
    seen = {each.signal: {"value": each.value, "quality": each.quality, "baseline": each.baseline} for each in readings}
    return Outcome(ok=True, output=seen, happened=False)


TELEMETRY_ACTIONS: tuple[Action, ...] = (
    Action(
        name="telemetry.check",
        summary="Look whether conditions hold now",
        parameters=Check,
        risk=Risk.READ,
        target=lambda given: None,
        run=_check,
    ),
    Action(
        name="telemetry.wait_until",
        summary="Wait until a condition has held for a while",
        parameters=WaitUntil,
        risk=Risk.READ,
        target=lambda given: None,
        run=_wait,
    ),
    Action(
        name="telemetry.snapshot",
        summary="Write signals down",
        parameters=Snapshot,
        risk=Risk.READ,
        target=lambda given: None,
        run=_snapshot,
    ),
)
