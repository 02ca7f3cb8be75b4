"""Which of the contract's metrics a telemetry source has, for `bellhop doctor`."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.clock import Clock
from bot.errors import BellhopError
from bot.settings import Far, TelemetrySettings
from bot.telemetry.catalogue import BUCKETS, CATALOGUE, METRICS, check_names
from bot.telemetry.discovery import Discovery
from bot.telemetry.embedded import KEEP_S, EmbeddedTelemetry, metrics_urls
from bot.telemetry.history import HistoryFile
from bot.telemetry.promql import escape_regex, quote


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check; `ok` is False when something that Bellhop needs is not there."""

    ok: bool
    line: str


async def check(settings: TelemetrySettings, clock: Clock) -> tuple[Finding, ...]:
    """Ask the source once and say for each metric for how many links or nodes it exists.

    A source that cannot be asked is one finding, not an error. A metric that only optional signals read may be
    missing.
    """
    try:
        check_names(settings.metrics)
        far = settings.prometheus if settings.source == "prometheus" else None
        counts = await (_embedded(settings, clock) if far is None else _prometheus(settings, far))
    except BellhopError as error:
        return (Finding(ok=False, line=str(error)),)
    found = tuple(_finding(metric, settings.metrics.get(metric, metric), counts) for metric in METRICS)
    return (*found, *_history(settings, clock))


def _history(settings: TelemetrySettings, clock: Clock) -> tuple[Finding, ...]:
    """What hinders embedded telemetry from keeping its history over a restart: no place to write, or a foreign file."""
    if settings.source != "embedded" or settings.history_file is None:
        return ()
    file = HistoryFile(settings.history_file)
    why = file.check()
    if not why:
        try:
            file.read(metrics_urls(settings.exporters), now=clock.now(), keep_s=KEEP_S)
        except ValueError as error:
            why = f"{file.path} is not used: {error}"
    return (
        (Finding(ok=False, line=f"the telemetry history {why}; a restart would forget what is usual"),) if why else ()
    )


def _finding(metric: str, own: str, counts: Mapping[str, int]) -> Finding:
    name = metric if metric == own else f"{metric} (as {own})"
    count = counts.get(f"{own}_bucket" if metric in BUCKETS else own, 0)
    kind = METRICS[metric]
    if count:
        return Finding(ok=True, line=f"{name}: {count} {kind}{'' if count == 1 else 's'}")
    if all(signal.optional for signal in CATALOGUE.values() if metric in signal.metrics):
        return Finding(ok=True, line=f"{name}: none (optional)")
    return Finding(ok=False, line=f"{name}: missing; the signals {_readers(metric)} stay unknown")


def _readers(metric: str) -> str:
    return ", ".join(signal.name for signal in CATALOGUE.values() if metric in signal.metrics)


async def _prometheus(settings: TelemetrySettings, far: Far) -> Mapping[str, int]:
    discovery, counts = Discovery(far), dict[str, int]()
    for kind in ("link", "node"):
        rows = await discovery.instant(_question(settings, kind))
        counts |= {labels["__name__"]: int(count) for labels, count in rows if "__name__" in labels}
    return counts


def _question(settings: TelemetrySettings, kind: str) -> str:
    """How many subjects each metric of a kind has, in one query."""
    metrics = [metric for metric, of in METRICS.items() if of == kind]
    own = [settings.metrics.get(metric, metric) + ("_bucket" if metric in BUCKETS else "") for metric in metrics]
    pairs = [f"__name__=~{quote('|'.join(escape_regex(name) for name in own))}", f'{kind}!=""']
    pairs += [f"{label}={quote(value)}" for label, value in settings.matchers.items()]
    return f"count by (__name__) (count by (__name__, {kind}) ({{{','.join(pairs)}}}))"


async def _embedded(settings: TelemetrySettings, clock: Clock) -> Mapping[str, int]:
    source = EmbeddedTelemetry(settings.exporters, clock=clock, names=settings.metrics, matchers=settings.matchers)
    try:
        await source.scrape_once()
        return source.subject_counts()
    finally:
        await source.aclose()
