"""The telemetry source that the settings ask for."""

from collections.abc import Sequence
from typing import Protocol

from bot.clock import Clock
from bot.errors import UsageError
from bot.model.telemetry import Window
from bot.settings import TelemetrySettings
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.telemetry.prometheus import PrometheusTelemetry


class TelemetrySource(Protocol):
    """What every source of telemetry offers; each method raises TelemetryUnavailableError."""

    async def window(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Window:
        """Values at evenly spaced instants."""
        ...

    async def latest(self, signals: Sequence[str], *, at: float, subjects: Sequence[str] | None = None) -> Window:
        """Values at one instant."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and tasks."""
        ...


def open_telemetry(settings: TelemetrySettings, clock: Clock) -> TelemetrySource:
    """The source for `settings`. The embedded one starts to scrape, so call this inside the event loop.

    Raises UsageError when names, secrets or TLS files cannot be used.
    """
    if settings.source == "prometheus":
        if settings.prometheus is None:
            raise UsageError("telemetry source prometheus needs telemetry.prometheus.url")
        return PrometheusTelemetry(
            settings.prometheus,
            rate_window_s=settings.rate_window,
            scrape_interval_s=settings.scrape_interval,
            names=settings.metrics,
            matchers=settings.matchers,
        )
    embedded = EmbeddedTelemetry(
        settings.exporters,
        clock=clock,
        scrape_interval_s=settings.scrape_interval,
        rate_window_s=settings.rate_window,
        names=settings.metrics,
        matchers=settings.matchers,
    )
    embedded.start()
    return embedded
