"""What the report says of broken glass and of a possible intruder: what is known, and no more."""

import pytest

from bot.model.event import (
    ApprovalAnswered,
    ApprovalAsked,
    Escalated,
    Event,
    EventBody,
    IncidentOpened,
    KeysQuarantined,
)
from bot.model.guard_event import GlassBroken
from bot.postmortem import Format, draft, render
from tests.support.incident_story import LINK, START, network

OPENED = IncidentOpened(title="errors rose", severity="sev2", subject=LINK)
KEYS = KeysQuarantined(links=("ams-rpt1",), since=START, reason="qber rose from 1.4% to 4.5%")
CALLED = (Escalated(to="security", reason="intrusion"), Escalated(to="operators", reason="no failure mode"))


def told(*bodies: tuple[str, EventBody]) -> tuple[Event, ...]:
    """Who did what, ten seconds apart."""
    whole = (("bellhop", OPENED), *bodies)
    return tuple(
        Event(incident="INC-1", seq=place, at=START + 10 * place, by=by, body=body)
        for place, (by, body) in enumerate(whole, start=1)
    )


def report(events: tuple[Event, ...], format_: Format = "md") -> str:
    """The report of these events."""
    return render(draft(events, network=network(), at=START + 500), format_)


@pytest.mark.parametrize("format_", ["md", "html"])
def test_a_broken_glass_is_marked_in_the_approvals(format_: Format) -> None:
    """Not as if the roles had said yes: on whose word alone, and why."""
    step = {"run": "INC-1-R1", "step": "move", "plan_hash": "9f2c"}
    asked = ApprovalAsked(title="Move", role="approver+security", count=1, expires_at=START + 900, **step)
    broken = GlassBroken(run="INC-1-R1", step="move", reason="the ring is down")
    yes = ApprovalAnswered(decision="approved", **step)
    text = report(told(("bellhop", asked), ("cli:root", broken), ("cli:root", yes)), format_)
    approvals = text[text.index("Approvals") : text.index("Responders")]
    assert "break-glass" in approvals
    assert "it went ahead on the word of cli:root alone" in approvals
    assert "role approver and security: the ring is down" in approvals
    assert "approved by" not in approvals


def test_keys_are_a_demand_and_the_action_item_asks_who_met_it() -> None:
    """Bellhop has no way to quarantine keys, so the report never says that they are."""
    text = report(told(("bellhop", KEYS)))
    assert "must not be used: quarantine them" in text
    assert "Confirm who quarantined the keys that ams-rpt1 made since 2026-01-05T12:00:00Z, and when" in text
    assert "are quarantined" not in text
    assert "An intrusion was not excluded: qber rose from 1.4% to 4.5%." in text


def test_what_people_do_about_an_intruder_is_not_to_be_automated() -> None:
    """Without a doubt about intruders the same escalation asks for a runbook."""
    escalated = [("bellhop", each) for each in CALLED]
    assert "so that a runbook can do it" not in report(told(("bellhop", KEYS), *escalated))
    assert "Write down what operators did, so that a runbook can do it" in report(told(*escalated))
