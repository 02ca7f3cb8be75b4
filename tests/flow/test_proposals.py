"""What a plan says of a fault of a whole node, of which it mends one link."""

from pathlib import Path

from bot.model.event import PlanProposed
from bot.model.step_event import RunEnded, StepStarted
from tests.flow.stage import Stage, runbook, staged, throttle

ON_LINK = {"link": "{{ incident.link }}", "priority": "best-effort", "rate": 0}
ONE = runbook("one", {**throttle(), "with": ON_LINK})
OTHERS = runbook(
    "others",
    {**throttle(), "with": ON_LINK},
    {
        **throttle(),
        "id": "others",
        "foreach": "{{ incident.other_links }}",
        "with": {"link": "{{ item }}", "priority": "best-effort", "rate": 0},
    },
)
LOOK = runbook(
    "look", {"id": "tell", "action": "notify.message", "with": {"to": "oncall", "text": "look"}, "timeout": "1m"}
)
BY_PEOPLE = "this runbook is started by people only"


async def why(stage: Stage, kind: str, place: str, name: str) -> str:
    """What the incident's timeline says for the plan of a runbook."""
    incident = await stage.incident(kind, place)
    await stage.bellhop.proposer.propose(incident, cause="test", runbook=name)
    events = await stage.bellhop.desk.events(incident)
    return next(event.why for event in events if isinstance(event.body, PlanProposed))


async def test_a_plan_for_a_nodes_fault_that_mends_one_link_says_which_it_leaves_alone(tmp_path: Path) -> None:
    """The node utr has three links; the fault of one link, and a plan that only tells people, leave none to name."""
    async with staged(tmp_path, ONE, LOOK) as stage:
        left = "; it acts on ams-utr only: of node:utr it leaves utr-ein, utr-ens alone"
        assert await why(stage, "node", "utr", "one") == f"{BY_PEOPLE}{left}"
        assert await why(stage, "link", "ams-utr", "one") == BY_PEOPLE
        assert await why(stage, "node", "utr", "look") == BY_PEOPLE


async def test_a_runbook_can_see_to_the_other_links_of_the_node_as_well(tmp_path: Path) -> None:
    """They are a list for foreach; then nothing is left alone."""
    async with staged(tmp_path, OTHERS) as stage:
        assert await why(stage, "node", "utr", "others") == BY_PEOPLE
        incident = await stage.incident("node", "utr")
        await stage.run(incident, "others")
        await stage.happened(incident, RunEnded, lambda body: body.result == "succeeded")
        acted = [body.inputs["link"] for body in await stage.bodies(incident, StepStarted)]
        assert acted == ["ams-utr", "utr-ein", "utr-ens"]
