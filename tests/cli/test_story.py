"""Every kind of event has words at every door: the terminal, the thread in Slack, the pages and the report."""

from io import StringIO

import pytest
from msgspec.structs import replace
from rich.console import Console

from bot.chat.lines import thread_line
from bot.cli.story import line
from bot.model.event import (
    ApprovalAnswered,
    ApprovalAsked,
    DiagnosisMade,
    Escalated,
    Event,
    IncidentOpened,
    KeysQuarantined,
    NoteAdded,
    PlanProposed,
)
from bot.model.guard_event import RunPaused
from bot.model.step_event import OutcomeTold, StepEnded
from bot.model.time import format_instant
from bot.postmortem.timeline import sentence
from tests.support.every_event import every_kind, one_of_each
from tests.support.incident_story import LINK, START, diagnosis, events
from tests.support.planned import realignment

HOSTILE = "[bold]x[/bold] [/] \x1b[31m <!channel>"


def shown(event: Event, width: int = 200) -> str:
    """What a terminal of this width shows of one event."""
    told = line(event)
    screen = StringIO()
    if told is not None:
        Console(file=screen, width=width, highlight=False).print(told)
    return screen.getvalue()


def of(body: object, by: str = "cli:alice", why: str = "") -> Event:
    """An event with this body."""
    return Event(incident="INC-1", seq=1, at=START, by=by, why=why, body=body)  # type: ignore[arg-type]


@pytest.mark.parametrize("event", one_of_each(), ids=lambda event: type(event.body).__name__)
def test_every_kind_of_event_is_told_at_every_door(event: Event) -> None:
    """The opening is the message itself in Slack; the others are lines; times are those of the event."""
    clock = f"12:00:{event.seq:02}"
    assert shown(event).startswith(clock)
    assert sentence(event.body)
    if not isinstance(event.body, IncidentOpened):
        assert (thread_line(event) or "").startswith(f"`{clock}`")


def test_the_union_of_events_is_taken_apart_whole() -> None:
    """Kinds that sit in unions of their own are among them."""
    assert {IncidentOpened, StepEnded, OutcomeTold} <= set(every_kind())


def test_an_answer_about_an_outcome_is_shown_with_the_person_who_gave_it() -> None:
    """Happened or not, and who says so."""
    told = OutcomeTold(run="INC-1-R1", step="move", happened=False)
    assert "move of INC-1-R1 did not happen  · cli:carol" in shown(of(told, by="cli:carol"))


def test_an_approval_says_who_gave_it() -> None:
    """Approved by whom; the roles of a step for two are two roles."""
    yes = ApprovalAnswered(run="INC-1-R1", step="move", decision="approved", plan_hash="9f2c")
    assert "approved move  · slack:U2" in shown(of(yes, by="slack:U2"))
    asked = ApprovalAsked(
        run="INC-1-R1",
        step="move",
        title="Move",
        role="approver+security",
        count=1,
        plan_hash="9f2c",
        expires_at=START,
    )
    assert "by approver and security" in shown(of(asked))
    for told in (thread_line(of(asked)) or "", sentence(asked)):
        assert "role approver and security" in told


def test_what_a_controller_confirmed_is_said_quietly_at_every_door() -> None:
    """The settings that it was seen to have; nothing where it confirmed nothing."""
    ended = StepEnded(run="INC-1-R1", step="scale", phase="run", attempt=1, outcome="succeeded")
    confirmed = replace(ended, envelope={"confirmed": ["replicas"]})
    assert "✓ scale succeeded (replicas confirmed)" in shown(of(confirmed))
    assert sentence(confirmed) == "Step scale succeeded (replicas confirmed)"
    assert "*succeeded* (replicas confirmed)" in (thread_line(of(confirmed)) or "")
    assert "confirmed" not in shown(of(ended)) + sentence(ended)


def test_a_step_that_was_taken_back_does_not_read_as_if_it_were_done_again() -> None:
    """Nobody may think that the throttle is on."""
    undone = StepEnded(run="INC-1-R1", step="throttle", phase="undo", attempt=1, outcome="succeeded")
    assert "✓ throttle taken back" in shown(of(undone))


def test_keys_are_asked_to_be_quarantined_and_never_said_to_be() -> None:
    """Bellhop cannot do it: every door words it as a demand."""
    body = KeysQuarantined(links=("ams-utr",), since=START, reason="errors rose")
    for told in (shown(of(body)), sentence(body), thread_line(of(body)) or ""):
        assert "must not be used" in told
        assert "quarantine them" in told
        assert "are quarantined" not in told


def test_a_plan_says_what_is_done_to_what_with_which_parameters() -> None:
    """Target and parameters of a step, its effect in numbers, and that there is no prediction where there is none."""
    step = {"id": "boost", "title": "More light", "action": "link.set_power", "risk": "reversible"}
    boost = {**step, "target": "link:ams-utr", "parameters": {"link": "ams-utr", "gain_db": 3}}
    plan = PlanProposed(run="INC-1-R1", runbook="f1", title="t", plan_hash="9f2c", plan={"steps": [boost]})
    text = shown(of(plan), width=80)
    assert "link.set_power link:ams-utr gain_db=3 (reversible)" in text
    assert "no prediction" in text


def test_a_diagnosis_names_the_guide_and_that_an_intrusion_is_not_excluded() -> None:
    """The words of an unknown verdict are the guide's name."""
    unknown = replace(diagnosis(), verdict="unknown", findings=())
    assert "guide: bellhop runbook show unknown-mode" in shown(of(DiagnosisMade(diagnosis=unknown)))


def test_no_foreign_text_writes_to_the_screen_but_as_text() -> None:
    """Window titles, cleared screens and turned directions come from nobody's alert, note or reason."""
    wild = "a\x1b]0;owned\x07b\x1b[2Jc\x9bd\u202ee"
    for told in (
        of(NoteAdded(text=wild)),
        of(Escalated(to=wild, reason=wild)),
        of(RunPaused(run="R", step="s", reason=wild)),
    ):
        assert not set("\x1b\x07\x9b\u202e") & set(shown(told)), told


def test_hostile_words_are_words_on_the_screen() -> None:
    """Markup of the terminal is shown as it was typed and colours nothing."""
    opened = replace(events()[0], body=IncidentOpened(title=HOSTILE, severity="sev1", subject=LINK))
    assert "[bold]x[/bold] [/]" in shown(opened)


def test_an_event_has_the_same_time_at_every_door() -> None:
    """Seven tenths into a second it is still that second: 12:00:00 everywhere."""
    event = replace(of(OutcomeTold(run="INC-1-R1", step="move", happened=True)), at=START + 0.7)
    assert shown(event).startswith("12:00:00 ")
    assert (thread_line(event) or "").startswith("`12:00:00`")
    assert format_instant(event.at) == "2026-01-05T12:00:00Z"


def test_the_story_tells_each_act_that_a_yes_lets_happen() -> None:
    """With target and parameters as they will be done, and the hash of the question; hostile values stay words."""
    acts = tuple({**realignment(note="[red]\x1b[2J"), "id": f"move.{at}"} for at in (1, 2))
    asked = ApprovalAsked(
        run="INC-1-R1", step="move", title="Move", role="approver", count=1, plan_hash="9f2c" * 16, expires_at=START,
        acts=acts,
    )  # fmt: skip
    first, *others = shown(of(asked)).splitlines()
    assert "Move  (move, by approver)  9f2c9f2c9f" in first
    told = "link.set_power link:ams-rpt1 gain_db=3 note=[red][2J"
    assert [line.strip() for line in others] == [f"move.{at}  {told}" for at in (1, 2)]
