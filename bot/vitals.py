"""Is the bot able to work, and what has it done: what `/readyz` and `/metrics` say."""

from collections import Counter as Counts
from collections.abc import Mapping

from bot.clock import Clock
from bot.errors import BellhopError
from bot.flow.journal import Journal
from bot.flow.observe import TelemetrySource
from bot.intake.counters import IntakeCounters
from bot.store import Store
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.web import Check, Counter

_PROBE_SIGNAL = "logical_success_ratio"
Labels = tuple[tuple[str, str], ...]


def checks(journal: Journal, telemetry: TelemetrySource, clock: Clock) -> Mapping[str, Check]:
    """What must answer before alerts are welcome: the store. Telemetry is told beside it, without failing intake."""

    async def store() -> str:
        if (outage := journal.store.outage) is not None:
            return f"the store takes no writes: {outage.why}"
        try:
            await journal.store.read(lambda transaction: transaction.incident_ids(open_only=True))
        except BellhopError as error:
            return error.message
        return ""

    async def source() -> str:
        try:
            await telemetry.latest([_PROBE_SIGNAL], at=clock.now())
        except BellhopError as error:
            return error.message
        return ""

    return {"store": store, "telemetry": source}


def counters(intake: IntakeCounters, store: Store, telemetry: TelemetrySource) -> tuple[Counter, ...]:
    """The bot's own metrics."""

    def deliveries() -> Mapping[Labels, float]:
        seen: Counts[str] = intake.deliveries
        return {(("answer", answer),): float(count) for answer, count in seen.items()} or {
            (("answer", "accepted"),): 0.0
        }

    return (
        Counter(
            name="bellhop_deliveries_total",
            help="Deliveries of alerts, by how they were answered.",
            kind="counter",
            read=deliveries,
        ),
        Counter(
            name="bellhop_alerts_accepted_total",
            help="Alerts in accepted deliveries.",
            kind="counter",
            read=lambda: {(): float(intake.alerts)},
        ),
        Counter(
            name="bellhop_deliveries_put_aside_total",
            help="Accepted deliveries that could have no effect: log and `bellhop doctor` tell why.",
            kind="counter",
            read=lambda: {(): float(intake.put_aside)},
        ),
        Counter(
            name="bellhop_store_writable",
            help="Whether the store takes writes: 1 or, while it refuses, 0.",
            kind="gauge",
            read=lambda: {(): float(store.outage is None)},
        ),
        Counter(
            name="bellhop_store_outages_total",
            help="How often the store began to refuse writes.",
            kind="counter",
            read=lambda: {(): float(store.outages)},
        ),
        *((_history(telemetry),) if isinstance(telemetry, EmbeddedTelemetry) else ()),
    )


def _history(telemetry: EmbeddedTelemetry) -> Counter:
    return Counter(
        name="bellhop_telemetry_history_writable",
        help="Whether embedded telemetry can write its history: 0 means that a restart forgets what is usual.",
        kind="gauge",
        read=lambda: {(): float(not telemetry.history_trouble)},
    )
