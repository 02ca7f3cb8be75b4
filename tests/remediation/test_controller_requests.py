"""What is sent to a controller: names are quoted, and what cannot be sent as it is is refused before."""

import httpx
import pytest

from remediation.contract import JobStatus, Target
from remediation.errors import ControllerError
from tests.remediation.misbehaving import Misbehaving, talking

LINK = Target("link", "ams-utr")
KEY = "INC-1-R1:fill:run"


@pytest.mark.parametrize("key", ["", "with a space", "line\r\nbreak", "schlüssel", "k" * 201, "\ud800"])
async def test_key_that_cannot_be_sent_is_refused_before_anything_is_sent(key: str) -> None:
    """Keys may come from a runbook's template."""
    server = Misbehaving()
    async with talking(server) as controller:
        for asking in (controller.submit("link.realign", LINK, {}, key=key), controller.status(key)):
            with pytest.raises(ControllerError) as caught:
                await asking
            assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert server.requests == []


@pytest.mark.parametrize("name", [".", ".."])
async def test_name_that_means_another_place_is_refused_before_anything_is_sent(name: str) -> None:
    """A hostile label does not choose which page of the controller is read."""
    server = Misbehaving()
    async with talking(server) as controller:
        for asking in (controller.state(Target("link", name)), controller.status(name)):
            with pytest.raises(ControllerError) as caught:
                await asking
            assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert server.requests == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()])
async def test_parameters_that_are_no_json_are_refused_before_anything_is_sent(value: object) -> None:
    """With one clear line."""
    server = Misbehaving()
    async with talking(server) as controller:
        with pytest.raises(ControllerError, match=r"^link\.realign on link:ams-utr: cannot be sent as JSON") as caught:
            await controller.submit("link.realign", LINK, {"level": value}, key=KEY)
    assert (caught.value.retryable, caught.value.happened) == (False, False)
    assert server.requests == []


@pytest.mark.parametrize("key", ["a/b", "../..", "a?b#c", "%2e%2e", "INC-1-R1:fill:run"])
async def test_key_reaches_the_controller_as_it_is(key: str) -> None:
    """It is quoted, never a path or a query of its own."""
    server = Misbehaving()
    async with talking(server) as controller:
        assert await controller.status(key) == JobStatus(state="succeeded", result={"level": 0.8})
    path = httpx.URL(f"http://far{server.requests[0].path}")
    assert path.query == b""
    assert path.path == f"/api/v1/operations/{key}"
