"""Waiting for people inside a run: approvals, answers about unknown outcomes, and the wish to stop.

All arrive on one durable topic as {"kind", "step", "by", ...}; `bot.flow.desk` checks authority before it sends.
"""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from bot.clock import Clock
from bot.errors import RefusedError
from bot.flow.asked_acts import acts_hash, acts_of, question_hash
from bot.flow.authority import pending_at
from bot.flow.durable import DurableWorker, Json
from bot.flow.journal import Journal
from bot.model.event import ApprovalAnswered, ApprovalAsked, ApprovalExpired, Escalated, Event
from bot.model.incident import Incident, RunView
from bot.model.step_event import OutcomeAsked
from bot.model.wording import doubt_words
from bot.store import Transaction
from remediation.asking import fills
from remediation.duration import format_duration
from remediation.machine import Ask, AskOutcome

_LONGEST_WAIT_S = 3600.0
_OUTCOME_REMINDER_S = 1800.0


class Approvals:
    """What a run does while it depends on a person; nothing here holds a thread."""

    def __init__(self, *, worker: DurableWorker, journal: Journal, clock: Clock) -> None:
        self._worker = worker
        self._journal = journal
        self._clock = clock

    async def abort_asked(self) -> str | None:
        """Who and why, when somebody asked to stop this run; answers to questions long past are let go."""
        while (message := await self._worker.receive(0)) is not None:
            if message["kind"] == "abort":
                return _who_and_why(message["by"], message)
        return None

    async def wait_out(self, real_seconds: float) -> str | None:
        """Wait in a pause until it may be over; who and why, when somebody asked to stop this run meanwhile."""
        message = await self._worker.receive(real_seconds)
        return _who_and_why(message["by"], message) if message is not None and message["kind"] == "abort" else None

    async def wait(self, seconds: float, name: str, steps: Collection[str]) -> str | None:
        """Wait `seconds` of the flow's clock, however often the process restarts, before `steps` are tried again.

        A wish to skip one of them ends it as well. Who and why, when somebody asked to stop this run meanwhile.
        """
        until = (await self._worker.step(f"wait {name}", self._instant, seconds))["until"]
        turn = 0
        while (left := await self._left(f"wait {name} {(turn := turn + 1)}", until)) > 0:
            message = await self._worker.receive(min(left, _LONGEST_WAIT_S))
            if message is not None and message["kind"] == "abort":
                return _who_and_why(message["by"], message)
            if message is not None and message["kind"] == "skip" and message["step"] in steps:
                break
        return None

    async def _instant(self, seconds: float) -> Json:
        return {"until": self._clock.now() + seconds}

    async def ask(self, incident: str, run: str, question: Ask) -> Json:
        """Post the question and wait for enough approvals, one rejection, a skip, an abort or the deadline.

        Where the runbook escalates then, somebody is called and the question is open for as long once more.
        """
        posted = await self._worker.step(f"ask {question.step}", self._post, incident, run, question.to_json())
        if "skipped" in posted:
            return _skipped(posted)
        if posted.get("acts") not in (None, acts_hash(question)):
            raise RefusedError(
                f"what {question.step} would do is no longer what people were asked about",
                hint="look at what the run did, then run it again",
            )
        answers = _Answers(question)
        decided = await self._decided(answers, question.step, posted["expires_at"])
        if decided is None and question.escalate_to:
            again = await self._worker.step(f"escalate {question.step}", self._ask_again, incident, run, question)
            decided = await self._decided(answers, f"{question.step} again", again["expires_at"])
        if decided is not None:
            return decided
        since = posted["expires_at"] - question.timeout_s
        expired = await self._worker.step(f"expire {question.step}", self._expire, incident, run, question.step, since)
        if "skipped" in expired:
            return _skipped(expired)
        while "answered" in expired and (message := await self._worker.receive(0)) is not None:
            if (decided := answers.take(message)) is not None:
                return decided
        return {"decision": "expired", "by": list(answers.approvers)}

    async def _decided(self, answers: "_Answers", name: str, expires_at: float) -> Json | None:
        """What people decide until the deadline."""
        turn = 0
        while (left := await self._left(f"{name} {(turn := turn + 1)}", expires_at)) > 0:
            message = await self._worker.receive(min(left, _LONGEST_WAIT_S))
            if (decided := answers.take(message)) is not None:
                return decided
        return None

    async def settle(self, incident: str, run: str, question: AskOutcome) -> Json:
        """Wait, however long, for a person to say whether an act happened; remind every half hour.

        A wish to end the run is an answer, except while it is taken back: that is what the wish asks for.
        """
        await self._worker.step(
            f"ask outcome {question.step} {question.attempt}", self._post_outcome, incident, run, question.to_json()
        )
        reminders = 0
        while True:
            message = await self._worker.receive(self._clock.real_seconds(_OUTCOME_REMINDER_S))
            match message:
                case {"kind": "settle", "happened": happened, "by": by, **rest} if _is_about(rest, question):
                    return {"happened": bool(happened), "by": by}
                case {"kind": "abort", "by": by, **rest} if question.phase == "run":
                    return {"happened": None, "by": by, "why": _who_and_why(by, rest)}
                case None:
                    reminders += 1
                    await self._worker.step(
                        f"remind {question.step} {reminders}", self._remind, incident, run, question, reminders
                    )

    async def _left(self, turn: str, expires_at: float) -> float:
        """Real seconds until the deadline: the clock is read in a step, so that a replay sees the same."""

        async def read() -> Json:
            return {"left": self._clock.real_seconds(max(0.0, expires_at - self._clock.now()))}

        answer = await self._worker.step(f"clock {turn}", read)
        return float(answer["left"])

    async def _post(self, incident: str, run: str, instruction: Json) -> Json:
        question = Ask.from_json(instruction)
        expires_at = self._clock.now() + question.timeout_s

        def write(view: Incident, transaction: Transaction) -> Json:
            if (skip := view.runs[run].skips.get(question.step)) is not None:
                return {"skipped": skip}
            asked = _asked(view.runs[run], question, expires_at)
            if (before := _asked_before(transaction.events(incident), run, question.step)) is None:
                transaction.append(incident, [self._journal.entry(asked, key=f"asked:{run}:{question.step}")])
            elif before.acts and before.plan_hash != asked.plan_hash:
                return {"expires_at": before.expires_at, "acts": "other"}
            bound = {"acts": acts_hash(question)} if before is None or before.acts else {}
            return {"expires_at": (before or asked).expires_at, **bound}

        return await self._journal.decide(incident, write)

    async def _ask_again(self, incident: str, run: str, question: Ask) -> Json:
        """Call somebody and leave the question open for as long once more, unless it was answered just before."""
        step, key = question.step, f"asked again:{run}:{question.step}"

        def write(view: Incident, transaction: Transaction) -> Json:
            pending, now = pending_at(view, run, step), self._journal.clock.now()
            if pending is None or transaction.happened(incident, [key]):
                return {"expires_at": pending.expires_at if pending else now}
            asked = _asked(view.runs[run], question, now + question.timeout_s)
            reason = f"nobody decided about {step} in {format_duration(question.timeout_s)}; it waits as long once more"
            call = Escalated(to=question.escalate_to, reason=reason)
            entries = [self._journal.entry(asked, key=key), self._journal.entry(call, key=f"called:{run}:{step}")]
            transaction.append(incident, entries)
            return {"expires_at": asked.expires_at}

        return await self._journal.decide(incident, write)

    async def _expire(self, incident: str, run: str, step: str, since: float) -> Json:
        """Write that nobody decided in time, unless somebody's last word was written just before."""

        def write(view: Incident, transaction: Transaction) -> Json:
            if (skip := view.runs[run].skips.get(step)) is not None:
                return {"skipped": skip}
            pending = pending_at(view, run, step)
            if pending is None and _answered(transaction.events(incident), run, step, since):
                return {"answered": True}
            body = ApprovalExpired(run=run, step=step)
            if pending is not None:
                body = replace(body, approved_by=pending.approved_by, wanted=pending.count * len(pending.roles))
            transaction.append(incident, [self._journal.entry(body, key=f"expired:{run}:{step}")])
            return {}

        return await self._journal.decide(incident, write)

    async def _post_outcome(self, incident: str, run: str, instruction: Json) -> Json:
        question = AskOutcome.from_json(instruction)
        body = OutcomeAsked(
            run=run,
            step=question.step,
            phase=question.phase,
            attempt=question.attempt,
            reason=question.reason,
            looks=question.looks,
        )
        key = f"outcome asked:{run}:{question.step}:{question.phase}:{question.attempt}"
        await self._journal.record(incident, self._journal.entry(body, key=key))
        return {}

    async def _remind(self, incident: str, run: str, question: AskOutcome, number: int) -> Json:
        asked = doubt_words(question.step, looks=question.looks)
        body = Escalated(to="operators", reason=f"run {run} still waits for an answer: {asked}")
        await self._journal.record(
            incident,
            self._journal.entry(
                body, key=f"reminder:{run}:{question.step}:{question.phase}:{question.attempt}:{number}"
            ),
        )
        return {}


class _Answers:
    """What people have said so far about one question."""

    def __init__(self, question: Ask) -> None:
        self._question = question
        self.approvers: dict[str, frozenset[str]] = {}

    def take(self, message: Json | None) -> Json | None:
        """The decision, if this message is the last that it needs."""
        question, roles = self._question, tuple(self._question.role.split("+"))
        if (decided := _decision(message, question.step)) is not None:
            return decided
        match message:
            case {"kind": "approve", "step": question.step, "by": by, **rest}:
                given = rest.get("roles")
                self.approvers.setdefault(by, frozenset(given if isinstance(given, list) else roles[:1]))
        if fills(roles, question.count, tuple(self.approvers.values())) >= question.count * len(roles):
            return {"decision": "approved", "by": list(self.approvers)}
        return None


def _asked(run: RunView, question: Ask, expires_at: float) -> ApprovalAsked:
    return ApprovalAsked(
        run=run.run,
        step=question.step,
        title=question.title,
        role=question.role,
        count=question.count,
        plan_hash=question_hash(question, run.plan_hash, run.plan),
        expires_at=expires_at,
        acts=acts_of(question),
    )


def _asked_before(history: tuple[Event, ...], run: str, step: str) -> ApprovalAsked | None:
    """The same question, written before a crash."""
    for event in history:
        if isinstance(event.body, ApprovalAsked) and (event.body.run, event.body.step) == (run, step):
            return event.body
    return None


def _answered(history: tuple[Event, ...], run: str, step: str, since: float) -> bool:
    """Whether somebody answered this question, which was asked at `since` (Unix seconds)."""
    return any(
        isinstance(event.body, ApprovalAnswered) and (event.body.run, event.body.step) == (run, step)
        for event in history
        if event.at >= since
    )


def _decision(message: Json | None, step: str) -> Json | None:
    """What one person's word alone decides."""
    match message:
        case {"kind": "abort", "by": by, **rest}:
            return {"decision": "aborted", "by": [by], "why": _who_and_why(by, rest)}
        case {"kind": "skip", "step": asked, "by": by, "why": why} if asked == step:
            return {"decision": "skipped", "by": [by], "why": why}
        case {"kind": "reject", "step": asked, "by": by} if asked == step:
            return {"decision": "rejected", "by": [by]}
        case {"kind": "approve", "step": asked, "by": by, "break_glass": True} if asked == step:
            return {"decision": "approved", "by": [by]}
    return None


def _is_about(message: Mapping[Any, Any], question: AskOutcome) -> bool:
    asked = (question.step, question.phase, question.attempt)
    return (message.get("step"), message.get("phase"), message.get("attempt")) == asked


def _skipped(told: Json) -> Json:
    return {"decision": "skipped", "by": [], "why": told["skipped"]}


def _who_and_why(by: str, message: Mapping[Any, Any]) -> str:
    return f"stopped by {by}: {message.get('why') or 'no reason given'}"
