"""The telemetry source that the settings ask for."""

from bot.clock import Clock
from bot.errors import UsageError
from bot.settings import TelemetrySettings
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.telemetry.prometheus import PrometheusTelemetry


def build_telemetry(settings: TelemetrySettings, clock: Clock) -> PrometheusTelemetry | EmbeddedTelemetry:
    """The source for `settings`; the embedded one scrapes once its `start` is called, inside the event loop.

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
    return EmbeddedTelemetry(
        settings.exporters,
        clock=clock,
        scrape_interval_s=settings.scrape_interval,
        rate_window_s=settings.rate_window,
        names=settings.metrics,
        matchers=settings.matchers,
        history_file=settings.history_file,
    )
