"""How far an approval has come, in words that every door shares. Plain text; each door escapes it."""

from collections.abc import Callable, Mapping, Sequence

from bot.model.incident import PendingApproval
from remediation.asking import fills

_APPROVER = "approver"
_NUMBERS: Mapping[int, str] = {1: "one", 2: "two", 3: "three", 4: "four"}


def approvals_words(
    ask: PendingApproval, *, person: Callable[[str], str] = str, text: Callable[[str], str] = str
) -> str:
    """How far a question has come: `1 of 2 approvals (ana); one more by another approver is needed`.

    `person` and `text` are what a door does to names and to all other words before it shows them.
    """
    people = tuple(frozenset(roles) for roles in ask.approved_roles)
    given, wanted = fills(ask.roles, ask.count, people), ask.count * len(ask.roles)
    names = f" ({', '.join(map(person, ask.approved_by))})" if ask.approved_by else ""
    so_far = f"{given} of {wanted} approval{'' if wanted == 1 else 's'}{names}"
    return f"{so_far}; {text(_still_needed(ask, people, given, wanted - given))}"


def tally_words(given: int, wanted: int) -> str:
    """The same of one answer, of which only the count is known; empty where nothing is missing."""
    left = wanted - given
    return f"{given} of {wanted}; {left} more must approve" if left > 0 else ""


def agreed_words(people: Sequence[str], wanted: int, *, person: Callable[[str], str] = str) -> str:
    """Who had approved when the time was over: `1 of 2 had approved: ana`; empty where nobody had."""
    return f"{len(people)} of {wanted} had approved: {', '.join(map(person, people))}" if people else ""


def _still_needed(ask: PendingApproval, people: tuple[frozenset[str], ...], given: int, left: int) -> str:
    """How many more, and by whom: of several roles only those that are still missing."""
    missing = [role for role in ask.roles if fills(ask.roles, ask.count, (*people, frozenset({role}))) > given]
    who = _one_of(missing, given) if left == 1 else _several_of(missing, given)
    count = f"{_NUMBERS.get(left, str(left))}{' more' if given else ''}"
    return f"{count} by {who} {'is' if left == 1 else 'are'} needed"


def _one_of(roles: list[str], given: int) -> str:
    if roles == [_APPROVER]:
        return f"{'another' if given else 'an'} approver"
    return f"somebody{' else' if given else ''} with the role {' or '.join(roles)}"


def _several_of(roles: list[str], given: int) -> str:
    if roles == [_APPROVER]:
        return f"{'other' if given else 'different'} approvers"
    named = f"role{'' if len(roles) == 1 else 's'} {' and '.join(roles)}"
    return f"{'other ' if given else ''}people with the {named}"
