"""A mapped HTTP controller whose far side names a job by a Location: the id is taken, the Location is not followed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from remediation.contract import Asked, Target
from remediation.controllers.http import HttpController
from remediation.controllers.mapping import load_mapping
from remediation.errors import ControllerError, FileFaultsError
from tests.remediation.misbehaving import LeapingTime, Misbehaving, answers, listening
from tests.remediation.simulated import START

LINK, KEY = Target("link", "ams-utr"), "INC-1-R1:boost:run"
MAPPING = """
apiVersion: bellhop/v1
kind: HttpMapping
operations:
  link.set_power:
    path: /acts
    job: {id_from: location, poll: "/operations/{{ inputs.job }}", done: {path: phase, equals: done}}
"""


@asynccontextmanager
async def speaking(server: Misbehaving, folder: Path) -> AsyncIterator[HttpController]:
    """The controller with the mapping of these tests."""
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    mapping = load_mapping(folder / "mapping.yaml")
    async with (
        listening(server) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client,
    ):
        yield HttpController(client, mapping, now=LeapingTime(START).now)


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/jobs/42", "42"),
        ("/jobs/42/", "42"),
        ("42", "42"),
        ("../queue/J-7_a~b", "J-7_a~b"),
        ("/jobs/42?version=3#top", "42"),
        ("/jobs/a%3Ab", "a%3Ab"),
        ("http://elsewhere.example/jobs/42", "42"),
        (f"/jobs/{'x' * 200}", "x" * 200),
    ],
)
async def test_last_part_of_the_location_is_the_job(tmp_path: Path, location: str, asked: str) -> None:
    """It is asked for at the controller's own address, at the path of the mapping; the answer needs no body."""
    server = Misbehaving(
        submit=answers(b"", status=202, more=f"Location: {location}"), status=answers({"phase": "done"})
    )
    async with speaking(server, tmp_path) as controller:
        await controller.submit("link.set_power", LINK, {}, key=KEY)
        assert (await controller.status(KEY)).state == "succeeded"
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", "/acts"),
        ("GET", f"/operations/{asked}"),
    ]


@pytest.mark.parametrize(
    "location",
    [
        "",
        "Location: ",
        "Location: /",
        "Location: http://elsewhere.example",
        "Location: /jobs/..",
        "Location: /jobs/%2e%2e",
        "Location: /jobs/..%2Fadmin",
        "Location: /jobs/42%0d%0aX",
        "Location: /jobs/4 2",
        "Location: /jobs/42\r\nLocation: /jobs/43",
        "Location: //[broken/42",
        "Location: /jobs/caf%C3%A9",
        f"Location: /jobs/{'x' * 201}",
        f"Location: /{'x' * 2000}/42",
    ],
)
async def test_location_that_names_no_job_leaves_open_whether_it_goes_on(tmp_path: Path, location: str) -> None:
    """It was accepted, so a person looks; nothing is asked on a guess."""
    server = Misbehaving(submit=answers({"id": 42}, status=202, more=location))
    async with speaking(server, tmp_path) as controller:
        with pytest.raises(ControllerError, match="accepted it and named no job in its Location; look there") as caught:
            await controller.submit("link.set_power", LINK, {}, key=KEY)
    assert (caught.value.retryable, caught.value.happened) == (False, None)
    assert len(server.requests) == 1


async def test_job_of_an_earlier_process_is_not_looked_for_without_its_id(tmp_path: Path) -> None:
    """The Location is gone with that process: a person decides."""
    server = Misbehaving()
    async with speaking(server, tmp_path) as controller:
        assert (await controller.status(KEY, Asked("link.set_power", LINK, {}))).state == "lost"
    assert server.requests == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("id_from: location", "id_from: location, id: ref"), "id and id_from are two places for one id"),
        (("id_from: location", "id_from: body"), "location"),
        (("id_from: location, ", ""), "id does not say where it stands in the answer, nor does id_from"),
    ],
)
def test_job_whose_id_is_nowhere_or_in_two_places_is_refused(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """When the mapping is read, at its place in the file."""
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace(*change), encoding="utf-8")
    with pytest.raises(FileFaultsError, match=r"mapping\.yaml:") as caught:
        load_mapping(tmp_path / "mapping.yaml")
    assert said in str(caught.value)
