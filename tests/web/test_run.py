"""Runs from the API and the pages: inputs that are given, and runs that are withdrawn before they begin."""

import msgspec
import pytest

from bot.model.incident import RunView
from tests.support.desk import MemoryDesk
from tests.web.visitor import Client, bearer, sign_in

_RUN = "/api/v1/incidents/INC-1/run"


async def test_a_program_gives_a_run_its_inputs(client: Client) -> None:
    """Texts, numbers and truth values reach the desk as they are."""
    desk = MemoryDesk()
    given = {"rate": 0.5, "hard": True, "note": "{{ x }}", "times": 3}
    answer = await client(desk).post(_RUN, json={"runbook": "book", "inputs": given}, headers=bearer("bob"))
    assert answer.status_code == 200
    assert desk.asked == [
        ("run", "web:bob", "book", "rate=0.5", "hard=True", "note='{{ x }}'", "times=3"),
    ]


@pytest.mark.parametrize(
    ("inputs", "field"),
    [([], "inputs"), (None, "inputs"), ("a=b", "inputs"), ({"rate": None}, "inputs.rate"), ({"x": {}}, "inputs.x")],
)
async def test_inputs_that_are_no_object_of_values_are_named(client: Client, inputs: object, field: str) -> None:
    """422 with the field, and nothing runs."""
    desk = MemoryDesk()
    answer = await client(desk).post(_RUN, json={"inputs": inputs}, headers=bearer("bob"))
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert desk.asked == []


async def test_openapi_tells_programs_of_inputs_where_there_are_some(client: Client) -> None:
    """At a run, as an object of values; a note takes none, and says so when it is given some."""
    web = client(MemoryDesk())
    paths = (await web.get("/openapi.json")).json()["paths"]
    schema = paths["/api/v1/incidents/{incident}/run"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["runbook"] == {"type": "string"}
    assert schema["properties"]["inputs"]["additionalProperties"] == {"type": ["string", "number", "boolean"]}
    note = {"text": "x", "inputs": {}}
    answer = await web.post("/api/v1/incidents/INC-1/note", json=note, headers=bearer("bob"))
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs")


@pytest.mark.parametrize(
    ("changes", "button"),
    [
        ({"started_at": None, "requested_by": "cli:ada"}, "Withdraw this run"),
        ({"started_at": None, "requested_by": ""}, "Withdraw this run"),
        ({"started_at": None, "mode": "observe"}, ""),
        ({"ended_at": 1767614500.0, "result": "aborted"}, ""),
        ({}, "Stop this run"),
    ],
)
async def test_a_run_is_stopped_or_withdrawn_where_there_is_something_to_stop(
    client: Client, changes: dict[str, object], button: str
) -> None:
    """One that waits for its turn or was only suggested is withdrawn; a shadow and what is over have no button."""
    desk = MemoryDesk()
    (run,) = desk.view.runs.values()
    changed: RunView = msgspec.structs.replace(run, plan={**run.plan, "inputs": {"note": "<b>"}}, **changes)
    desk.view = msgspec.structs.replace(desk.view, approvals=(), runs={changed.run: changed})
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert [each for each in ("Stop this run", "Withdraw this run") if each in page] == ([button] if button else [])
    assert "Inputs: note=&lt;b&gt;" in page
