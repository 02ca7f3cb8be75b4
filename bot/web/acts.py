"""What a person can do to an incident or a step, the same from a form and from the API."""

from collections.abc import Awaitable, Callable, Mapping

from bot.errors import BadPayloadError
from bot.model.guard_event import Verdict
from bot.model.person import Answer, Person
from bot.web.body import INPUTS, Given, needed
from bot.web.ports import Desk

Act = Callable[[Desk, str, Person, Given], Awaitable[Answer]]
Decision = Callable[[Desk, str, str, Person, Given], Awaitable[Answer]]
VERDICTS: Mapping[str, Verdict] = {"justified": "justified", "not-justified": "not justified"}
"""How a review may come out, as forms and programs write it."""


async def _acknowledge(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    del given
    return await desk.acknowledge(incident, by)


async def _note(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    return await desk.note(incident, needed(given, "text"), by)


async def _resolve(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    return await desk.resolve(incident, by, needed(given, "why"))


async def _run(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    return await desk.run(incident, by, given.get("runbook", "").strip() or None, given.inputs)


async def _approve(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    plan_hash = given.get("plan_hash") or None
    return await desk.approve(run, step, by, plan_hash=plan_hash, key=_key("approve", run, step, by, plan_hash))


async def _reject(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    plan_hash = given.get("plan_hash") or None
    return await desk.reject(run, step, by, plan_hash=plan_hash, key=_key("reject", run, step, by, plan_hash))


async def _break_glass(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    plan_hash, why = needed(given, "plan_hash"), _words(given, "why")
    key = _key("break-glass", run, step, by, plan_hash)
    return await desk.approve(run, step, by, plan_hash=plan_hash, key=key, break_glass=why)


async def _review(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    verdict = VERDICTS.get(needed(given, "outcome"))
    if verdict is None:
        raise BadPayloadError(f"outcome must be {' or '.join(VERDICTS)}", field="outcome", status=422)
    return await desk.reviews.close(run, step, by, verdict=verdict, note=_words(given, "note"))


async def _happened(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    del given
    return await desk.settle(run, step, by, happened=True, key=_key("happened", run, step, by, None))


async def _did_not_happen(desk: Desk, run: str, step: str, by: Person, given: Given) -> Answer:
    del given
    return await desk.settle(run, step, by, happened=False, key=_key("did-not-happen", run, step, by, None))


async def _stop(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    run = needed(given, "run")
    return _strange(run, incident) or await desk.abort(run, by, given.get("why", "").strip())


async def _skip(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    run, step = needed(given, "run"), needed(given, "step")
    return _strange(run, incident) or await desk.steering.skip(run, step, by, given.get("why", "").strip())


async def _retry(desk: Desk, incident: str, by: Person, given: Given) -> Answer:
    run = needed(given, "run")
    return _strange(run, incident) or await desk.steering.retry(run, by, given.get("step", "").strip())


def _strange(run: str, incident: str) -> Answer | None:
    if run.startswith(f"{incident}-R"):
        return None
    return Answer(done=False, message=f"{run} is not a run of {incident}")


def _words(given: Given, name: str) -> str:
    """A text of several lines as it was typed: browsers send each line's end as two characters."""
    return needed(given, name).replace("\r\n", "\n")


def _key(decision: str, run: str, step: str, by: Person, plan_hash: str | None) -> str:
    """One person decides once about one plan's step, however often the button is pressed."""
    return f"{by.id}:{decision}:{run}:{step}:{plan_hash or ''}"


ACTS: Mapping[str, tuple[Act, tuple[str, ...]]] = {
    "acknowledge": (_acknowledge, ()),
    "note": (_note, ("text",)),
    "resolve": (_resolve, ("why",)),
    "run": (_run, ("runbook", INPUTS)),
    "stop": (_stop, ("run", "why")),
    "skip": (_skip, ("run", "step", "why")),
    "retry": (_retry, ("run", "step")),
}
"""Act on an incident -> (what does it, the fields it takes)."""

DECISIONS: Mapping[str, tuple[Decision, tuple[str, ...]]] = {
    "approve": (_approve, ("plan_hash",)),
    "reject": (_reject, ("plan_hash",)),
    "break-glass": (_break_glass, ("plan_hash", "why")),
    "review": (_review, ("outcome", "note")),
    "happened": (_happened, ("plan_hash",)),
    "did-not-happen": (_did_not_happen, ("plan_hash",)),
}
"""Decision about a step -> (what records it, the fields it takes)."""
