"""An act that only the configuration knows: an operation of a mapped controller, called by its name."""

import json
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from remediation.actions.base import Id, Parameters, ended, outcome
from remediation.contract import Action, Asked, Outcome, Ports, Risk, Target

_LARGEST = 16_384


class Call(Parameters):
    """An operation `http.NAME` of a controller's mapping, what it is for, and what it takes.

    The mapping alone says which address is called: a runbook cannot.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,60}$")]
    link: Id | None = None
    node: Id | None = None
    flow: Id | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)

    @field_validator("parameters")
    @classmethod
    def _small(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(f"is no JSON: {error}") from None
        if size > _LARGEST:
            raise ValueError(f"has {size} bytes, more than {_LARGEST}")
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.link, self.node, self.flow)) != 1:
            raise ValueError("name exactly one of link, node and flow")
        return self

    @property
    def target(self) -> Target:
        """What it touches."""
        if self.link is not None:
            return Target("link", self.link)
        return Target("node", self.node) if self.node is not None else Target("flow", str(self.flow))

    @property
    def asked(self) -> Asked:
        """The act for the controller."""
        return Asked(f"http.{self.name}", self.target, self.parameters)


async def _run(given: Call, ports: Ports, key: str) -> Outcome:
    asked = given.asked
    before = dict(await ports.controller.state(asked.target, asked.operation))
    await ports.controller.submit(asked.operation, asked.target, asked.parameters, key=key)
    return outcome(await ended(ports, key, asked), before)


async def _probe(given: Call, ports: Ports, key: str) -> Outcome | None:
    status = await ports.controller.status(key, given.asked)
    return None if status.state == "unknown" else outcome(await ended(ports, key, given.asked), {})


HTTP_ACTIONS: tuple[Action, ...] = (
    Action(
        name="http.call",
        summary="Do what the mapping of an HTTP controller calls http.NAME",
        parameters=Call,
        risk=Risk.DISRUPTIVE,
        target=lambda given: given.target,
        run=_run,
        probe=_probe,
        unpredicted="only the mapping knows what it does",
        compensation="http.call",
    ),
)
