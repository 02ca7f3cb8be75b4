"""A step that two people must approve, on the page after the first; and what stopping a run is said to do."""

from msgspec.structs import replace

from bot.model.person import Answer, Person
from tests.support.desk import MemoryDesk
from tests.web.visitor import Client, bearer, form_token, sign_in

STOPPING = "An act that is under way is finished first; a step that only looks or waits ends at once."


class Halfway(MemoryDesk):
    """A desk whose question wants two; the first yes leaves it open."""

    def ask(self, role: str, count: int, *people: str) -> None:
        """The question, approved by these people, each as an approver."""
        (ask,) = self.view.approvals
        roles = (("approver",),) * len(people)
        ask = replace(ask, role=role, count=count, approved_by=people, approved_roles=roles)
        self.view = replace(self.view, approvals=(ask,))

    async def approve(
        self, run: str, step: str, by: Person, *, plan_hash: str | None, key: str, break_glass: str | None = None
    ) -> Answer:
        """Counts one."""
        answer = await super().approve(run, step, by, plan_hash=plan_hash, key=key, break_glass=break_glass)
        self.ask("approver", 2, by.id)
        return answer


async def question(desk: MemoryDesk, client: Client) -> str:
    """What Carol, who only looks, reads in the question."""
    web = client(desk)
    await sign_in(web, "carol")
    page = (await web.get("/incidents/INC-1")).text
    return page[page.index('aria-label="Approval"') : page.index("Diagnosis</h2>")]


async def test_the_first_of_two_comes_back_to_a_page_that_says_who_is_still_needed(client: Client) -> None:
    """The page after the form, for the one who approved and for everybody else; the words are Slack's."""
    desk = Halfway()
    desk.ask("approver", 2)
    assert "0 of 2 approvals; two by different approvers are needed" in await question(desk, client)
    web = client(desk)
    await sign_in(web, "alice")
    form = {"form_token": await form_token(web), "plan_hash": "9f2c"}
    answer = await web.post("/incidents/INC-1/runs/INC-1-R1/steps/realign/approve", data=form)
    assert answer.status_code == 303
    so_far = "1 of 2 approvals (web:alice); one more by another approver is needed"
    assert so_far in (await web.get(answer.headers["location"])).text
    assert so_far in await question(desk, client)


async def test_of_two_roles_the_page_counts_both(client: Client) -> None:
    """One of two, not one of one; a hostile name is a name."""
    desk = Halfway()
    desk.ask("approver+security", 1, "<b>ana")
    asked = await question(desk, client)
    assert "1 of 2 approvals (&lt;b&gt;ana); one more by somebody else with the role security is needed" in asked


async def test_the_page_and_the_api_say_what_stopping_a_run_does(client: Client) -> None:
    """Acts are never broken off; what only looks or waits is."""
    web = client(MemoryDesk())
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    assert STOPPING in page
    assert "What the run did is taken back." in page
    described = (await web.get("/openapi.json", headers=bearer("carol"))).json()
    summary = described["paths"]["/api/v1/incidents/{incident}/stop"]["post"]["summary"]
    assert (
        summary == "Stop a run: an act under way is finished, a look or a wait ends at once; what it did is taken back"
    )
    skip = described["paths"]["/api/v1/incidents/{incident}/skip"]["post"]["summary"]
    assert (
        skip == "Pass over a step of a run that has not begun, or that only looks or waits; the run goes on behind it"
    )
