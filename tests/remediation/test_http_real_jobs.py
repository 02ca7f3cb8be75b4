"""The mapped HTTP controller and a real Apache: redirects, bodies that are not what they promise, jobs and restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remediation.contract import Asked, JobStatus, Target
from remediation.errors import ControllerError
from remediation.execute import perform, probe
from remediation.registry import ACTIONS
from tests.remediation.apache_side import call, speaking
from tests.support.apache import TOKEN, Apache, running_apache

pytestmark = pytest.mark.needs("apache")
LINK = Target("link", "ams-utr")


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    """One instance for all tests here; each has its own key."""
    with running_apache() as running:
        running.write(LINK.id, {})
        yield running


@pytest.mark.parametrize(("place", "status"), [("moved", 301), ("away", 307)])
async def test_redirect_of_apache_takes_the_token_nowhere(
    apache: Apache, tmp_path: Path, place: str, status: int
) -> None:
    """Neither kind is followed; the other host is asked nothing."""
    async with speaking(apache, tmp_path) as side:
        with pytest.raises(ControllerError, match=f"answers {status}; redirects are not followed, write the final"):
            await side.controller.state(Target("node", place))
        asked = await side.asked()
    assert any(line.endswith(f"/{place}/settings.json {status} Bearer {TOKEN}") for line in asked)
    assert [line for line in asked if line.startswith(str(apache.other_port))] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("short", "the controller broke off: peer closed connection without sending complete message body"),
        ("cut", "the controller's answer is not JSON: Unterminated string"),
    ],
)
async def test_body_that_ends_too_soon_is_no_state(apache: Apache, tmp_path: Path, body: str, said: str) -> None:
    """Apache tells a shorter body than announced by its end alone, and of a program that died not even that."""
    async with speaking(apache, tmp_path) as side:
        with pytest.raises(ControllerError) as caught:
            await side.controller.state(Target("flow", body))
    assert str(caught.value).startswith(said)
    assert (caught.value.retryable, caught.value.happened) == (True, False)


@pytest.mark.parametrize("body", ["short", "cut"])
async def test_body_that_ends_too_soon_leaves_open_whether_the_act_was_done(
    apache: Apache, tmp_path: Path, body: str
) -> None:
    """It was asked for, and a person looks."""
    async with speaking(apache, tmp_path) as side:
        envelope = await side.call("odd", key=f"odd-{body}", body=body)
        asked = await side.asked()
    assert (envelope["ok"], envelope["happened"]) == (False, None)
    assert len([line for line in asked if f"POST /odd/{body} " in line]) == 1


async def test_body_in_chunks_is_one_body(apache: Apache, tmp_path: Path) -> None:
    """Wherever it is parted."""
    async with speaking(apache, tmp_path) as side:
        assert (await side.controller.state(Target("flow", "chunks")))["settings"] == {"gain_db": 1}


async def test_body_that_is_packed_unasked_is_refused(apache: Apache, tmp_path: Path) -> None:
    """By mod_deflate that is told to heed no Accept-Encoding; nothing is unpacked, however little it seems."""
    apache.write("settings", {"gain_db": 1, "name": "x" * 5000})
    async with speaking(apache, tmp_path) as side:
        with pytest.raises(ControllerError, match="packs its answers, unasked") as caught:
            await side.controller.state(Target("node", "packed"))
    assert (caught.value.retryable, caught.value.happened) == (False, False)


@pytest.mark.parametrize(("phase", "told"), [("done", (True, True, "")), ("failed", (False, True, "the pump stalled"))])
async def test_job_is_followed_to_its_end_across_a_restart(
    apache: Apache, tmp_path: Path, phase: str, told: tuple[bool, bool, str]
) -> None:
    """While it runs Apache restarts, in the middle of a look, which is taken again."""
    key, looks = f"INC-1:{phase}", apache.jobs / "slow"
    async with speaking(apache, tmp_path) as side:
        await side.controller.submit("http.pump", LINK, {}, key=key)
        assert await side.controller.status(key) == JobStatus("running")
        looks.touch()
        restarting = apache.restart_once(lambda: not looks.exists())
        apache.finish(key, phase)
        envelope = await probe(call("pump", LINK.id, key), side.ports, ACTIONS)
        await restarting
    assert envelope is not None
    assert (envelope["ok"], envelope["happened"], envelope["error"]) == told
    assert apache.begun().count(key) == 1


async def test_job_that_apache_names_by_its_location_is_followed_to_its_end(apache: Apache, tmp_path: Path) -> None:
    """The poll asks where the mapping says, for the last part of the Location."""
    key = "INC-1:located"
    async with speaking(apache, tmp_path) as side:
        await side.controller.submit("http.located", LINK, {}, key=key)
        apache.finish(key, "done")
        assert (await side.controller.status(key)).state == "succeeded"
        assert any(f" GET /jobs/at/{key} 200 " in line for line in await side.asked())


async def test_job_that_was_asked_for_as_apache_restarted_is_found_by_its_key(apache: Apache, tmp_path: Path) -> None:
    """Nobody knows at first; the next process finds it running, and it was begun once."""
    key, answer = "INC-1:cut-off", apache.jobs / "slow"
    act = call("pump", LINK.id, key)
    answer.touch()
    async with speaking(apache, tmp_path) as side, speaking(apache, tmp_path) as later:
        restarting = apache.restart_once(lambda: not answer.exists())
        first = await perform(act, side.ports, ACTIONS)
        await restarting
        assert (first["ok"], first["happened"], "the controller broke off" in first["error"]) == (False, None, True)
        assert (await later.controller.status(key, Asked("http.pump", LINK))).state == "running"
        apache.finish(key, "done")
        found = await probe(act, later.ports, ACTIONS)
    assert found is not None
    assert (found["ok"], found["output"], apache.begun().count(key)) == (True, {"phase": "done"}, 1)


async def test_job_that_never_arrived_is_known_to_be_unknown(apache: Apache, tmp_path: Path) -> None:
    """So it may be asked for."""
    async with speaking(apache, tmp_path) as side:
        assert await probe(call("pump", LINK.id, "INC-1:never"), side.ports, ACTIONS) is None


async def test_same_key_of_two_processes_is_one_job(apache: Apache, tmp_path: Path) -> None:
    """The key arrives as it was sent, whatever signs it has."""
    key = "INC-1-R1:step[2]:run%2F"
    for _ in range(2):
        async with speaking(apache, tmp_path) as side:
            await side.controller.submit("http.pump", LINK, {}, key=key)
    assert apache.begun().count(key) == 1
