"""What guards must know that the store does not: gathered just before the transaction that asks them."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from bot.flow.blast import TAKES_OUT, links_over, needs_of, resources
from bot.flow.facts import link_of
from bot.flow.observe import Observer
from bot.flow.surroundings import Ended, Outside, Surroundings
from bot.flow.ways import Way, first_move
from bot.guard_settings import GuardSettings
from bot.model.diagnosis import Diagnosis
from bot.model.guard import Outage
from bot.model.incident import Incident
from bot.store import GuardRows, Store
from remediation.guard import Measuring, Reach
from remediation.machine import Act
from remediation.schema import Runbook

replace = msgspec.structs.replace


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out outside of the store, just before it is asked whether a run may go on."""

    needs: frozenset[str]
    runbook: Runbook | None = None
    """As it was when the run was planned."""
    gone: frozenset[str] = frozenset()
    telemetry_age_s: float = 0.0
    diagnosis: Diagnosis | None = None
    takes_out: str = ""
    """The place that the act takes out of service."""
    outside: Outside = Outside()
    outages: frozenset[Outage] = frozenset()
    """What acts had taken out when `reach` was found out."""
    reach: Reach | None = None
    measuring: tuple[Measuring, ...] = ()
    way: Way | None = None
    """Where the act, or the first act of the run, moves a flow to."""


class Lookout:
    """Asks telemetry, controllers and the network model what a run or an act meets."""

    def __init__(
        self,
        *,
        store: Store,
        observer: Observer,
        surroundings: Surroundings,
        settings: GuardSettings,
        ended: Ended,
    ) -> None:
        self._store = store
        self._observer = observer
        self._surroundings = surroundings
        self._settings = settings
        self._ended = ended

    async def at_run(self, view: Incident, run: str, runbook: Runbook, scope: Mapping[str, Any]) -> Seen:
        """What a run meets at its start."""
        needs = needs_of(self._observer.network, runbook, view.runs[run].plan, scope)
        move = first_move(view.runs[run].plan)
        seen = Seen(
            needs=needs,
            runbook=runbook,
            gone=await self._gone(needs, run),
            telemetry_age_s=await self._age(view, runbook),
            diagnosis=view.diagnosis,
            way=await self._surroundings.way(move["action"], move["parameters"]) if move else None,
        )
        return await self._with_outside(seen, "")

    async def at_act(self, view: Incident, run: str, runbook: Runbook, act: Act, *, untouched: bool) -> Seen:
        """What an act meets; as long as the run has left the network `untouched` the fault is looked at again.

        Telemetry that cannot tell any more (its history was lost, say) takes nothing back of what it told before;
        whether it is there at all is the guard's other question.
        """
        free = await self._met(act)
        place, network = self._surroundings.place_of(act), self._observer.network
        needs = resources(network, place) or resources(network, str(view.subject))
        diagnosis = view.diagnosis
        if untouched and diagnosis and diagnosis.link and not view.runs[run].requested_by and runbook.spec.handles:
            again = await self._observer.diagnose(diagnosis.link)
            diagnosis = diagnosis if again.verdict == "unknown" else again
        seen = replace(
            free,
            needs=needs,
            runbook=runbook,
            gone=await self._gone(needs, run),
            telemetry_age_s=await self._age(view, runbook, place),
            diagnosis=diagnosis,
        )
        return await self._with_outside(seen, _taken_out(act, place))

    async def at_free_act(self, act: Act) -> Seen:
        """What an act meets that is held up neither by what others hold nor by how sure the diagnosis is."""
        return await self._with_outside(await self._met(act), _taken_out(act, self._surroundings.place_of(act)))

    async def _met(self, act: Act) -> Seen:
        """The pairs that an act uses up, and the way that it leads a flow; going home is no such way."""
        goes_home = act.phase == "undo" and act.action == "flow.restore"
        return Seen(
            needs=frozenset(),
            measuring=await self._surroundings.measuring(act, self._settings),
            way=None if goes_home else await self._surroundings.way(act.action, act.parameters),
        )

    async def _with_outside(self, seen: Seen, place: str) -> Seen:
        """Look around where an act takes `place` out or moves a flow.

        Its reach is reckoned ahead of its transaction, which has to reckon again only if outages changed.
        """
        if not place and seen.way is None:
            return seen
        outside = await self._surroundings.outside(self._ended)
        if not place:
            return replace(seen, outside=outside)
        outages = await self._store.read(lambda transaction: frozenset(GuardRows(transaction).outages()))
        reach = await asyncio.to_thread(self._surroundings.reach, place, outages, outside)
        return replace(seen, takes_out=place, outside=outside, outages=outages, reach=reach)

    async def _age(self, view: Incident, runbook: Runbook, place: str = "") -> float:
        """Seconds since telemetry was last seen of the incident and, where it is another, of the place of an act.

        Asked only where the runbook cares.
        """
        if runbook.spec.guard.require_fresh_telemetry is None:
            return 0.0
        network = self._observer.network
        link = view.diagnosis.link if view.diagnosis else link_of(network, view.subject)
        there = links_over(network, place)
        asked = [link, *(there[:1] if link not in there else ())]
        return max(await asyncio.gather(*(self._observer.age(each) for each in asked if each)), default=math.inf)

    async def _gone(self, needs: frozenset[str], run: str) -> frozenset[str]:
        """Runs that hold something of this and whose workflow is over."""
        held = await self._store.read(lambda transaction: GuardRows(transaction).held(needs))
        others = sorted({each.run for each in held} - {run})
        return frozenset([each for each in others if await self._ended(each)])


def _taken_out(act: Act, place: str) -> str:
    return place if act.action in TAKES_OUT else ""
