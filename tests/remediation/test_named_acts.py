"""Acts that are no plain request of their own: what a mapping names, and an alert with its temperature."""

from pathlib import Path
from typing import Any

import pytest

from remediation.contract import Ports, Reading
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import load_mapping
from remediation.controllers.unconfigured import UnconfiguredController
from remediation.execute import perform, probe
from remediation.machine import LONGEST_ACT_S, Act
from remediation.registry import ACTIONS
from tests.remediation.lines import MAPPING, Lines, serving
from tests.remediation.misbehaving import LeapingTime, NoReadings
from tests.remediation.simulated import START, Messages

KEY = "INC-1-R1:step:run"


def act(action: str, parameters: dict[str, Any], key: str = KEY) -> Act:
    """An instruction."""
    return Act("step", action, "run", 1, action, parameters, key, LONGEST_ACT_S)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The mapping of the lines with an operation that no action names."""
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING.replace("link.set_power:", "http.boost:"), encoding="utf-8")
    return file


async def test_operation_that_only_a_mapping_knows_is_done_once(mapping: Path) -> None:
    """With the state before it, its own parameters, and its probe after a crash."""
    lines, clock = Lines(), LeapingTime(START)
    call = act("http.call", {"name": "boost", "link": "ams-utr", "parameters": {"gain_db": 2}})
    async with serving(lines) as client:
        controller = HttpController(client, load_mapping(mapping), now=clock.now)
        ports = Ports(controller, NoReadings(), Messages(), clock)
        envelopes = [await perform(call, ports, ACTIONS), await probe(call, ports, ACTIONS)]
        other = await perform(act("http.call", {"name": "dim", "link": "ams-utr"}, "other"), ports, ACTIONS)
    assert [envelope and envelope["ok"] for envelope in envelopes] == [True, True]
    assert envelopes[0] is not None
    assert envelopes[0]["before"]["settings"] == {"power": 0.0}
    assert lines.asked == [{"line": "ams-utr", "key": KEY, "db": 2}]
    assert (other["happened"], "no operation http.dim; it has http.boost" in other["error"]) == (False, True)


@pytest.mark.parametrize(
    "parameters",
    [
        {"name": "boost"},
        {"name": "boost", "link": "a", "node": "b"},
        {"name": "../x", "link": "a"},
        {"name": "boost", "link": "a", "url": "http://elsewhere"},
        {"name": "boost", "link": "a", "parameters": {"x": "y" * 20_000}},
        {"name": "boost", "link": "a", "parameters": {"x": float("nan")}},
    ],
)
async def test_call_that_says_too_much_or_too_little_is_refused(parameters: dict[str, Any]) -> None:
    """A runbook names no address; nothing is sent."""
    ports = Ports(UnconfiguredController(), NoReadings(), Messages(), LeapingTime(START))
    envelope = await perform(act("http.call", parameters), ports, ACTIONS)
    assert "no controller is configured" not in envelope["error"]
    assert (envelope["ok"], envelope["happened"]) == (False, False)


class Warm:
    """A device of 9.3 K."""

    async def read(self, signal: str, subject: str) -> Reading:
        """Seen 12 s ago; 4 K is usual."""
        return Reading(signal, subject, 9.3, "fresh", 12.0, 4.0)


@pytest.mark.parametrize(
    ("readings", "said"),
    [(Warm(), "its temperature was 9.3 K 12 s ago, usually 4 K."), (NoReadings(), "its temperature is not known.")],
)
async def test_cooling_alert_pages_with_the_temperature(readings: Any, said: str) -> None:
    """Also where it is not known."""
    messages = Messages()
    ports = Ports(UnconfiguredController(), readings, messages, LeapingTime(START))
    envelope = await perform(act("device.alert_cooling", {"node": "utr", "to": "facilities"}), ports, ACTIONS)
    assert envelope["ok"] is True
    ((channel, to, text),) = messages.told
    assert (channel, to) == ("page", "facilities")
    assert said in text
