"""Incidents as Block Kit: complete, harmless whatever an alert says, and within Slack's limits."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.blocks import incident_blocks, incident_text
from bot.chat.buttons import read_press
from bot.chat.lines import thread_line
from bot.chat.reports import diagnosis_blocks, postmortem_blocks, status_blocks
from bot.chat.text import cut, escape
from bot.incidents.replay import replay
from bot.model.event import EventBody
from bot.model.incident import Incident, PendingOutcome
from tests.support.desk import waiting_incident
from tests.support.incident_story import bodies, diagnosis, events
from tests.support.slack.blocks import faults
from tests.support.slack.state import texts_of

replace = msgspec.structs.replace
HOSTILE = "<!channel> <@U999> <http://evil|click> & \u202egnp.exe\n*Approved*"


def said(view: Incident) -> str:
    """Every text of the message."""
    return "\n".join(texts_of(incident_blocks(view)))


def buttons(view: Incident) -> dict[str, str]:
    """Action id -> value, of every button."""
    rows = (block["elements"] for block in incident_blocks(view) if block["type"] == "actions")
    return {element["action_id"]: element["value"] for row in rows for element in row}


def test_the_message_says_what_is_wrong_in_numbers_and_what_waits() -> None:
    """Severity, state, mode, confidence, evidence and the pending approval of the story after eight events."""
    text = said(waiting_incident())
    for part in ("SEV2 · triggered · INC-1", "F1 excess loss", "94%", "0.62 → 0.81", "Approval needed", "approver"):
        assert part in text


def test_buttons_carry_the_plan_they_were_shown_for_and_a_nonce_of_their_own() -> None:
    """An approval is bound to run, step and plan hash; no two buttons share a nonce."""
    found = {name: read_press(value) for name, value in buttons(waiting_incident()).items()}
    approve = found["bellhop:approve"]
    assert (approve.incident, approve.run, approve.step, approve.plan_hash) == ("INC-1", "INC-1-R1", "realign", "9f2c")
    nonces = [press.nonce for press in found.values()]
    assert all(nonces)
    assert len(set(nonces)) == len(nonces)


def test_each_drawing_has_new_nonces() -> None:
    """A button of an older drawing can be told from the same button now."""
    before = waiting_incident()
    assert not set(buttons(before).values()) & set(buttons(replace(before, last_seq=9)).values())


def test_a_proposed_runbook_can_be_run_and_an_unknown_outcome_settled() -> None:
    """After four events of the story the plan is proposed; an outcome that nobody knows has two buttons."""
    proposed = replay(events(4))
    assert read_press(buttons(proposed)["bellhop:run"]).runbook == "f1-excess-loss"
    ask = PendingOutcome(run="INC-1-R1", step="realign", phase="run", attempt=1, reason="the bot was restarted")
    assert {"bellhop:happened", "bellhop:absent"} <= set(buttons(replace(proposed, outcomes=(ask,))))


def test_an_incident_that_is_over_offers_only_its_postmortem() -> None:
    """The whole story ends resolved."""
    assert set(buttons(replay(events()))) == {"bellhop:postmortem"}


def test_alert_text_makes_no_mention_link_or_line() -> None:
    """Hostile words arrive as words, in the message, its summary and the thread."""
    view = replay(events(8, title=HOSTILE, summary=HOSTILE))
    lines = [line for event in events(8, title=HOSTILE, summary=HOSTILE) if (line := thread_line(event))]
    for text in (said(view), incident_text(view), *lines):
        assert not [mark for mark in ("<!channel", "<@U999", "<http") if mark in text]
        assert "\u202e" not in text
    assert all("\n" not in line for line in lines)
    objects = [block["text"] for block in incident_blocks(view) if block["type"] == "section"]
    assert all(each["verbatim"] for each in objects)


def test_the_story_has_a_line_for_every_event_behind_the_opening() -> None:
    """The opening is the message itself."""
    first, *rest = [thread_line(event) for event in events()]
    assert first is None
    assert all(rest)
    assert "<@U2>" in str(rest[7])


def test_every_kind_of_event_is_told() -> None:
    """A kind that is added to the model and forgotten here shows up."""
    from bot.chat.lines import _LINES
    from bot.model.event import IncidentOpened

    assert set(_LINES) == set(EventBody.__args__) - {IncidentOpened}


words = st.text(max_size=4000)


@settings(max_examples=60, deadline=None)
@given(title=words, name=words, step=words, count=st.integers(0, 40))
def test_whatever_an_incident_holds_its_message_fits(title: str, name: str, step: str, count: int) -> None:
    """Slack's own limits, as the double holds them, and no half entity at a cut."""
    view = waiting_incident()
    ask = replace(view.approvals[0], title=title, role=name)
    alert = replace(next(iter(replay(events(2)).firing)), name=name, annotations={"summary": title})
    attached = replace(next(iter(replay(events(2)).alerts.values())), alert=alert)
    finding = replace(diagnosis().findings[0], name=name, evidence=diagnosis().findings[0].evidence * 10)
    many = replace(diagnosis(), summary=title, findings=(finding,) * 30, missing=(name,) * 9)
    plan = {"steps": [{"id": step, "title": title, "action": name, "predicted": [{"quantity": name}] * 9}] * count}
    run = replace(view.runs["INC-1-R1"], plan=plan, title=title)
    outcome = PendingOutcome(run="INC-1-R1", step="x", phase="run", attempt=1, reason=title)
    full = replace(
        view,
        title=title,
        alerts={str(place): attached for place in range(count)},
        approvals=(ask,) * count,
        outcomes=(outcome,) * count,
        runs={"INC-1-R1": run},
        diagnosis=many,
    )
    assert faults(incident_blocks(full)) == []
    assert faults(diagnosis_blocks(many)) == []
    assert faults(status_blocks((full,) * (count * 5))) == []
    assert faults(postmortem_blocks(f"# {title}\n{name}\n" * 20)) == []


@given(text=st.text(alphabet="&<>ab\n", max_size=200), limit=st.integers(8, 60))
def test_escaped_text_stays_whole_when_it_is_cut(text: str, limit: int) -> None:
    """What is left is text, entities and an ellipsis: nothing that Slack would read as markup."""
    shown = cut(escape(text), limit)
    assert len(shown) <= limit
    bare = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").removesuffix("…")
    assert not set(bare) & set("&<>\n")


def test_the_story_is_told_from_its_first_event_on() -> None:
    """Each prefix of the story draws a message that fits."""
    for count in range(1, len(bodies()) + 1):
        assert faults(incident_blocks(replay(events(count)))) == []
