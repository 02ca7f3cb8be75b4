"""What guards must know of the network around an act: what it needs, takes out of service and uses up."""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec
from pydantic import ValidationError

from bot.capacity.measurement import pairs_for_fidelity
from bot.clock import Clock
from bot.errors import TelemetryUnavailableError
from bot.flow.blast import TAKES_OUT, links_at, reach
from bot.flow.observe import Observer
from bot.guard_settings import GuardSettings
from bot.model.guard import Outage
from bot.store import GuardRows, Store
from remediation.contract import Controller, Risk, Target
from remediation.errors import ControllerError
from remediation.guard import Measuring, Reach
from remediation.machine import Act
from remediation.registry import ACTIONS

_LOWEST_FIDELITY, _HIGHEST_FIDELITY = 0.25, 1.0
"""Of Werner pairs; what is least known takes most pairs to measure, and that is the lowest."""


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """Places whose devices do not answer, and places that are back in service although no act of ours put them back."""

    down: frozenset[str] = frozenset()
    back: frozenset[str] = frozenset()


class Surroundings:
    """Asks the network file, telemetry, the controller and the store."""

    def __init__(self, *, store: Store, observer: Observer, controller: Controller, clock: Clock) -> None:
        self._store = store
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

    async def outside(self, action: str) -> Outside:
        """What telemetry and controllers know about places out of service; asked only for acts that add to them."""
        if action not in TAKES_OUT:
            return Outside()
        outages = await self._store.read(lambda transaction: GuardRows(transaction).outages())
        still = await asyncio.gather(*(self._still(outage) for outage in outages))
        back = frozenset(outage.place for outage, out in zip(outages, still, strict=True) if not out)
        return Outside(down=frozenset(f"node:{node}" for node in await self._down()), back=back)

    def reach(self, place: str, outages: Iterable[Outage], outside: Outside) -> Reach | None:
        """What would be out of service with an act that takes `place` out."""
        network = self._observer.network
        places = {outage.place for outage in outages} - outside.back | outside.down
        return reach(network, before=frozenset().union(*(links_at(network, each) for each in places)), place=place)

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

    async def _still(self, outage: Outage) -> bool:
        """Whether a place is still out: a person may have put it back behind our back. Doubt means that it is."""
        kind, _, name = outage.place.partition(":")
        if kind != "node":
            return True
        try:
            state = await self._controller.state(Target("node", name))
        except ControllerError:
            return True
        settings = state.get("settings")
        return not (isinstance(settings, Mapping) and settings.get("drained") is False)

    async def _down(self) -> list[str]:
        """The nodes whose devices do not answer, as telemetry has it."""
        nodes = sorted(self._observer.network.nodes)
        try:
            window = await self._observer.telemetry.latest(["device_up"], at=self._clock.now(), subjects=nodes)
        except TelemetryUnavailableError:
            return []
        up = window.signals.get("device_up")
        return [node for node in nodes if up is not None and up.last(node) == 0.0]


def measurement_cost(fidelity: float | None, half_width: float) -> float:
    """Pairs to know a fidelity to ± `half_width` with 95% certainty; where it is unknown, those of the worst case."""
    known = _LOWEST_FIDELITY if fidelity is None else min(_HIGHEST_FIDELITY, max(_LOWEST_FIDELITY, fidelity))
    return float(pairs_for_fidelity(known, half_width))
