"""The question on the page: the acts as they will be done, all of them, and the hash that the buttons carry."""

from msgspec.structs import replace

from tests.support.desk import MemoryDesk
from tests.support.planned import realignment
from tests.web.visitor import Client, sign_in

HOSTILE = "<script>alert(1)</script>"
HASH = "0b5e" * 16


def asking(items: int) -> MemoryDesk:
    """A plan with a template in it, and a question about so many acts."""
    desk = MemoryDesk()
    run = replace(desk.view.runs["INC-1-R1"], plan={"steps": [realignment(note="{{ steps.look.output.note }}")]})
    acts = tuple(
        {**realignment(note=HOSTILE), "id": f"realign.{at}", "target": f"link:place-{at}"} for at in range(items)
    )
    asked = replace(desk.view.approvals[0], acts=acts, plan_hash=HASH)
    desk.view = replace(desk.view, runs={"INC-1-R1": run}, approvals=(asked,))
    return desk


async def question(client: Client, items: int) -> str:
    """What an approver sees of it."""
    web = client(asking(items))
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    return page[page.index('aria-label="Approval"') : page.index("Break glass")]


async def test_the_page_shows_what_the_template_came_to_and_sends_the_hash_of_the_question(client: Client) -> None:
    """Hostile words are words."""
    told = await question(client, 1)
    assert "link.set_power link:place-0 link=ams-rpt1 gain_db=3" in told
    assert "steps.look" not in told
    assert HOSTILE not in told
    assert told.count(f'name="plan_hash" value="{HASH}"') == 2, "approve and reject"


async def test_all_acts_of_a_question_can_be_read(client: Client) -> None:
    """Twelve at once, and the others where they unfold."""
    told = await question(client, 50)
    assert "… and 38 more" in told
    assert all(f"link:place-{at} " in told for at in range(50))
