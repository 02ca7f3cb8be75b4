"""The checks behind `bellhop doctor`: each part is tried for real and answers in one line."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bot.chat.check import check_slack
from bot.clock import SystemClock
from bot.controller_settings import ControllerSettings
from bot.controllers import build_one
from bot.diagnosis.rules import load_rules
from bot.errors import BellhopError, UsageError
from bot.lint_facts import place_names, signal_kinds
from bot.network_file import load_network
from bot.settings import Settings, secrets_of
from bot.store import Store
from bot.telemetry.check import check as check_telemetry
from remediation.errors import RemediationError, Severity
from remediation.lint import lint_library
from remediation.load import load_library


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one part is as it must be."""

    part: str
    good: bool
    message: str


async def examine(settings: Settings) -> list[Finding]:
    """Try every part that the configuration names."""
    return [finding async for finding in _findings(settings)]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield await _tried("secrets", _secrets, settings)
    yield await _tried("network", _network, settings)
    yield await _tried("rules", _rules, settings)
    yield await _tried("runbooks", _runbooks, settings)
    yield await _tried("store", _store, settings)
    yield await _tried("telemetry", _telemetry, settings)
    for chosen in _controllers(settings):
        yield await _tried("controller", _controller(chosen), settings)
    if not _controllers(settings):
        yield await _tried("controller", _no_controller, settings)
    yield await _tried("slack", _slack, settings)


async def _tried(part: str, check: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    try:
        return Finding(part, good=True, message=await check(settings))
    except (BellhopError, RemediationError) as error:
        return Finding(part, good=False, message=str(error))


async def _secrets(settings: Settings) -> str:
    found = secrets_of(settings)
    missing: list[str] = []
    for secret in found:
        try:
            secret.read()
        except UsageError as error:
            missing.append(error.message)
    if missing:
        raise UsageError("; ".join(missing))
    return f"{len(found)} named, all there"


async def _network(settings: Settings) -> str:
    network = load_network(settings.network)
    return f"{network.name}: {len(network.nodes)} nodes, {len(network.links)} links, {len(network.flows)} flows"


async def _rules(settings: Settings) -> str:
    rules = load_rules(settings.runbooks.rules)
    return f"{len(rules.modes)} failure modes over {len(rules.signals)} signals"


async def _runbooks(settings: Settings) -> str:
    library = load_library(settings.runbooks.directory)
    network = place_names(load_network(settings.network))
    faults = lint_library(library, signals=signal_kinds(), network=network)
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    if errors:
        raise RemediationError(f"{len(errors)} faults, the first: {errors[0]}")
    return f"{len(library.runbooks)} runbooks"


async def _store(settings: Settings) -> str:
    password = settings.store.password
    store = Store(settings.store.url, password.read() if password else None)
    try:
        await store.open()
        incidents = await store.read(lambda transaction: transaction.incident_ids())
        aside, newest = await store.read(lambda transaction: transaction.inbox_aside())
        kind = store.engine.dialect.name
    finally:
        await store.close()
    deliveries = "1 delivery" if aside == 1 else f"{aside} deliveries"
    told = f"; put aside without effect: {deliveries} of alerts, the newest from {newest}" if aside else ""
    return f"{kind}, {len(incidents)} incidents{told}"


async def _telemetry(settings: Settings) -> str:
    lines = await check_telemetry(settings.telemetry, SystemClock())
    missing = [finding.line for finding in lines if not finding.ok]
    if missing:
        raise BellhopError("; ".join(missing))
    return f"{len(lines)} metrics of the contract looked for, all there"


def _controllers(settings: Settings) -> tuple[ControllerSettings, ...]:
    single = () if settings.controller is None else (settings.controller,)
    return (*(each.controller for each in settings.controllers), *single)


def _controller(chosen: ControllerSettings) -> Callable[[Settings], Awaitable[str]]:
    """The check of one controller: it is built as the bot builds it, and asked."""

    async def check(settings: Settings) -> str:
        del settings
        async with contextlib.AsyncExitStack() as stack:
            built = build_one(chosen, SystemClock(), stack)
            return f"{built.name}: {await built.check()}"

    return check


async def _no_controller(settings: Settings) -> str:
    del settings
    return "none configured: runbooks can observe and notify, not act"


async def _slack(settings: Settings) -> str:
    if settings.slack is None:
        return "not configured: the command line and web pages remain"
    return await check_slack(settings.slack)
