"""What guards must know of the network around an act: what it needs, takes out of service and uses up."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

import msgspec
from pydantic import ValidationError

from bot.capacity.measurement import pairs_for_fidelity
from bot.clock import Clock
from bot.errors import TelemetryUnavailableError
from bot.flow.blast import links_at, reach
from bot.flow.facts import announced_over, windows_over
from bot.flow.journal import Journal
from bot.flow.live import SIGNALS, Live, live, nothing_known
from bot.flow.observe import Observer
from bot.flow.ways import Known, Way, route, way_of
from bot.guard_settings import GuardSettings
from bot.model.guard import Outage
from bot.model.telemetry import Window
from bot.store import GuardRows, NoticeRows, Transaction
from remediation.contract import Controller, Risk, Target
from remediation.errors import ControllerError
from remediation.guard import Measuring, Reach, Route
from remediation.guard import Window as Work
from remediation.machine import Act
from remediation.registry import ACTIONS

_LOWEST_FIDELITY, _HIGHEST_FIDELITY = 0.25, 1.0
"""Of Werner pairs; what is least known takes most pairs to measure, and that is the lowest."""


_DEVICE_UP = "device_up"
Ended = Callable[[str], Awaitable[bool]]
"""Whether a run's workflow is over: it does and holds nothing any more, whatever its rows say."""


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What telemetry and controllers know of places out of service, and of what the links carry now.

    `down` do not answer, or people took them out past Bellhop; `back` are outages that people ended past Bellhop.
    """

    down: frozenset[str] = frozenset()
    back: frozenset[Outage] = frozenset()
    live: Live = Live(capacities={})


class Surroundings:
    """Asks the network file, telemetry, the controller and the store."""

    def __init__(self, *, journal: Journal, observer: Observer, controller: Controller, clock: Clock) -> None:
        self._journal = journal
        self._observer = observer
        self._controller = controller
        self._clock = clock

    def place_of(self, act: Act) -> str:
        """What an act is about, as `kind:id`; empty where it is about nothing or its parameters do not fit."""
        action = ACTIONS[act.action]
        try:
            target: Target | None = action.target(action.parameters.model_validate(act.parameters))
        except ValidationError:
            return ""
        return str(target or "")

    async def outside(self, ended: Ended) -> Outside:
        """What telemetry and controllers know, in one question for all links."""
        outages = await self._journal.store.read(lambda transaction: GuardRows(transaction).outages())
        back, window = await asyncio.gather(self._back(outages, ended), self._present())
        network = self._observer.network
        if window is None:
            return Outside(back=back, live=nothing_known(network, "telemetry does not answer"))
        carried = await asyncio.to_thread(live, network, window)
        up = window.signals.get(_DEVICE_UP)
        silent = [node for node in network.nodes if up is not None and up.last(node) == 0.0]
        drained = await self._drained(carried.idle)
        return Outside(down=frozenset(f"node:{node}" for node in (*silent, *drained)), back=back, live=carried)

    def reach(self, place: str, outages: Iterable[Outage], outside: Outside) -> Reach | None:
        """What would be out of service with an act that takes `place` out."""
        network = self._observer.network
        before = frozenset().union(*(links_at(network, each) for each in self.out(outages, outside)))
        return reach(network, before=before, place=place, live=outside.live)

    def out(self, outages: Iterable[Outage], outside: Outside) -> Mapping[str, str]:
        """The places that are out of service, and why."""
        silent = {place: f"{place} does not answer, or people drained it" for place in outside.down}
        return silent | {each.place: f"{each.action} of {each.run}" for each in outages if each not in outside.back}

    async def way(self, action: str, parameters: Mapping[str, object]) -> Way | None:
        """Where an act moves a flow to and where that runs now; None for an act that moves none."""
        way = way_of(self._observer.network, action, parameters)
        if way is None:
            return None
        await self._journal.incidents(open_only=True)  # known now, `route` only reads in its transaction what is new
        return msgspec.structs.replace(way, present=await self.route_now(way.flow.id) or ())

    def windows(self, transaction: Transaction, places: Collection[str], settings: GuardSettings) -> tuple[Work, ...]:
        """The maintenance that goes on now at any of these places, configured or announced."""
        now, network = self._clock.now(), self._observer.network
        announced = NoticeRows(transaction).maintenance(now)
        return (*windows_over(network, settings.maintenance, places, now), *announced_over(network, announced, places))

    def route(self, transaction: Transaction, way: Way, outside: Outside, settings: GuardSettings) -> Route:
        """What speaks against each link of a route that a flow is moved onto."""
        known = Known(
            live=outside.live,
            out=self.out(GuardRows(transaction).outages(), outside),
            incidents=self._journal.views_beside(transaction),
            windows=self.windows(transaction, [f"link:{link}" for link in way.links], settings),
        )
        return route(self._observer.network, way, known)

    async def route_now(self, flow: str) -> tuple[str, ...] | None:
        """The links that carry a flow by its controller's word, () for none; None when it does not tell."""
        try:
            state = await self._controller.state(Target("flow", flow))
        except ControllerError:
            return None
        settings = state.get("settings")
        if not isinstance(settings, Mapping) or not isinstance(settings.get("route"), list | tuple):
            return None
        return () if settings.get("classical") else tuple(str(link) for link in settings["route"])

    async def measuring(self, act: Act, settings: GuardSettings) -> tuple[Measuring, ...]:
        """The pairs of its link that an act uses up; empty for acts that use none.

        A check uses what it takes to know a fidelity. For an act that raises the consumption nobody can say how
        much; it wants a pool above its reserve.
        """
        action, name = ACTIONS[act.action], self.place_of(act).removeprefix("link:")
        link = self._observer.network.links.get(name)
        if not action.consumes_pairs or link is None:
            return ()
        levels = await self._levels(name)
        level = levels["entanglement_pool_level"]
        needs = 0.0
        if action.risk is Risk.READ:
            half_width = float(act.parameters.get("half_width", settings.half_width))
            needs = measurement_cost(levels["channel_fidelity"], half_width)
        has = None if level is None else level * link.pool.capacity_pairs
        return (Measuring(name, needs, has, settings.pool_reserve * link.pool.capacity_pairs),)

    async def _levels(self, link: str) -> dict[str, float | None]:
        now = self._clock.now()
        signals = ("entanglement_pool_level", "channel_fidelity")
        readings = await asyncio.gather(*(self._observer.read(each, link, baseline_before=now) for each in signals))
        return {each.signal: each.value if each.quality == "fresh" else None for each in readings}

    async def _back(self, outages: Sequence[Outage], ended: Ended) -> frozenset[Outage]:
        """The outages whose place is in service again: a person may have put it back behind our back.

        Of a run that goes on nobody asks: its act may be on the way. Doubt means that the place is still out.
        """
        back = await asyncio.gather(*(self._is_back(outage, ended) for outage in outages))
        return frozenset(outage for outage, is_back in zip(outages, back, strict=True) if is_back)

    async def _is_back(self, outage: Outage, ended: Ended) -> bool:
        kind, _, name = outage.place.partition(":")
        return kind == "node" and await ended(outage.run) and await self._is_drained(name) is False

    async def _drained(self, idle: frozenset[str]) -> list[str]:
        """The nodes that a person may have drained past Bellhop: nobody uses any of their links, and they say so."""
        network = self._observer.network
        ends = {end for link in idle for end in network.links[link].ends}
        nodes = [node for node in sorted(ends) if all(link.id in idle for link in network.links_of(node))]
        answers = await asyncio.gather(*(self._is_drained(node) for node in nodes))
        return [node for node, drained in zip(nodes, answers, strict=True) if drained]

    async def _is_drained(self, node: str) -> bool | None:
        """What its controller says; None when it does not tell."""
        try:
            state = await self._controller.state(Target("node", node))
        except ControllerError:
            return None
        settings = state.get("settings")
        drained = settings.get("drained") if isinstance(settings, Mapping) else None
        return drained if isinstance(drained, bool) else None

    async def _present(self) -> Window | None:
        """The present telemetry of all links and nodes; None when nobody answers."""
        try:
            return await self._observer.telemetry.latest((*SIGNALS, _DEVICE_UP), at=self._clock.now())
        except TelemetryUnavailableError:
            return None


def measurement_cost(fidelity: float | None, half_width: float) -> float:
    """Pairs to know a fidelity to ± `half_width` with 95% certainty; where it is unknown, those of the worst case."""
    known = _LOWEST_FIDELITY if fidelity is None else min(_HIGHEST_FIDELITY, max(_LOWEST_FIDELITY, fidelity))
    return float(pairs_for_fidelity(known, half_width))
