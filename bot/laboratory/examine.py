"""Ask every method about one incident: what one worker does."""

import asyncio
from collections.abc import Mapping

import msgspec

from bot.diagnosis.rules import Rules
from bot.laboratory import baro, naive
from bot.laboratory.incidents import Incident, incident
from bot.laboratory.judge import Mark, Named, Outcome, is_right, judge, said
from bot.laboratory.kinds import Kind
from bot.laboratory.replay import Replay, replayed

AGE_STEP_S = 60.0
"""Between the ages of a fault at which it is asked about."""
BELLHOP, NAIVE, BARO, BARO_BOTH = "bellhop", "naive table", "BARO", "BARO two-sided"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One incident to examine, and whether to ask the other methods too."""

    kind: Kind
    seed: int
    links: int | None = None
    compare: bool = False


def examine(question: Question, rules: Rules) -> Outcome:
    """Make the incident, ask about it, and judge the answers."""
    case = incident(question.kind, question.seed, links=question.links)
    marks = asyncio.run(_marks(case, rules, compare=question.compare))
    return Outcome(
        kind=case.kind,
        seed=case.seed,
        name=case.name,
        link=case.link,
        expected=tuple(Named(mode, subject) for mode, subject in case.expected),
        verdict=case.verdict,
        marks=marks,
    )


async def _marks(case: Incident, rules: Rules, *, compare: bool) -> Mapping[str, Mark]:
    async with replayed(case, since=case.onset if case.verdict == "fault" and case.onset else case.at) as replay:
        marks = {BELLHOP: await _bellhop(case, replay, rules)}
        if compare:
            marks |= await _others(case, replay)
    return marks


async def _bellhop(case: Incident, replay: Replay, rules: Rules) -> Mark:
    answers = [said(each) for each in await replay.diagnose(list(case.network.links), rules, at=case.at)]
    (asked,) = (each for each in answers if each.link == case.link)
    if case.verdict != "fault" or case.onset is None:
        return judge(case, asked, answers)
    ages = int((case.at - case.onset) // AGE_STEP_S)
    delay = await _delay(case, replay, rules, ages) if is_right(case, asked) else None
    return judge(case, asked, answers, ages=ages, delay_s=delay)


async def _delay(case: Incident, replay: Replay, rules: Rules, ages: int) -> float:
    """The youngest age in s from which the answer is right up to the incident's own age, at which it is right."""
    assert case.onset is not None
    youngest = case.at - case.onset
    for number in range(ages, 0, -1):
        (found,) = await replay.diagnose([case.link], rules, at=case.onset + number * AGE_STEP_S)
        if not is_right(case, said(found)):
            break
        youngest = number * AGE_STEP_S
    return youngest


async def _others(case: Incident, replay: Replay) -> dict[str, Mark]:
    """The naive table of every link; BARO, which has no word for healthy or unknown, only where there is a fault."""
    window = await replay.window((*dict.fromkeys((*naive.SIGNALS, *baro.SIGNALS)),), at=case.at)
    link = case.network.links[case.link]
    table = [naive.answer(each, window) for each in case.network.links.values()]
    (asked,) = (each for each in table if each.link == case.link)
    marks = {NAIVE: judge(case, asked, table)}
    if case.verdict == "fault" and case.onset is not None and not baro.why_not():
        for name, two_sided in ((BARO, False), (BARO_BOTH, True)):
            answer = baro.answer(link, window, onset=case.onset, two_sided=two_sided)
            marks[name] = judge(case, answer, ranks_all=True)
    return marks
