"""The life of an incident: which moves are legal, and that its view is the same however it was derived."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.incidents.lifecycle import MOVES, move
from bot.incidents.replay import apply, replay
from bot.model import event as kinds
from bot.model.event import Event, EventBody, State, StateChanged
from bot.model.incident import Incident
from tests.support.incident_story import START, alert, bodies, events

STATES: tuple[State, ...] = get_args(State)
EPISODE, RUN = alert().episode, "INC-1-R1"


def history(told: list[EventBody]) -> tuple[Event, ...]:
    """The opening and what follows, a second apart."""
    whole = [bodies()[0][2], *told]
    return tuple(
        Event(incident="INC-1", seq=place, at=START + place, by="cli:alice", body=body)
        for place, body in enumerate(whole, start=1)
    )


def in_state(*path: State) -> Incident:
    """An incident that went this way."""
    steps: tuple[State, ...] = ("triggered", *path)
    return replay(history([StateChanged(before=before, after=after) for before, after in pairwise(steps)]))


@st.composite
def legal_paths(draw: st.DrawFn) -> list[State]:
    """States in an order that the table allows, from triggered on."""
    path: list[State] = ["triggered"]
    for _ in range(draw(st.integers(0, 30))):
        if not MOVES[path[-1]]:
            break
        path.append(draw(st.sampled_from(MOVES[path[-1]])))
    return path


_story = tuple(body for _, _, body in bodies()[1:] if not isinstance(body, StateChanged))
_more = (
    kinds.SeverityChanged(before="sev2", after="sev1"),
    kinds.AlertResolved(episode="of nobody", name="x", ended_at=START),
    kinds.RunStarted(run="of nobody", runbook="x", plan_hash="1"),
    kinds.ApprovalExpired(run=RUN, step="realign"),
    kinds.OutcomeAsked(run=RUN, step="realign", phase="run", attempt=1, reason="killed"),
    kinds.OutcomeTold(run=RUN, step="realign", happened=True),
    kinds.NoteAdded(text="hm"),
    kinds.PostmortemPublished(place="here"),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Event, ...]:
    """A legal path with every other kind of event in between, in any order, also twice."""
    path = draw(legal_paths())
    told: list[EventBody] = []
    for before, after in pairwise(path):
        told += draw(st.lists(st.sampled_from(_story + _more), max_size=5))
        told.append(StateChanged(before=before, after=after))
    return history(told)


def test_the_contracts_life_can_be_lived() -> None:
    """The order of the interfaces contract; every other state is reachable too."""
    path: tuple[State, ...] = (
        "triggered", "acknowledged", "mitigating", "monitoring", "resolved", "postmortem published",
    )  # fmt: skip
    assert all(after in MOVES[before] for before, after in pairwise(path))
    assert set(MOVES) == set(STATES)
    assert {after for moves in MOVES.values() for after in moves} == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_an_illegal_move_is_refused_with_its_reason(state: State) -> None:
    """Every pair of states: legal as the table says, otherwise one sentence that names what would be."""
    reached: dict[State, tuple[State, ...]] = {
        "triggered": (),
        "monitoring": ("mitigating", "monitoring"),
        "postmortem published": ("resolved", "postmortem published"),
    }
    incident = in_state(*reached.get(state, (state,)))
    assert incident.state == state
    for to in STATES:
        answer = move(incident, to)
        assert answer.legal == (to in MOVES[state])
        assert bool(answer.reason) != answer.legal
    assert move(incident, state).reason == f"it is {state} already"
    assert all(each in move(in_state(), "postmortem published").reason for each in MOVES["triggered"])
    assert move(in_state("merged"), "resolved").reason == "from merged it can only become nothing"


@given(histories())
@settings(deadline=None, derandomize=True)
def test_replay_is_the_same_as_applying_one_by_one(told: tuple[Event, ...]) -> None:
    """From every prefix on, and never an error on a legal history."""
    whole = replay(told)
    views = [replay(told[: count + 1]) for count in range(len(told))]
    for view, event in zip(views, told[1:], strict=False):
        assert apply(view, event) == views[event.seq - 1]
    assert views[-1] == whole
    assert (whole.last_seq, whole.id, whole.opened_at) == (len(told), "INC-1", told[0].at)


@given(histories())
@settings(deadline=None, derandomize=True)
def test_the_view_keeps_its_promises_on_every_history(told: tuple[Event, ...]) -> None:
    """State follows the last move; the first acknowledgement stays; a resolved instant stands while it is over."""
    view = replay(told)
    moves = [event for event in told if isinstance(event.body, StateChanged)]
    reached = {event.body.after: event.at for event in reversed(moves) if isinstance(event.body, StateChanged)}
    last = moves[-1].body if moves else None
    assert view.state == (last.after if isinstance(last, StateChanged) else "triggered")
    assert view.acknowledged_at == reached.get("acknowledged")
    assert (view.resolved_at is not None) == (view.state in ("resolved", "postmortem published"))
    assert view.is_open == (view.state in ("triggered", "acknowledged", "mitigating", "monitoring"))


def test_a_reopened_incident_is_not_resolved_any_more() -> None:
    """Its second end is the one that counts."""
    again = in_state("resolved", "triggered")
    assert (again.resolved_at, again.is_open) == (None, True)
    assert in_state("resolved", "triggered", "resolved").resolved_at == START + 4


@pytest.mark.parametrize("told", [(), events()[1:]], ids=["empty", "without its opening"])
def test_a_history_without_its_beginning_is_refused(told: tuple[Event, ...]) -> None:
    """Half a history would be a wrong incident."""
    with pytest.raises(ValueError, match="begins with"):
        replay(told)


def test_the_whole_story_ends_as_it_was_told() -> None:
    """The instants are those of tests/support/incident_story."""
    view = replay(events())
    assert (view.state, view.acknowledged_at, view.acknowledged_by) == ("resolved", START + 20, "slack:U1")
    assert (view.mitigated_at, view.resolved_at) == (START + 541, START + 600)
    assert (view.firing, view.alerts[EPISODE].ended_at) == ((), START + 594)
    assert (view.runs[RUN].result, view.runs[RUN].started_at, view.runs[RUN].ended_at) == (
        "succeeded",
        START + 21,
        START + 540,
    )
    assert (view.approvals, view.outcomes) == ((), ())


def answer(decision: str, by: str) -> Event:
    """A person decides on the story's waiting step."""
    body = kinds.ApprovalAnswered(run=RUN, step="realign", decision=decision, plan_hash="9f2c")  # type: ignore[arg-type]
    return Event(incident="INC-1", seq=9, at=START, by=by, body=body)


def test_an_approval_waits_until_enough_different_people_agree_or_one_rejects() -> None:
    """Two are asked for: the same person twice is one."""
    asked = kinds.ApprovalAsked(
        run=RUN, step="realign", title="Realign", role="approver", count=2, plan_hash="9f2c", expires_at=START + 900
    )
    waiting = apply(replay(events(7)), Event(incident="INC-1", seq=8, at=START, by="bellhop", body=asked))
    once = apply(waiting, answer("approved", "slack:U1"))
    assert [each.approved_by for each in once.approvals] == [("slack:U1",)]
    assert len(apply(once, answer("approved", "slack:U1")).approvals) == 1
    assert apply(once, answer("approved", "slack:U2")).approvals == ()
    assert apply(once, answer("rejected", "slack:U2")).approvals == ()
