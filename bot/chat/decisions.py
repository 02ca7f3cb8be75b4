"""How people decide about steps: the commands approve, reject, review and settle, and what an approval comes to."""

from collections.abc import Mapping

from bot.chat.asked import Asked, Words
from bot.chat.ports import Desk
from bot.chat.reply import Reply, answered, said, shown
from bot.chat.reports import approval_line, approvals_text, review_line
from bot.chat.text import sections
from bot.errors import BellhopError, UsageError
from bot.model.guard_event import Verdict
from bot.model.person import Answer

_VERDICTS: Mapping[str, Verdict] = {"justified": "justified", "not-justified": "not justified"}


async def approve(desk: Desk, asked: Asked, words: Words) -> Reply:
    """Approve a step, if need be alone; without words, what waits for approval."""
    if not words:
        return await _waiting(desk)
    run, step = words.id(0), words.need(1)
    if words[2:3] and words[2].lower().lstrip("-—") == "break-glass":
        why = words.rest(3)
        answer = await desk.approve(run, step, asked.by, plan_hash=None, key=asked.key, break_glass=why)
    elif words[2:]:
        raise UsageError(f"{words[2]} is nothing that approve knows")
    else:
        answer = await desk.approve(run, step, asked.by, plan_hash=None, key=asked.key)
    return await approved(desk, answer, run.rpartition("-R")[0], run, step)


async def approved(desk: Desk, answer: Answer, incident: str, run: str, step: str) -> Reply:
    """The desk's answer to an approval and, while the step waits for more, how many there are and who is needed."""
    if not answer.done:
        return answered(answer)
    try:
        view = await desk.incident(incident)
    except BellhopError:
        return answered(answer)  # what was approved stands; the incident's message says the rest
    left = [approvals_text(ask) for ask in view.approvals if (ask.run, ask.step) == (run, step)]
    return said("\n".join([answered(answer).text, *left]))


async def review(desk: Desk, asked: Asked, words: Words) -> Reply:
    """Judge a step that went ahead on one word; without words, the reviews that are owed."""
    if not words:
        lines = [review_line(each) for each in await desk.reviews.owed()]
        return shown("Reviews that are owed", sections(lines)) if lines else said("No review is owed.")
    verdict = _VERDICTS.get(words.need(2).lower())
    if verdict is None:
        raise UsageError("was it justified or not?")
    note = words.rest(3)
    return answered(await desk.reviews.close(words.id(0), words.need(1), asked.by, verdict=verdict, note=note))


async def reject(desk: Desk, asked: Asked, words: Words) -> Reply:
    """Turn a step down."""
    return answered(await desk.reject(words.id(0), words.need(1), asked.by, plan_hash=None, key=asked.key))


async def settle(desk: Desk, asked: Asked, words: Words) -> Reply:
    """Say whether an act of which nobody knows happened."""
    said_so = {"happened": True, "not-happened": False}.get(words.need(2).lower())
    if said_so is None:
        raise UsageError("did it happen or not?")
    return answered(await desk.settle(words.id(0), words.need(1), asked.by, happened=said_so, key=asked.key))


async def _waiting(desk: Desk) -> Reply:
    views = await desk.incidents(open_only=True)
    lines = [approval_line(ask) for view in views for ask in view.approvals]
    return shown("Waiting for approval", sections(lines)) if lines else said("Nothing waits for approval.")
