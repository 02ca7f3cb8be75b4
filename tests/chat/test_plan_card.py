"""What Slack shows to somebody who must decide, and to somebody who asks how things stand."""

from msgspec.structs import replace

from bot.chat.asked import Asked
from bot.chat.blocks import incident_blocks
from bot.chat.commands import answer
from bot.model.diagnosis import SecurityGate
from bot.model.guard import Pause
from bot.model.incident import Incident
from bot.model.person import Person
from tests.chat.workplace import ChatDesk
from tests.support.desk import waiting_incident
from tests.support.incident_story import START, diagnosis
from tests.support.planned import realignment
from tests.support.slack.blocks import faults
from tests.support.slack.state import texts_of

ANN = Person(id="slack:U1", name="Ann", roles=("operator",))
HOSTILE = "`<!channel>` *Approved*"
REALIGN = realignment(note=HOSTILE, flows=[f"flow-{at}" for at in range(400)])


def planning(steps: int = 1) -> Incident:
    """An incident that waits for an approval of a plan with parameters."""
    view = waiting_incident()
    more = [{**REALIGN, "id": f"more-{at}", "predicted": []} for at in range(1, steps)]
    run = replace(view.runs["INC-1-R1"], plan={"steps": [REALIGN, *more]})
    return replace(view, runs={"INC-1-R1": run})


async def said(desk: ChatDesk, *words: str) -> str:
    """Every text of the reply."""
    return str(await answer(desk, Asked(ANN, "k1"), "/bellhop", " ".join(words)))


def test_the_card_shows_what_is_approved_with_its_parameters_and_its_effect() -> None:
    """In the plan and beside the buttons; long lists are shortened."""
    blocks = incident_blocks(planning(steps=2))
    texts = list(texts_of(blocks))
    question = next(text for text in texts if "Approval needed" in text)
    for text in (question, "\n".join(texts)):
        assert "link.set_power link:ams-rpt1 gain_db=3" in text
        assert "flows=[flow-0, flow-1, flow-2, … 397 more]" in text
        assert "predicted entanglement_rate 135.2 → 1269 pairs/s" in text
    assert "no prediction" in "\n".join(texts)


def test_hostile_parameters_mention_nobody_and_stay_code() -> None:
    """A parameter cannot close the code that it stands in; a plan of sixty steps keeps Slack's limits."""
    blocks = incident_blocks(planning(steps=60))
    assert faults(blocks) == []
    text = "\n".join(texts_of(blocks))
    assert "<!channel>" not in text
    assert "`&lt;!channel" not in text


async def test_a_pause_is_the_first_thing_that_status_and_list_say() -> None:
    """Since when, by whom, why."""
    desk = ChatDesk()
    assert "PAUSED" not in await said(desk, "status")
    desk.pause = Pause(by="slack:U2", reason="crew in <duct 7>", since=START)
    for words in (("status",), ("incident", "list")):
        reply = await said(desk, *words)
        assert "*PAUSED* since" in reply
        assert "2026-01-05T12:00:00Z" in reply
        assert "by <@U2>: crew in &lt;duct 7&gt;" in reply


async def test_an_incident_line_says_what_the_diagnosis_says() -> None:
    """Unknown is not nothing, and a doubt about intruders is said."""
    gate = SecurityGate(reason="qber rose", onset=START, links=("ams-rpt1",))
    desk = ChatDesk()
    desk.view = replace(desk.view, diagnosis=replace(diagnosis(), verdict="unknown", findings=(), security=gate))
    assert "unknown, intrusion not excluded" in await said(desk, "status")
    assert "must not be used: quarantine them" in await said(desk, "incident", "show", "INC-1")


async def test_a_runbook_is_described_with_its_steps_and_risks() -> None:
    """By its name alone; the list has the playbooks too, and an unknown name is answered with all names."""
    desk = ChatDesk()
    reply = await said(desk, "runbook", "f1-excess-loss")
    assert "Realign the link (`realign`, link.realign, reversible, asks 1 × approver)" in reply
    assert "flood" in await said(desk, "runbook", "list")
    unknown = await said(desk, "runbook", "nonsense")
    assert "there is no runbook or playbook nonsense; there are f1-excess-loss, flood" in unknown
