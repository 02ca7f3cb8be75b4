"""Pages and API over real HTTP messages: who may look, who may act, and what hostile input meets."""

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from bot.clock import FastClock
from bot.model.incident import PendingOutcome
from bot.web import Counter, health_routes, web_routes
from tests.support.desk import MemoryDesk
from tests.support.incident_story import START
from tests.web.visitor import Client, bearer, form_token, sign_in


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic token-of-alice"}])
async def test_api_tells_strangers_nothing(client: Client, headers: dict[str, str]) -> None:
    """Without a known token: 401, and the desk is not asked."""
    desk = MemoryDesk()
    for method, path in (("GET", "/api/v1/incidents"), ("POST", "/api/v1/incidents/INC-1/acknowledge")):
        answer = await client(desk).request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert desk.asked == []


async def test_api_shows_an_incident_with_rfc_3339_instants(client: Client) -> None:
    """The list and the whole of one."""
    web = client(MemoryDesk())
    listed = (await web.get("/api/v1/incidents?open=true", headers=bearer("carol"))).json()["incidents"]
    assert [(each["id"], each["opened_at"], each["mode"]) for each in listed] == [
        ("INC-1", "2026-01-05T12:00:00Z", "F1")
    ]
    whole = (await web.get("/api/v1/incidents/INC-1", headers=bearer("carol"))).json()
    assert whole["approvals"][0]["expires_at"] == "2026-01-05T12:15:30Z"
    assert whole["events"][0]["text"].startswith("Incident opened as sev2")
    assert whole["diagnosis"]["diagnoses"][0]["mode"] == "F1"


async def test_viewer_may_look_and_not_act(client: Client) -> None:
    """403 from the API and from the pages."""
    desk = MemoryDesk()
    web = client(desk)
    assert (await web.post("/api/v1/incidents/INC-1/acknowledge", headers=bearer("carol"))).status_code == 403
    await sign_in(web, "carol")
    token = await form_token(web)
    assert "Acknowledge" not in (await web.get("/incidents/INC-1")).text
    assert (await web.post("/incidents/INC-1/acknowledge", data={"form_token": token})).status_code == 409
    assert desk.asked == []


async def test_api_acts_for_the_person_of_the_token(client: Client) -> None:
    """Each act reaches the desk with `web:NAME`."""
    desk = MemoryDesk()
    web = client(desk)
    base = "/api/v1/incidents/INC-1"
    for act, body in (("acknowledge", {}), ("note", {"text": "hi"}), ("resolve", {"why": "ok"}), ("run", {})):
        answer = await web.post(f"{base}/{act}", json=body, headers=bearer("bob"))
        assert answer.json() == {"done": True, "message": f"{act} done"}
    assert desk.asked == [
        ("acknowledge", "web:bob"),
        ("note", "web:bob", "hi"),
        ("resolve", "web:bob", "ok"),
        ("run", "web:bob", "proposed"),
    ]


async def test_a_decision_counts_once_however_often_it_is_sent(client: Client) -> None:
    """The same person's same decision about the same plan has one key; another plan is refused."""
    desk = MemoryDesk()
    web = client(desk)
    path = "/api/v1/runs/INC-1-R1/steps/realign/approve"
    for _ in range(3):
        assert (await web.post(path, json={"plan_hash": "9f2c"}, headers=bearer("alice"))).status_code == 200
    assert desk.asked == [("approve", "INC-1-R1", "realign", "web:alice")]
    assert (await web.post(path, json={"plan_hash": "old"}, headers=bearer("alice"))).status_code == 409
    assert (await web.post(path, json={"plan_hash": "9f2c"}, headers=bearer("bob"))).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"[]", 400, "body"),
        (b"\xff", 400, "body"),
        (b"[" * 5000, 400, "body"),
        (b'{"txt": "a"}', 400, "txt"),
        (b'{"text": 3}', 422, "text"),
        (b'{"text": " "}', 422, "text"),
        (b'{"text": "' + b"a" * 4001 + b'"}', 422, "text"),
        (b" " * 70_000, 413, "body"),
    ],
)
async def test_bad_bodies_name_the_field(client: Client, body: bytes, status: int, field: str) -> None:
    """A 4xx that says what is wrong, and no effect."""
    desk = MemoryDesk()
    answer = await client(desk).post("/api/v1/incidents/INC-1/note", content=body, headers=bearer("bob"))
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert desk.asked == []


async def test_unknown_incident_and_dead_store_are_404_and_503(client: Client) -> None:
    """One clear line each."""
    web = client(MemoryDesk(broken=True))
    assert (await web.get("/api/v1/incidents/INC-9", headers=bearer("bob"))).status_code == 404
    answer = await web.get("/api/v1/incidents", headers=bearer("bob"))
    assert (answer.status_code, answer.json()["error"]) == (503, "the database does not answer")


async def test_pages_send_strangers_to_the_sign_in(client: Client) -> None:
    """And a wrong token opens no session."""
    web = client(MemoryDesk())
    assert (await web.get("/")).headers["location"] == "/signin"
    answer = await web.post("/signin", data={"token": "wrong"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_a_person_approves_from_the_page(client: Client) -> None:
    """Sign in, read the plan, press approve, come back to the incident."""
    desk = MemoryDesk()
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert "Waiting for approval: Realign the link" in page
    path = "/incidents/INC-1/runs/INC-1-R1/steps/realign/approve"
    assert path in page
    answer = await web.post(path, data={"form_token": await form_token(web), "plan_hash": "9f2c"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/INC-1")
    assert desk.asked == [("approve", "INC-1-R1", "realign", "web:alice")]


async def test_a_person_says_what_happened_from_the_page(client: Client) -> None:
    """An unknown outcome has two buttons; each tells the desk what the person found."""
    desk = MemoryDesk()
    ask = PendingOutcome(run="INC-1-R1", step="realign", phase="run", attempt=1, reason="The process ended early.")
    desk.view = msgspec.structs.replace(desk.view, approvals=(), outcomes=(ask,))
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    for word, told in (("happened", "happened"), ("did-not-happen", "did not")):
        path = f"/incidents/INC-1/runs/INC-1-R1/steps/realign/{word}"
        assert path in page
        await web.post(path, data={"form_token": await form_token(web)})
        assert desk.asked[-1] == ("settle", "INC-1-R1", "realign", "web:alice", told)


async def test_a_person_stops_a_run_from_the_page(client: Client) -> None:
    """The button names its run; a run of another incident is turned down."""
    desk = MemoryDesk()
    web = client(desk)
    await sign_in(web, "alice")
    assert "Stop this run" in (await web.get("/incidents/INC-1")).text
    form = {"form_token": await form_token(web), "run": "INC-1-R1"}
    assert (await web.post("/incidents/INC-1/stop", data=form)).status_code == 303
    assert desk.asked == [("abort", "INC-1-R1", "web:alice", "")]
    assert (await web.post("/incidents/INC-1/stop", data={**form, "run": "INC-12-R1"})).status_code == 409
    assert len(desk.asked) == 1


async def test_a_person_skips_a_step_from_the_page(client: Client) -> None:
    """The form offers the plan's steps while the run goes on; a run of another incident is turned down."""
    desk = MemoryDesk()
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert "/incidents/INC-1/skip" in page
    assert "<option>realign</option>" in page
    assert "/incidents/INC-1/retry" not in page
    form = {"form_token": await form_token(web), "run": "INC-1-R1", "step": "realign", "why": "by hand"}
    assert (await web.post("/incidents/INC-1/skip", data=form)).status_code == 303
    assert desk.asked == [("skip", "INC-1-R1", "realign", "web:alice", "by hand")]
    assert (await web.post("/incidents/INC-1/skip", data={**form, "run": "INC-2-R1"})).status_code == 409
    assert len(desk.asked) == 1


async def test_a_person_retries_a_failed_run_from_the_page(client: Client) -> None:
    """From a step, or from where it ended; a viewer is offered neither."""
    desk = MemoryDesk()
    ended = msgspec.structs.replace(desk.view.runs["INC-1-R1"], ended_at=START + 40, result="failed")
    desk.view = msgspec.structs.replace(desk.view, runs={"INC-1-R1": ended}, approvals=())
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert "/incidents/INC-1/retry" in page
    assert "/incidents/INC-1/skip" not in page
    form = {"form_token": await form_token(web), "run": "INC-1-R1", "step": ""}
    assert (await web.post("/incidents/INC-1/retry", data=form)).status_code == 303
    assert desk.asked == [("retry", "INC-1-R1", "", "web:alice")]
    await sign_in(web, "carol")
    assert "/incidents/INC-1/retry" not in (await web.get("/incidents/INC-1")).text


async def test_a_playbook_is_a_page(client: Client) -> None:
    """As it is written; a name that there is not is a 404 on a page, and strangers sign in first."""
    web = client(MemoryDesk())
    assert (await web.get("/playbooks/flood")).status_code == 303
    await sign_in(web, "carol")
    assert "Swim." in (await web.get("/playbooks/flood")).text
    assert (await web.get("/playbooks/fire")).status_code == 404


async def test_forms_from_elsewhere_are_refused(client: Client) -> None:
    """A missing, wrong or other session's form token: 403, no effect."""
    desk = MemoryDesk()
    alice, bob = client(desk), client(desk)
    await sign_in(alice, "alice")
    await sign_in(bob, "bob")
    for given in ({}, {"form_token": "0"}, {"form_token": await form_token(bob)}, {"form_token": "é"}):
        assert (await alice.post("/incidents/INC-1/acknowledge", data=given)).status_code == 403
    assert desk.asked == []


async def test_forged_and_expired_sessions_are_strangers(client: Client, clock: FastClock) -> None:
    """A changed name, expiry or signature, and a session after twelve hours, lead to the sign-in."""
    web = client(MemoryDesk())
    await sign_in(web, "carol")
    cookie = web.cookies["bellhop_session"].strip('"')
    name, expiry, signature = cookie.split("|")
    for forged in (f"alice|{expiry}|{signature}", f"{name}|{int(expiry) + 1}|{signature}", f"{name}|{expiry}|0", "x"):
        answer = await web.get("/", headers={"cookie": f"bellhop_session={forged}"})
        assert answer.status_code == 303, forged
    assert (await web.get("/")).status_code == 200
    clock._base += 43_201
    assert (await web.get("/")).status_code == 303


async def test_hostile_titles_are_text(client: Client) -> None:
    """A title cannot become markup, and the policy would stop it anyway."""
    web = client(MemoryDesk(title="<script>alert(1)</script>"))
    await sign_in(web, "bob")
    for path in ("/", "/incidents/INC-1", "/incidents/INC-1/postmortem"):
        answer = await web.get(path)
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_openapi_describes_every_operation(client: Client) -> None:
    """Each described path answers something other than 404 or 405 to a person who may act."""
    web = client(MemoryDesk())
    described = (await web.get("/openapi.json")).json()
    assert len(described["paths"]) == 16
    for path, operations in described["paths"].items():
        for method in operations:
            real = path.format(incident="INC-1", run="INC-1-R1", step="realign")
            answer = await web.request(method, real, headers=bearer("alice"), json={} if method == "post" else None)
            assert answer.status_code in (200, 409, 422), path


async def test_without_settings_there_are_no_pages(clock: FastClock) -> None:
    """None turns pages and API off."""
    assert web_routes(None, MemoryDesk(), clock) == []


async def test_health_says_why_it_is_not_ready() -> None:
    """Alive is 200; ready is 503 with the reason; metrics are Prometheus text with escaped labels."""

    async def fine() -> str:
        return ""

    async def down() -> str:
        return "the database does not answer"

    counter = Counter(name="bellhop_x_total", help="Things", kind="counter", read=lambda: {(("a", 'q"\n'),): 2.0})
    app = Starlette(routes=health_routes({"store": down, "chat": fine}, (counter,)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bellhop.test") as web:
        assert (await web.get("/healthz")).status_code == 200
        ready = await web.get("/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (503, {"store": "the database does not answer"})
        assert (await web.get("/metrics")).text.splitlines()[-1] == 'bellhop_x_total{a="q\\"\\n"} 2'
