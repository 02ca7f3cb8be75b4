"""Questions to telemetry: windows for a diagnosis, live readings for a runbook, states for the capacity model."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from bot.capacity.link import LinkState, observed, specified
from bot.clock import Clock
from bot.diagnosis.engine import diagnose
from bot.diagnosis.reading import reading
from bot.diagnosis.rules import Rules
from bot.errors import NotFoundError, TelemetryUnavailableError
from bot.model.diagnosis import Diagnosis
from bot.model.network import Link, Network
from bot.model.telemetry import Window
from bot.settings import TelemetrySettings
from remediation.contract import Reading


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
        return diagnose(link=link, network=self.network, window=window, at=at, rules=self.rules)

    async def window(self, link: str, at: float) -> Window:
        """The history up to `at` of a link, its nodes and all their links."""
        return await self.telemetry.window(
            self.rules.signals,
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

    async def states(self, link: str, *, baseline_before: float) -> tuple[LinkState, LinkState]:
        """The link's parameters in the history before `baseline_before`, and now.

        Raises TelemetryUnavailableError.
        """
        now = self._clock.now()
        model = self.network.links[link]
        before = await self.window(link, baseline_before)
        present = await self.telemetry.latest(self.rules.signals, at=now, subjects=(link, *model.ends))
        baseline = observed(model, typical(before, model), reference=specified(model))
        return baseline, observed(model, typical(present, model), reference=baseline)


class IncidentReadings:
    """The `Readings` port of a runbook run: live values beside the band from before the incident."""

    def __init__(self, observer: Observer, *, baseline_before: float) -> None:
        self._observer = observer
        self._baseline_before = baseline_before

    async def read(self, signal: str, subject: str) -> Reading:
        """The present value with quality and baseline."""
        return await self._observer.read(signal, subject, baseline_before=self._baseline_before)


def neighbourhood(network: Network, link: str) -> tuple[str, ...]:
    """A link, its two nodes, the links of those nodes and their far ends: what tells a node's fault from a link's."""
    nodes = network.links[link].ends
    links = {each.id: each for node in nodes for each in network.links_of(node)}
    ends = {end for each in links.values() for end in each.ends}
    return (link, *sorted(set(links) - {link}), *sorted(ends))


def typical(window: Window, link: Link) -> Mapping[str, float]:
    """The median of each signal over a window for a link, the worse end for signals of nodes; NaN when unknown."""
    values: dict[str, float] = {}
    for name, signal in window.signals.items():
        subjects = [each for each in (link.id, *link.ends) if each in signal.subjects]
        rows = [row for each in subjects if (row := signal.row(each)) is not None and np.isfinite(row).any()]
        medians = [float(np.nanmedian(row)) for row in rows]
        values[name] = (min if name.startswith("coherence") else max)(medians) if medians else float("nan")
    return values
