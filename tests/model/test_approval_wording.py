"""How far a question has come, in words that every door shares: how many, by whom, and who is still waited for."""

import pytest
from msgspec.structs import replace

from bot.model.approval_wording import agreed_words, approvals_words, tally_words
from bot.model.incident import PendingApproval
from tests.support.incident_story import START

ASK = PendingApproval(
    run="INC-1-R1",
    step="move",
    title="Move",
    role="approver",
    count=2,
    plan_hash="9f2c",
    asked_at=START,
    expires_at=START + 900,
)
BOTH = ("approver", "security")


def asked(role: str = "approver", count: int = 2, **people: tuple[str, ...]) -> PendingApproval:
    """The question, approved by these people, each with these of the wanted roles."""
    return replace(
        ASK, role=role, count=count, approved_by=tuple(people), approved_roles=tuple(people[name] for name in people)
    )


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (asked(count=1), "0 of 1 approval; one by an approver is needed"),
        (asked(), "0 of 2 approvals; two by different approvers are needed"),
        (asked(ana=("approver",)), "1 of 2 approvals (ana); one more by another approver is needed"),
        (asked(count=3, ana=("approver",)), "1 of 3 approvals (ana); two more by other approvers are needed"),
        (
            asked(count=14, ana=("approver",)),
            "1 of 14 approvals (ana); 13 more by other approvers are needed",
        ),
        (asked("security", 1), "0 of 1 approval; one by somebody with the role security is needed"),
    ],
)
def test_one_role_of_one_or_several_people(ask: PendingApproval, words: str) -> None:
    """`count` people of the role, all of them different."""
    assert approvals_words(ask) == words


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (
            asked("approver+security", 1),
            "0 of 2 approvals; two by people with the roles approver and security are needed",
        ),
        (
            asked("approver+security", 1, ana=("approver",)),
            "1 of 2 approvals (ana); one more by somebody else with the role security is needed",
        ),
        (
            asked("approver+security", 1, eve=BOTH),
            "1 of 2 approvals (eve); one more by somebody else with the role approver or security is needed",
        ),
        (
            asked("approver+security", 2, ana=("approver",), eve=BOTH),
            "2 of 4 approvals (ana, eve); two more by other people with the roles approver and security are needed",
        ),
        (
            asked("approver+security", 1, sam=("security",)),
            "1 of 2 approvals (sam); one more by another approver is needed",
        ),
    ],
)
def test_of_several_roles_only_those_are_named_that_are_still_missing(ask: PendingApproval, words: str) -> None:
    """Who has both roles fills either; the count is of people times roles, as the desk counts."""
    assert approvals_words(ask) == words


def test_a_door_makes_names_and_words_its_own() -> None:
    """Names as mentions, words escaped; neither is done to the other."""
    ask = asked("<b>", 2, ana=("<b>",))
    said = approvals_words(ask, person=lambda name: f"<@{name}>", text=lambda words: words.replace("<", "&lt;"))
    assert said == "1 of 2 approvals (<@ana>); one more by somebody else with the role &lt;b> is needed"


def test_of_one_answer_only_the_count_is_known() -> None:
    """An event of an answer has no more; an old one not even that, and the last answer leaves nothing to say."""
    assert tally_words(1, 2) == "1 of 2; 1 more must approve"
    assert tally_words(2, 2) == ""
    assert tally_words(0, 0) == ""


def test_who_had_approved_is_said_when_the_time_is_over() -> None:
    """Nobody is needed any more then."""
    assert agreed_words(("ana", "eve"), 3) == "2 of 3 had approved: ana, eve"
    assert agreed_words((), 3) == ""
