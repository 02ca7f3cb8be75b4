"""Questions to telemetry: windows for a diagnosis, live readings for a runbook, states for the capacity model."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from bot.capacity.effect import predict
from bot.capacity.link import evaluate
from bot.capacity.shown import rests_on_promise, unmeasured
from bot.clock import Clock
from bot.diagnosis.changes import CALIBRATION, with_changes
from bot.diagnosis.engine import diagnose
from bot.diagnosis.reading import reading
from bot.diagnosis.rules import Rules
from bot.diagnosis.scene import Scene
from bot.diagnosis.traces import with_traces
from bot.errors import NotFoundError, TelemetryUnavailableError
from bot.flow.anticipate import settled, starved, traffic, values_of
from bot.model.diagnosis import Diagnosis
from bot.model.network import Network
from bot.model.telemetry import Window
from bot.settings import TelemetrySettings
from remediation.contract import Effect, Prediction, Reading
from remediation.plan import Predict

_LIFE_SIGN = "logical_success_ratio"
_GRACE_SCRAPES = 6


class TelemetrySource(Protocol):
    """Prometheus or the embedded store."""

    async def window(
        self,
        signals: Sequence[str],
        *,
        start: float,
        end: float,
        step: float,
        subjects: Sequence[str] | None = None,
    ) -> Window:
        """Signals over time; raises TelemetryUnavailableError."""
        ...

    async def latest(self, signals: Sequence[str], *, at: float, subjects: Sequence[str] | None = None) -> Window:
        """Signals at one instant; raises TelemetryUnavailableError."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class Observer:
    """Asks telemetry on behalf of the stages, which ask nobody."""

    def __init__(
        self,
        *,
        telemetry: TelemetrySource,
        network: Network,
        rules: Rules,
        settings: TelemetrySettings,
        clock: Clock,
    ) -> None:
        self.telemetry = telemetry
        self.network = network
        self.rules = rules
        self._settings = settings
        self._clock = clock

    async def diagnose(self, link: str, at: float | None = None) -> Diagnosis:
        """What is wrong with a link; `unknown`, naming the signals, when telemetry does not answer.

        Raises NotFoundError for a link that the network does not have.
        """
        if link not in self.network.links:
            known = ", ".join(sorted(self.network.links)[:8])
            raise NotFoundError(f"there is no link {link}", hint=f"the network has {known}")
        at = self._clock.now() if at is None else at
        try:
            window = await self.window(link, at)
        except TelemetryUnavailableError as error:
            return Diagnosis(
                link=link,
                at=at,
                verdict="unknown",
                summary=f"Telemetry does not answer: {error.message}. Nothing is decided without it.",
                missing=self.rules.signals,
            )
        found = diagnose(link=link, network=self.network, window=window, at=at, rules=self.rules)
        return with_changes(with_traces(found, window), self.network, window)

    async def window(self, link: str, at: float) -> Window:
        """The history up to `at` of a link, its nodes and all their links."""
        return await self.telemetry.window(
            (*self.rules.signals, CALIBRATION),
            start=at - self._settings.history,
            end=at,
            step=self._settings.step,
            subjects=neighbourhood(self.network, link),
        )

    async def read(self, signal: str, subject: str, *, baseline_before: float) -> Reading:
        """The present value of a signal beside the band it kept in the history before `baseline_before`.

        Never raises: a source that does not answer makes the reading `missing`.
        """
        now = self._clock.now()
        try:
            past = await self.telemetry.window(
                [signal],
                start=baseline_before - self._settings.history,
                end=baseline_before,
                step=self._settings.step,
                subjects=[subject],
            )
            present = await self.telemetry.latest([signal], at=now, subjects=[subject])
        except TelemetryUnavailableError:
            return Reading(signal=signal, subject=subject, value=None, quality="missing", age_s=float("inf"))
        band = reading(past, signal, subject, baseline_before)
        current = reading(present, signal, subject, now)
        return dataclasses.replace(
            band,
            value=current.value,
            quality=current.quality,
            age_s=current.age_s,
        )

    async def age(self, link: str) -> float:
        """Seconds since the link's last transfers were seen, inf when they are not.

        A source that has just started is given a few scrapes: a restart of the bot is no fault of the network.
        """
        for wait in (*[self._settings.scrape_interval] * _GRACE_SCRAPES, 0.0):
            now = self._clock.now()
            try:
                present = await self.telemetry.latest([_LIFE_SIGN], at=now, subjects=[link])
            except TelemetryUnavailableError:
                present = None
            if present is not None and (seen := reading(present, _LIFE_SIGN, link, now)).quality == "fresh":
                return seen.age_s
            await self._clock.sleep(wait)
        return float("inf")

    async def predictor(self, link: str) -> Predict:
        """What an act would do to a link as it stands, anchored to its readings; nothing for an act on another place.

        Raises TelemetryUnavailableError.
        """
        model = self.network.links[link]
        scene = Scene(await self.window(link, self._clock.now()), self.network)
        baseline, seen = scene.states(model)
        fitting = settled(scene, link, seen)
        measured, healthy = scene.levels(model, "now"), scene.levels(model, "baseline")
        if fitting is not seen:
            measured = {**measured, "entanglement_rate": float(evaluate(fitting)["entanglement_rate"])}
        asked = traffic(self.network, scene, link, fitting)
        now, assumed = starved(fitting, asked), unmeasured(measured)

        def answer(effect: Effect) -> tuple[Prediction, ...]:
            values = values_of(effect, model, self.network, asked)
            if values is None:
                return ()
            found = predict(
                link=model,
                now=now,
                baseline=baseline,
                kind=effect.kind,
                values=values,
                measured=measured,
                healthy=healthy,
            )
            return tuple(item for item in found if not rests_on_promise(item.quantity, assumed))

        return answer


class IncidentReadings:
    """The `Readings` port of a runbook run: live values beside the band from before the incident."""

    def __init__(self, observer: Observer, *, baseline_before: float) -> None:
        self._observer = observer
        self._baseline_before = baseline_before

    async def read(self, signal: str, subject: str) -> Reading:
        """The present value with quality and baseline."""
        return await self._observer.read(signal, subject, baseline_before=self._baseline_before)


def neighbourhood(network: Network, link: str) -> tuple[str, ...]:
    """What tells a node's fault from a link's and from one of a shared risk.

    The link and those that share a risk with it, their nodes, the links of those nodes and their far ends.
    """
    asked = {link, *(other for others in network.links_at_risk_with(link).values() for other in others)}
    nodes = {end for each in asked for end in network.links[each].ends}
    links = {each.id: each for node in nodes for each in network.links_of(node)}
    ends = {end for each in links.values() for end in each.ends}
    return (link, *sorted(set(links) - {link}), *sorted(ends))
