"""The mapped HTTP controller as the bot builds it, in front of a real Apache."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx

from bot.far import open_client
from bot.far_settings import Far, Secret
from remediation.contract import Ports
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import HttpMapping, load_mapping
from remediation.execute import perform
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages
from tests.support.apache import TOKEN, Apache

MAPPING = """
apiVersion: bellhop/v1
kind: HttpMapping
state:
  link: {path: "/settings/{{ inputs.target }}.json"}
  node: {path: "/{{ inputs.target }}/settings.json"}
  flow: {path: "/odd/{{ inputs.target }}"}
operations:
  http.replace:
    method: PUT
    path: /settings/{{ inputs.target }}.json
    body: "{{ inputs.parameters.document }}"
    if_match: true
    job:
      poll: /settings/{{ inputs.target }}.json
      done: {path: "@", equals: "{{ inputs.parameters.document }}"}
  http.pump:
    path: /jobs/start
    body: {link: "{{ inputs.target }}"}
    job:
      id: job
      poll: /jobs/at/{{ inputs.key }}
      done: {path: phase, equals: done}
      failed: {path: phase, equals: failed}
      error: why
      result: "{phase: phase}"
  http.located:
    path: /jobs/start
    job: {id_from: location, poll: "/jobs/at/{{ inputs.job }}", done: {path: phase, equals: done}}
  http.odd:
    path: /odd/{{ inputs.parameters.body }}
    job: {id: job, poll: "/odd/{{ inputs.job }}", done: {path: phase, equals: done}}
"""


class Side:
    """The controller as the bot builds it, with the client under it."""

    def __init__(self, client: httpx.AsyncClient, mapping: HttpMapping, apache: Apache) -> None:
        self._apache = apache
        self.client, self._clock = client, LeapingTime(START)
        self.controller = HttpController(client, mapping, now=self._clock.now)
        self.ports = Ports(self.controller, NoReadings(), Messages(), self._clock)

    def when(
        self, event: Literal["request", "response"], method: str, doing: Callable[[], None], turn: int = 1
    ) -> None:
        """Do something as this method's request of this turn goes out, or as its response comes in."""
        turns = 0

        async def hook(seen: httpx.Request | httpx.Response) -> None:
            nonlocal turns
            request = seen.request if isinstance(seen, httpx.Response) else seen
            turns += request.method == method
            if request.method == method and turns == turn:
                doing()

        self.client.event_hooks = {event: [hook]}

    async def asked(self) -> list[str]:
        """What Apache was asked so far; it writes an answer down before it takes the connection's next request."""
        await self.client.get("/none")
        return self._apache.asked()

    async def call(self, name: str, link: str = "ams-utr", key: str = "INC-1:step:run", **parameters: Any) -> Any:
        """The envelope of one http.call."""
        return await perform(call(name, link, key, **parameters), self.ports, ACTIONS)


def call(name: str, link: str, key: str, **parameters: Any) -> Act:
    """What a runbook asks for."""
    given = {"name": name, "link": link, "parameters": parameters}
    return Act("step", "Step", "run", 1, "http.call", given, key, LONGEST_ACT_S)


@asynccontextmanager
async def speaking(apache: Apache, folder: Path, *, patience_s: float = 5.0) -> AsyncIterator[Side]:
    """A controller with token and mapping in `folder`, on a client as the bot opens it."""
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    far = Far(url=apache.url, bearer_token=Secret(file=folder / "token"), timeout=patience_s)
    async with open_client(far) as client:
        yield Side(client, load_mapping(folder / "mapping.yaml"), apache)
