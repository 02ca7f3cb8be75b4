"""The report says what happened, says nothing else, and cannot be turned into markup by an alert."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.event import EventBody, IncidentOpened, PlanProposed
from bot.model.step_event import RunEnded, StepEnded, StepStarted
from bot.postmortem import draft, render
from bot.postmortem.escape import markdown
from tests.support.incident_story import START, bodies, events, network

HOSTILE = "<script>alert(1)</script> | [x](http://evil.example) `a` **b** \n# heading @all"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)


def test_durations_say_from_what_to_what() -> None:
    """Detect 60 s before, acknowledge 20 s, mitigate 540 s, resolve 600 s, 420 s of waiting (the story's instants)."""
    spans = {span.name: span for span in draft(events(), network=network(), at=START + 700).spans}
    seconds = {name: span.seconds for name, span in spans.items()}
    assert seconds == {
        "Time to detect": 60,
        "Time to acknowledge": 20,
        "Time to mitigate": 540,
        "Time to resolve": 600,
        "Waiting for people": 420,
    }
    assert spans["Time to resolve"].end.startswith("state changed: resolved")


def test_what_did_not_happen_has_no_duration() -> None:
    """After three events nobody has acknowledged, mitigated or resolved anything."""
    facts = draft(events(3), network=network(), at=START + 5)
    assert [span.name for span in facts.spans] == ["Time to detect"]
    assert facts.impact.ongoing


def test_long_approval_is_named_as_a_fact() -> None:
    """420 of 600 s went by waiting for a decision: 70%."""
    facts = draft(events(), network=network(), at=START + 700)
    assert any("7m, 70% of the time" in line for line in facts.went_badly)


def test_failed_transfers_are_demand_times_duration_times_failure_ratio() -> None:
    """8 a second for 600 s (11:59 to 12:09) at a success ratio of 0.9: 480 of 4800."""
    (flow,) = draft(events(), network=network(), at=START + 700).impact.flows
    assert (flow.asked, flow.failed) == (4800, pytest.approx(480))


def test_approvals_name_the_person_who_decided() -> None:
    """Who approved what, and after how long."""
    (asked,) = draft(events(), network=network(), at=START + 700).approvals
    assert (asked.decision, asked.by, asked.answered_at) == ("approved", ("slack:U2",), START + 450)


def test_rollback_asks_for_a_review_of_its_runbook() -> None:
    """An action item comes from what happened."""
    step = {"run": "INC-1-R1", "step": "realign", "attempt": 1}
    told: list[EventBody] = [
        bodies()[0][2],
        PlanProposed(run="INC-1-R1", runbook="f1-excess-loss", title="Realign", plan_hash="x", plan={}),
        StepStarted(title="Realign", action="link.realign", inputs={}, key="k", phase="run", **step),
        StepEnded(outcome="failed", error="no light", phase="run", **step),
        StepStarted(title="Realign", action="link.realign", inputs={}, key="u", phase="undo", **step),
        StepEnded(outcome="succeeded", phase="undo", **step),
        RunEnded(run="INC-1-R1", runbook="f1-excess-loss", result="rolled back", reason="realign failed"),
    ]
    from bot.model.event import Event

    list_ = [Event(incident="INC-1", seq=n, at=START + n, by="bellhop", body=body) for n, body in enumerate(told, 1)]
    facts = draft(list_, network=network(), at=START + 60)
    assert any(item.text.startswith("Review f1-excess-loss: it was rolled back") for item in facts.actions)
    assert any("no light" in line for line in facts.went_badly)
    assert all(not item.owner and not item.due for item in facts.actions)


def test_every_prefix_of_a_story_can_be_drafted() -> None:
    """A report can be asked for at any time, in any format."""
    for count in range(1, len(events()) + 1):
        facts = draft(events(count), network=network(), at=START + 700)
        for format_ in ("md", "html", "json"):
            assert "INC-1" in render(facts, format_)


def test_events_without_an_opening_are_refused() -> None:
    """A list that does not open an incident is no incident."""
    with pytest.raises(ValueError, match="do not open"):
        draft(events()[1:], network=network(), at=START)


def test_hostile_alert_text_is_shown_not_obeyed_in_html() -> None:
    """The page holds no script, link or picture whatever an alert says."""
    page = render(draft(events(title=HOSTILE, summary=HOSTILE), network=network(), at=START + 700), "html")
    tags = _Tags()
    tags.feed(page)
    assert not {"script", "a", "img", "iframe"} & set(tags.seen)
    assert "&lt;script&gt;" in page


def test_hostile_alert_text_is_shown_not_obeyed_in_markdown() -> None:
    """No live tag, link, cell border or new line comes out of an alert."""
    text = render(draft(events(title=HOSTILE, summary=HOSTILE), network=network(), at=START + 700), "md")
    assert not re.search(r"(?<!\\)<script", text)
    assert not re.search(r"(?<!\\)\[x", text)
    assert "http://evil" not in text
    assert "\n# heading" not in text


@given(st.text())
def test_escaped_markdown_is_one_line_without_live_markup(text: str) -> None:
    """Whatever the text: one line, and each special character of CommonMark has a backslash before it."""
    line = markdown(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>|]", line)


def test_json_report_carries_instants_as_rfc_3339() -> None:
    """Programs get times as every other door gives them."""
    report = json.loads(render(draft(events(), network=network(), at=START + 700), "json"))
    assert report["drafted_at"] == "2026-01-05T12:11:40Z"
    assert report["timeline"][0]["at"] == "2026-01-05T12:00:00Z"
    assert report["impact"]["flows"][0]["flow"] == "key-exchange"


def test_the_same_events_give_the_same_report() -> None:
    """Nothing but the events and the given instant goes in."""
    first, second = (render(draft(events(), network=network(), at=START + 700), "html") for _ in range(2))
    assert first == second
    assert isinstance(bodies()[0][2], IncidentOpened)
