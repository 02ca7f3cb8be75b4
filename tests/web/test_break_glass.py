"""Breaking the glass and closing the review on the pages and through the API, with a reason each."""

from msgspec.structs import replace

from tests.support.desk import MemoryDesk, owed_review
from tests.web.visitor import Client, bearer, form_token, sign_in

PAGE, API = "/incidents/INC-1/runs/INC-1-R1/steps", "/api/v1/runs/INC-1-R1/steps"
GLASS = {"plan_hash": "9f2c", "why": "The ring is down\r\nand nobody answers"}
VERDICT = {"outcome": "not-justified", "note": "Carol was awake"}


def owing() -> MemoryDesk:
    """One incident that waits for an approval and owes a review of somebody in Slack."""
    desk = MemoryDesk()
    desk.view = replace(desk.view, reviews=(owed_review(),))
    return desk


async def test_a_person_breaks_the_glass_in_a_form_for_the_plan_on_the_page(client: Client) -> None:
    """The form carries plan 9f2c and wants a reason of at most 1000 characters; line ends arrive as one character."""
    desk = owing()
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert f'action="{PAGE}/realign/break-glass"' in page
    assert '<textarea name="why" rows="3" required maxlength="1000">' in page
    answer = await web.post(f"{PAGE}/realign/break-glass", data={"form_token": await form_token(web), **GLASS})
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/INC-1")
    assert desk.asked == [("approve", "INC-1-R1", "realign", "web:alice", "The ring is down\nand nobody answers")]


async def test_no_glass_is_broken_without_a_token_of_the_session_a_reason_or_the_plan(client: Client) -> None:
    """403 for a forged form and for a viewer, 422 for blanks, 409 for another plan; the desk does nothing."""
    desk = owing()
    web = client(desk)
    await sign_in(web, "alice")
    forged = await web.post(f"{PAGE}/realign/break-glass", data={"form_token": "x", **GLASS})
    assert forged.status_code == 403
    token = {"form_token": await form_token(web)}
    for wrong in ({"why": " \r\n"}, {"plan_hash": ""}):
        answer = await web.post(f"{PAGE}/realign/break-glass", data={**token, **GLASS, **wrong})
        assert answer.status_code == 422
    old = await web.post(f"{PAGE}/realign/break-glass", data={**token, **GLASS, "plan_hash": "old"})
    assert (old.status_code, "the plan has changed" in old.text) == (409, True)
    viewer = client(desk)
    await sign_in(viewer, "carol")
    assert "break-glass" not in (await viewer.get("/incidents/INC-1")).text
    called = await viewer.post(f"{API}/realign/break-glass", headers=bearer("carol"), json=GLASS)
    assert called.status_code == 403
    assert desk.asked == []


async def test_a_review_is_shown_with_its_reason_and_closed_by_somebody_else(client: Client) -> None:
    """Hostile words are words; the one who broke the glass is refused with the reason."""
    desk = owing()
    web = client(desk)
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert "Review owed: Drain the node" in page
    assert "The ring is &lt;down&gt;." in page
    assert "an approver or somebody with the role security" in page
    assert "review owed" in (await web.get("/")).text
    token = {"form_token": await form_token(web)}
    unsure = await web.post(f"{PAGE}/drain/review", data={**token, **VERDICT, "outcome": "maybe"})
    assert (unsure.status_code, "justified or not-justified" in unsure.text) == (422, True)
    answer = await web.post(f"{PAGE}/drain/review", data={**token, **VERDICT})
    assert answer.status_code == 303
    assert desk.asked == [("review", "INC-1-R1", "drain", "web:alice", "not justified", "Carol was awake")]
    desk.view = replace(desk.view, state="resolved", reviews=(replace(owed_review(), by="web:alice"),))
    own = await web.post(f"{PAGE}/drain/review", data={**token, **VERDICT})
    assert (own.status_code, "somebody else must review it" in own.text) == (409, True)
    assert "Close the review" in (await web.get("/incidents/INC-1")).text


async def test_programs_read_what_is_owed_and_close_it(client: Client) -> None:
    """The count stands in the list, the reviews in the detail, with instants as RFC 3339."""
    desk = owing()
    web = client(desk)
    listed = (await web.get("/api/v1/incidents", headers=bearer("carol"))).json()["incidents"]
    assert [each["reviews_owed"] for each in listed] == [1]
    (review,) = (await web.get("/api/v1/incidents/INC-1", headers=bearer("carol"))).json()["reviews"]
    assert (review["by"], review["step"]) == ("slack:U1", "drain")
    assert review["opened_at"].endswith("Z")
    closed = await web.post(f"{API}/drain/review", headers=bearer("alice"), json=VERDICT)
    assert (closed.status_code, closed.json()["done"]) == (200, True)
    strange = await web.post(f"{API}/drain/review", headers=bearer("alice"), json={**VERDICT, "why": "x"})
    assert strange.status_code in {400, 422}
