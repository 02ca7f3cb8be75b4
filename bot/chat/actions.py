"""What pressed buttons and sent forms do. Each counts once, whoever delivers it how often."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from weakref import WeakValueDictionary

from bot.chat.buttons import Press
from bot.chat.decisions import approved
from bot.chat.forms import Filled
from bot.chat.ports import Desk, Nonces
from bot.chat.reply import Reply, answered, refused, shown
from bot.chat.reports import postmortem_blocks
from bot.chat.text import escape
from bot.errors import BellhopError, StoreUnavailableError
from bot.model.person import Answer, Person

Act = Callable[[Desk, Press, Person], Awaitable[Answer]]

_ACTS: Mapping[str, Act] = {
    "acknowledge": lambda desk, press, by: desk.acknowledge(press.incident, by),
    "escalate": lambda desk, press, by: desk.escalate(press.incident, by, ""),
    "resolve": lambda desk, press, by: desk.resolve(press.incident, by, ""),
    "run": lambda desk, press, by: desk.run(press.incident, by, press.runbook or None),
    "approve": lambda desk, press, by: desk.approve(
        press.run, press.step, by, plan_hash=press.plan_hash or None, key=press.nonce
    ),
    "reject": lambda desk, press, by: desk.reject(
        press.run, press.step, by, plan_hash=press.plan_hash or None, key=press.nonce
    ),
    "happened": lambda desk, press, by: desk.settle(press.run, press.step, by, happened=True, key=press.nonce),
    "absent": lambda desk, press, by: desk.settle(press.run, press.step, by, happened=False, key=press.nonce),
}
"""Button -> what the desk does."""
_FORMS: Mapping[str, Callable[[Desk, Filled, Person], Awaitable[Answer]]] = {
    "break-glass": lambda desk, filled, by: desk.approve(
        filled.press.run,
        filled.press.step,
        by,
        plan_hash=filled.press.plan_hash,
        key=filled.press.nonce,
        break_glass=filled.words,
    ),
    "review": lambda desk, filled, by: desk.reviews.close(
        filled.press.run,
        filled.press.step,
        by,
        verdict=filled.verdict or "not justified",
        note=filled.words,
    ),
}
"""Form -> what the desk does with what somebody wrote into it."""
_EACH_PERSON = frozenset({"approve", "reject"})
"""Buttons that several people may press, each once."""


class Presses:
    """Carries out presses."""

    def __init__(self, desk: Desk, nonces: Nonces) -> None:
        self._desk = desk
        self._nonces = nonces
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def press(self, act: str, press: Press, by: str, action_ts: str) -> Reply | None:
        """Do what the button says for the person with the id `by`; None for a press that was delivered before."""
        try:
            person = await self._desk.person(by)
            if act == "postmortem":
                return await self._postmortem(press)
            if not await self._nonces.use(f"press:{by}:{action_ts}:{press.nonce}"):
                return None
            do = _ACTS.get(act)
            if do is None:
                return _unknown(act)
            whose = person.id if act in _EACH_PERSON else ""
            done = await self._once(press, whose, lambda: do(self._desk, press, person))
            if act == "approve":
                return await approved(self._desk, done, press.incident, press.run, press.step)
            return answered(done)
        except BellhopError as error:
            return refused(error)

    async def send(self, filled: Filled, by: str, form: str) -> Reply | None:
        """Do what the form says, which Slack knows by the id `form`; None for one that was delivered before."""
        do = _FORMS.get(filled.act)
        if do is None:
            return _unknown(filled.act)
        try:
            person = await self._desk.person(by)
            if not await self._nonces.use(f"form:{by}:{form}:{filled.press.nonce}"):
                return None
            return answered(await self._once(filled.press, "", lambda: do(self._desk, filled, person)))
        except BellhopError as error:
            return refused(error)

    async def _once(self, press: Press, whose: str, do: Callable[[], Awaitable[Answer]]) -> Answer:
        """A button of one drawing counts once; a refusal leaves it as it was."""
        nonce = f"button:{press.nonce}:{whose}"
        turn = self._turns.setdefault(nonce, asyncio.Lock())
        async with turn:
            if await self._nonces.is_used(nonce):
                return Answer(done=False, message="this button has been pressed before; look at the message again")
            answer = await do()
            if answer.done:
                # What was done stands although the store then went away; pressed again, the desk knows it.
                with suppress(StoreUnavailableError):
                    await self._nonces.use(nonce)
            return answer

    async def _postmortem(self, press: Press) -> Reply:
        report = await self._desk.postmortem(press.incident, "md")
        return shown(f"Postmortem of {escape(press.incident)}", postmortem_blocks(report))


def _unknown(act: str) -> Reply:
    return refused(f"this version of Bellhop knows no button {act}")
