"""Guards as properties: over any facts what they let through keeps its promise, and what they refuse has a reason."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remediation.asking import asking, fills
from remediation.contract import Risk
from remediation.guard import (
    FAILED,
    Certainty,
    GuardFacts,
    Holder,
    Limits,
    Measuring,
    PastRun,
    Rate,
    Reach,
    Window,
    check,
    check_measurement,
    failures,
)
from remediation.schema import Guard, MaxRuns
from tests.remediation.runs import ACTIONS, runbook

NOW = 1_770_000_000.0
NOTHING = Guard()
RESULTS = ("", "succeeded", "stopped", "rejected", "aborted", *FAILED)

ages = st.floats(0.0, 20_000.0)
results = st.sampled_from(RESULTS)
past = st.lists(st.builds(lambda age, result: PastRun("INC-1-R1", NOW - age, result), ages, results), max_size=8)
shares = st.floats(0.0, 1.0)


def facts(**known: Any) -> GuardFacts:
    """Facts of which only these matter."""
    return GuardFacts(NOW, (), 0.0, **{"runbook": "book", **known})


def refused(known: GuardFacts, limits: Limits | None = None) -> str:
    """The guard that says no, or nothing."""
    refusal = check(NOTHING, known, limits or Limits())
    assert refusal is None or refusal.reason
    return refusal.guard if refusal else ""


@given(st.lists(st.sampled_from(["link:a", "node:b", "flow:c"]), unique=True))
def test_what_another_run_holds_is_refused_and_named(places: list[str]) -> None:
    """Every place with its holder, so that a person knows whom to ask."""
    refusal = check(NOTHING, facts(holders=tuple(Holder(place, "INC-2-R1", "other") for place in places)))
    assert (refusal is None) == (not places)
    assert all(refusal and f"{place} is held by INC-2-R1 (other)" in refusal.reason for place in places)


@given(shares, shares)
def test_no_run_acts_below_the_confidence_that_its_runbook_asks_for(confidence: float, wanted: float) -> None:
    """At it, it does."""
    certainty = Certainty(confidence, wanted, "the confidence is what it is")
    assert (refused(facts(certainty=certainty)) == "min_confidence") == (confidence < wanted)


@given(past, st.integers(1, 5))
def test_the_breaker_opens_after_so_many_failures_since_the_last_success(runs: list[PastRun], limit: int) -> None:
    """Runs that people or guards ended, or that still go on, are passed over: they prove nothing."""
    judged = [run.result for run in runs if run.result in (*FAILED, "succeeded")]
    row = next((at for at, result in enumerate(judged) if result == "succeeded"), len(judged))
    assert len(failures(runs)) == row
    assert (refused(facts(last_runs=tuple(runs)), Limits(failures_in_a_row=limit)) == "breaker") == (row >= limit)


@given(st.lists(st.sampled_from(["book", "other"]), unique=True))
def test_under_maintenance_only_the_maintenance_itself_acts(runbooks: list[str]) -> None:
    """The window names its runbooks; without a window nothing is in the way."""
    window = Window("link:a", "splicing", tuple(runbooks))
    assert (refused(facts(windows=(window,))) == "maintenance") == ("book" not in runbooks)


@given(st.integers(1, 40), st.integers(1, 40), shares)
def test_never_more_than_the_share_of_links_is_out_and_one_always_may(out: int, links: int, share: float) -> None:
    """Else a network of two links could not be mended at all."""
    allowed = out <= max(1, share * links)
    assert (refused(facts(reach=Reach(out, links)), Limits(max_share_out=share)) == "") == allowed


@given(st.booleans(), st.booleans())
def test_a_flow_without_a_route_or_room_is_never_accepted(cut: bool, short: bool) -> None:
    """However few links are out."""
    reach = Reach(1, 100, ("a-flow",) if cut else (), ("b-flow",) if short else ())
    assert refused(facts(reach=reach)) == ("routes" if cut else "capacity" if short else "")


@given(st.floats(1.0, 1e5), st.none() | st.floats(0.0, 1e5), st.floats(0.0, 1e4))
def test_a_measurement_leaves_the_pool_its_reserve(needs: float, has: float | None, reserve: float) -> None:
    """A pool that nobody knows is measured by nobody; the check alone is told, too."""
    known = facts(measuring=(Measuring("a-link", needs, has, reserve),))
    refusal = check_measurement(known)
    assert (refusal is None) == (has is not None and has - needs >= reserve)
    assert refused(known) == ("measurement_budget" if refusal else "")


@given(past, st.integers(1, 5), st.floats(1.0, 20_000.0), st.sampled_from(["target_runs", "network_runs"]))
def test_no_more_runs_begin_in_a_period_than_the_configuration_allows(
    runs: list[PastRun], count: int, per: float, scope: str
) -> None:
    """On the target and on the whole network alike."""
    rate = Rate(MaxRuns(count=count, per=per))
    limits = Limits(per_target=rate) if scope == "target_runs" else Limits(network_wide=rate)
    recent = sum(run.started_at > NOW - per for run in runs)
    expected = f"{scope.removesuffix('runs')}max_runs" if recent >= count else ""
    assert refused(facts(**{scope: tuple(runs)}), limits) == expected


@given(past, st.floats(1.0, 20_000.0))
def test_no_run_begins_before_the_cooldown_of_the_last(runs: list[PastRun], cooldown: float) -> None:
    """The youngest counts."""
    ages = [NOW - run.started_at for run in runs]
    expected = "network_cooldown" if ages and min(ages) < cooldown else ""
    assert refused(facts(network_runs=tuple(runs)), Limits(network_wide=Rate(None, cooldown))) == expected


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    st.integers(1, 3),
    st.lists(st.frozensets(st.sampled_from(["a", "b", "c", "d"]), max_size=3), max_size=6),
)
def test_people_fill_as_many_places_as_any_seating_of_them_could(
    roles: list[str], count: int, people: list[frozenset[str]]
) -> None:
    """Against every seating tried out; nobody sits on two places."""
    places = [role for role in roles for _ in range(count)]

    def best(person: int, free: tuple[str, ...]) -> int:
        if person == len(people):
            return 0
        seats = [at for at, role in enumerate(free) if role in people[person]]
        with_them = [1 + best(person + 1, (*free[:at], *free[at + 1 :])) for at in seats]
        return max([best(person + 1, free), *with_them])

    assert fills(tuple(roles), count, tuple(people)) == best(0, tuple(places))


@given(
    st.booleans(), st.booleans(), st.sampled_from([None, False, True]), st.sampled_from(["stop", "escalate", "proceed"])
)
def test_a_stricter_runbook_asks_before_every_act_and_never_less(
    every_act: bool, security: bool, asked: bool | None, silence: str
) -> None:
    """Looks ask nobody; a yes by silence is none any more."""
    given_ = {} if asked is None else {"approval": {"required": asked, "on_timeout": silence}}
    steps = [{"id": "look", "action": "look"}, {"id": "turn", "action": "turn", **given_}]
    book = runbook(*steps)
    look, turn = asking(book, ACTIONS, every_act=every_act, security=security).spec.acts
    assert look.approval is None
    assert ACTIONS[turn.action].risk is not Risk.READ
    if not every_act and not security:
        assert turn == book.spec.acts[1]
        return
    assert turn.approval is not None
    assert turn.approval.required is True
    assert turn.approval.on_timeout != "proceed"
    expected = [*(["approver"] if asked is not None or not security else []), *(["security"] if security else [])]
    assert turn.approval.roles == expected
