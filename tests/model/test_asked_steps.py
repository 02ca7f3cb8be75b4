"""What a question is about, as the doors get it: the acts as they will be done, with what the plan predicts of them."""

import msgspec

from bot.incidents.replay import replay
from bot.model.event import ApprovalAsked, Event, EventBody, IncidentOpened
from bot.model.plan_wording import act_words, asked_steps
from tests.support.incident_story import LINK, START
from tests.support.planned import realignment

PLANNED = {**realignment(), "approval": {"required": True, "role": "approver", "count": 1}, "when": "{{ steps.a.ok }}"}
ACT = {name: PLANNED[name] for name in ("id", "title", "action", "target", "parameters", "risk")}
OLD = {
    "type": "approval asked", "run": "INC-1-R1", "step": "realign", "title": "Realign", "role": "approver",
    "count": 1, "plan_hash": "9f2c", "expires_at": START + 900,
}  # fmt: skip


def test_an_act_that_is_just_as_planned_has_the_prediction_of_the_plan() -> None:
    """And says whom it asks; its condition held when the question was asked."""
    (told,) = asked_steps({"steps": [PLANNED]}, "realign", (ACT,))
    assert (told["predicted"], told["approval"]) == (PLANNED["predicted"], PLANNED["approval"])
    assert "when" not in told


def test_an_act_that_turned_out_otherwise_has_none_of_it() -> None:
    """A prediction for 3 dB says nothing about 4."""
    other = {**ACT, "parameters": {"link": "ams-rpt1", "gain_db": 4}}
    (told,) = asked_steps({"steps": [PLANNED]}, "realign", (other,))
    assert act_words(told) == "link.set_power link:ams-rpt1 gain_db=4"
    assert "predicted" not in told


def test_a_question_from_before_acts_were_told_is_about_the_steps_of_the_plan() -> None:
    """An event of an older version is read, and its question is open as it was."""
    asked = msgspec.json.decode(msgspec.json.encode(OLD), type=EventBody)
    assert isinstance(asked, ApprovalAsked)
    opened = IncidentOpened(title="lossy", severity="sev2", subject=LINK)
    history = [
        Event(incident="INC-1", seq=at, at=START, by="bellhop", body=body) for at, body in ((1, opened), (2, asked))
    ]
    (pending,) = replay(history).approvals
    assert (pending.plan_hash, pending.acts) == ("9f2c", ())
    assert asked_steps({"steps": [PLANNED]}, pending.step, pending.acts) == (PLANNED,)


def test_why_an_act_cannot_be_begun_stands_before_its_parameters_on_the_same_line() -> None:
    """The reason may quote hostile text, and be long."""
    told = act_words({**ACT, "fault": "no\noutput\u202e" + "x" * 900})
    assert told.startswith("link.set_power link:ams-rpt1 (cannot be begun: no outputxxx")
    assert told.endswith("…) gain_db=3")
