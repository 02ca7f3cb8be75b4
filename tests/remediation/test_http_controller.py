"""A mapped HTTP controller over real HTTP: each act once, the poll decides, nothing hostile gets through."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.http import free_port, running
from bot.simulator.scenarios import demo_network
from bot.simulator.server import create_app
from bot.simulator.simulation import Simulation
from remediation.contract import Asked, JobStatus, Ports, Target
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import HttpMapping, load_mapping
from remediation.errors import ControllerError, FileFaultsError
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.lines import MAPPING, TOKEN, Lines, serving
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

LINK = Target("link", "ams-utr")
KEY = "INC-1-R1:boost:run"


@pytest.fixture
def mapping(tmp_path: Path) -> HttpMapping:
    """The shipped example of these tests, read from a file."""
    return mapped(tmp_path, MAPPING)


def mapped(folder: Path, text: str) -> HttpMapping:
    """A mapping from its text."""
    file = folder / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    return load_mapping(file)


def boost(link: str = LINK.id, key: str = KEY) -> Act:
    """Raise a link's power by 3 dB."""
    return Act("boost", "Boost", "run", 1, "link.set_power", {"link": link, "gain_db": 3}, key, LONGEST_ACT_S)


async def done(lines: Lines, mapping: HttpMapping, act: Act | None = None, *, token: str = TOKEN) -> dict[str, Any]:
    """The envelope of one act on these lines."""
    clock = LeapingTime(START)
    async with serving(lines, token=token) as client:
        controller = HttpController(client, mapping, now=clock.now)
        return await perform(act or boost(), Ports(controller, NoReadings(), Messages(), clock), ACTIONS)


async def test_accepted_act_is_polled_until_it_is_done(mapping: HttpMapping) -> None:
    """With the settings that were there before, and the result that the mapping points at."""
    lines = Lines(polls=3)
    envelope = await done(lines, mapping)
    assert (envelope["error"], envelope["ok"], envelope["happened"]) == ("", True, True)
    assert envelope["before"]["settings"] == {"power": 0.0}
    assert envelope["output"] == {"gain_db": 3}
    assert lines.asked == [{"line": "ams-utr", "key": KEY, "db": 3}]
    assert lines.jobs["J1"]["looks"] == 3


async def test_act_that_was_accepted_and_then_failed_tells_why(mapping: HttpMapping) -> None:
    """Accepting is not succeeding."""
    envelope = await done(Lines(fails="amplifier is off"), mapping)
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, True, False)
    assert envelope["error"] == "amplifier is off"


async def test_same_key_is_the_same_act_however_parallel(mapping: HttpMapping) -> None:
    """Ten at once and one more: one job; the key of another act is refused."""
    lines, clock = Lines(), LeapingTime(START)
    async with serving(lines) as client:
        controller = HttpController(client, mapping, now=clock.now)
        asking = [controller.submit("link.set_power", LINK, {"gain_db": 3}, key=KEY) for _ in range(10)]
        await asyncio.gather(*asking)
        await controller.submit("link.set_power", LINK, {"gain_db": 3}, key=KEY)
        with pytest.raises(ControllerError, match="was used for another operation") as caught:
            await controller.submit("link.set_power", LINK, {"gain_db": 6}, key=KEY)
    assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert len(lines.asked) == 1


async def test_name_is_one_part_of_a_path_whatever_it_holds(mapping: HttpMapping) -> None:
    """A slash does not lead elsewhere; two dots are refused before anything is sent."""
    lines = Lines()
    assert (await done(lines, mapping, boost("a/b")))["ok"] is True
    assert [each["line"] for each in lines.asked] == ["a/b"]
    for name in ("..", ".", "ams-utr/../a", "ams-utr?x=1#y", "{{ inputs.key }}"):
        envelope = await done(lines, mapping, boost(name))
        assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert len(lines.asked) == 1


async def test_token_that_the_far_side_echoes_is_not_told(mapping: HttpMapping) -> None:
    """An error says what to do, never what the secret is."""
    envelope = await done(Lines(), mapping, token="wrong-token-of-ours")
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert envelope["error"].endswith(
        "answers 401: no access with (secret); check its credentials in the configuration"
    )


async def test_target_that_changed_meanwhile_is_left_alone(mapping: HttpMapping) -> None:
    """The state's ETag goes out as If-Match."""

    class Changing(Lines):
        async def _line(self, request: Any) -> Any:
            answer = await super()._line(request)
            self.version += 1
            return answer

    lines = Changing()
    envelope = await done(lines, mapping)
    assert (envelope["ok"], envelope["happened"]) == (False, False)
    assert "answers 412: the line has changed" in envelope["error"]
    assert lines.asked == []


@pytest.mark.parametrize(("weak", "said"), [(False, "answers 412: the line has changed"), (True, "it was changed")])
async def test_target_that_changed_once_since_its_state_was_read_is_left_alone(
    mapping: HttpMapping, weak: bool, said: str
) -> None:
    """What goes out is the tag of the state that the act keeps as what was before; a weak one is looked at again."""

    class ChangingOnce(Lines):
        async def _line(self, request: Any) -> Any:
            answer = await super()._line(request)
            answer.headers["ETag"] = ("W/" if weak else "") + answer.headers["ETag"]
            self.version = 1
            return answer

    lines = ChangingOnce()
    envelope = await done(lines, mapping)
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert said in envelope["error"]
    assert lines.asked == []


@pytest.mark.parametrize(
    ("honours", "poll", "state"),
    [(False, "", "lost"), (True, "", "unknown"), (False, "/jobs/{{ inputs.key }}", "unknown")],
)
async def test_act_of_an_earlier_process_is_repeated_only_where_that_is_safe(
    tmp_path: Path, honours: bool, poll: str, state: str
) -> None:
    """Where the far side honours keys or is asked by them; elsewhere a person decides."""
    text = MAPPING.replace("if_match: true", f"honours_key: {str(honours).lower()}")
    text = text.replace("/jobs/{{ inputs.job }}", poll) if poll else text
    async with serving(Lines()) as client:
        controller = HttpController(client, mapped(tmp_path, text), now=LeapingTime(START).now)
        asked = Asked("link.set_power", LINK, {"gain_db": 3})
        assert (await controller.status(KEY, asked)).state == state
        ports = Ports(controller, NoReadings(), Messages(), LeapingTime(START))
        envelope = await probe(boost(), ports, ACTIONS)
    assert (envelope is None) is (state == "unknown")
    assert envelope is None or (envelope["ok"], envelope["happened"]) == (False, None)


async def test_far_side_that_honours_keys_does_an_act_of_two_processes_once(tmp_path: Path) -> None:
    """The second process asks again under the same key and finds the first one's job."""
    lines, mapping = Lines(honours_key=True), mapped(tmp_path, MAPPING.replace("if_match: true", "honours_key: true"))
    assert [(await done(lines, mapping))["ok"] for _ in range(2)] == [True, True]
    assert (len(lines.asked), len(lines.jobs)) == (2, 1)


async def test_far_side_is_not_polled_more_often_than_the_mapping_says(mapping: HttpMapping) -> None:
    """Every 4 s; and after 10 minutes nobody waits any longer."""
    lines, clock = Lines(polls=10_000), LeapingTime(START)
    async with serving(lines) as client:
        controller = HttpController(client, mapping, now=clock.now)
        await controller.submit("link.set_power", LINK, {"gain_db": 3}, key=KEY)
        for _ in range(9):
            assert await controller.status(KEY) == JobStatus("running")
            await clock.sleep(1)
        assert lines.jobs["J1"]["looks"] == 3
        await clock.sleep(595)
        assert (await controller.status(KEY)).state == "lost"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("done: {path: phase", "done: {path: 'phase['"), "is no JMESPath"),
        (("{{ inputs.job }}", "{{ inputs.jobs }}"), "inputs.jobs is not known"),
        (("{{ inputs.job }}", "{{ incident.id }}"), "incident.id is not known"),
        (("{{ inputs.job }}", "{% for a in inputs %}{% endfor %}"), "not allowed in a template"),
        (("      id: job.ref\n", ""), "id does not say where it stands"),
        (("path: /lines", "path: https://elsewhere/lines"), "counts from the controller's url"),
        (("path: /lines", "path: //elsewhere/lines"), "counts from the controller's url"),
        (("X-Act:", "Host:"), "host is no header that can be set here"),
        (("method: PUT", "method: GET"), "method"),
    ],
)
def test_mapping_that_cannot_work_is_refused_when_it_is_read(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """At its place in the file."""
    with pytest.raises(FileFaultsError) as caught:
        mapped(tmp_path, MAPPING.replace(*change))
    assert said in str(caught.value)
    assert "mapping.yaml:" in str(caught.value)


async def test_operation_that_is_not_mapped_is_refused_and_the_mapped_ones_are_named(mapping: HttpMapping) -> None:
    """Nothing is sent."""
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9", trust_env=False) as client:
        controller = HttpController(client, mapping, now=LeapingTime(START).now)
        with pytest.raises(ControllerError, match=r"no operation link\.realign; it has link\.set_power") as caught:
            await controller.submit("link.realign", LINK, {}, key=KEY)
    assert (caught.value.retryable, caught.value.happened) == (False, False)


SIMULATOR = """
apiVersion: bellhop/v1
kind: HttpMapping
check: /healthz
state:
  link: {path: "/api/v1/links/{{ inputs.target }}", settings: settings, state: state}
operations:
  flow.throttle:
    path: /api/v1/operations
    body:
      operation: "{{ inputs.operation }}"
      target: {kind: "{{ inputs.kind }}", id: "{{ inputs.target }}"}
      parameters: "{{ inputs.parameters }}"
    honours_key: true
    if_match: true
    job:
      poll: /api/v1/operations/{{ inputs.key }}
      done: {path: state, equals: succeeded}
      failed: {path: state, equals: failed}
      error: error
      result: result
"""


async def test_mapped_simulator_is_as_good_as_its_own_controller(tmp_path: Path) -> None:
    """Whole parameters go through, its keys are honoured, and an act is found again by its key."""
    clock = LeapingTime(START)
    simulation = Simulation(demo_network(), seed=7, start=START)
    mapping = mapped(tmp_path, SIMULATOR)
    parameters = {"link": LINK.id, "priority": "best-effort", "rate": 2.5}
    throttle = Act("hold", "Hold", "run", 1, "flow.throttle", parameters, KEY, LONGEST_ACT_S)
    async with (
        running(create_app(simulation, clock), free_port()) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client,
    ):
        first, second = (HttpController(client, mapping, now=clock.now) for _ in range(2))
        ports = [Ports(each, NoReadings(), Messages(), clock) for each in (first, second)]
        assert await first.check() == "1 operations mapped"
        assert await probe(throttle, ports[0], ACTIONS) is None
        envelope = await perform(throttle, ports[0], ACTIONS)
        assert (envelope["error"], envelope["ok"], envelope["output"]) == ("", True, {"rate": 2.5})
        assert set(envelope["before"]["state"]["demand_by_priority"]) == {"critical", "standard", "best-effort"}
        again = await probe(throttle, ports[1], ACTIONS)
        assert again is not None
        assert (again["ok"], again["output"]) == (True, {"rate": 2.5})
    assert [job.key for job in simulation.ledger.jobs] == [KEY]
