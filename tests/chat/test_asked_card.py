"""The card of a question: the acts as they will be done, few of many, never more than Slack takes."""

from typing import Any

from msgspec.structs import replace

from bot.chat.blocks import incident_blocks
from bot.model.incident import Incident
from tests.support.desk import waiting_incident
from tests.support.planned import realignment
from tests.support.slack.blocks import faults
from tests.support.slack.state import texts_of

HOSTILE = "`<!channel>` *Approved*\n"


def asking(*acts: dict[str, Any]) -> Incident:
    """A plan with a template in it, and a question about these acts."""
    view = waiting_incident()
    run = replace(view.runs["INC-1-R1"], plan={"steps": [realignment(note="{{ steps.look.output.note }}")]})
    return replace(
        view,
        runs={"INC-1-R1": run},
        approvals=(replace(view.approvals[0], acts=acts, plan_hash="0b5e" * 16),),
    )


def question(view: Incident) -> str:
    """The text beside the buttons; the blocks are as Slack takes them."""
    blocks = incident_blocks(view)
    assert faults(blocks) == []
    return next(text for text in texts_of(blocks) if "Approval needed" in text)


def test_the_card_shows_what_the_template_came_to_and_the_hash_of_the_question() -> None:
    """A hostile value is words."""
    told = question(asking({**realignment(note=HOSTILE), "predicted": []}))
    assert "link.set_power link:ams-rpt1 gain_db=3" in told
    assert "steps.look" not in told
    assert "<!channel>" not in told
    assert "plan `0b5e" in told


def test_of_many_acts_some_are_shown_and_how_many_are_left_is_said() -> None:
    """Fifty long ones: who is asked, until when and for which plan stand there all the same."""
    acts = [{**realignment(**{f"p{at}": "<&>" * 300 for at in range(9)}), "id": f"realign.{at}"} for at in range(50)]
    told = question(asking(*acts))
    shown = told.count("link.set_power")
    assert 1 <= shown <= 6
    assert f"… and {50 - shown} more; all of them: `bellhop incident show INC-1`" in told
    assert "plan `0b5e" in told


def test_seven_short_acts_are_six_and_one_more() -> None:
    """Six are shown at most."""
    told = question(asking(*({**realignment(), "id": f"realign.{at}"} for at in range(7))))
    assert told.count("link.set_power") == 6
    assert "… and 1 more" in told
