"""How long a diagnosis takes, alone and in bulk, beside BARO's ranking of the same window, and the batch command's way.

    python -m benchmarks.diagnosis [--json] [--links N] [--questions N]

First from arrays: an hour of a simulated network of 100 links, ten of them with a fault, copied as often as needed.
Bellhop answers one link, 100 and N (10,000); BARO (`fse-baro`, with the extra `compare`) ranks the same 25 signals of
a link, once told when the fault began and once finding that out by itself. Then, where prometheus and promtool are on
PATH, the batch command's questions about two hours of that network in a real Prometheus: how many range queries they
take, the share of the time in which Prometheus is being read, and the same questions one by one. The contenders take
turns in one process. Times from arrays are processor time, the least of several runs; those with Prometheus are the
clock's, on whatever else the machine does. Ratios travel, seconds do not.
"""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
import numpy as np

from bot.clock import SystemClock
from bot.diagnosis.engine import diagnose_many
from bot.diagnosis.rules import load_rules
from bot.flow.batch import Batch, Question
from bot.flow.observe import Observer, neighbourhood
from bot.model.network import Network, Node
from bot.model.telemetry import SignalWindow, Window
from bot.settings import Far, TelemetrySettings
from bot.simulator.exporter import exposition
from bot.simulator.history import openmetrics_history
from bot.simulator.simulation import Simulation
from bot.telemetry.embedded import EmbeddedTelemetry
from bot.telemetry.prometheus import PrometheusTelemetry
from bot.telemetry.recording import Recording
from tests.support.prometheus import backfill, running_prometheus
from tests.support.wide_network import wide_network

START, HOUR_S, STEP_S, LEAD_S = 1_790_000_400.0, 3600.0, 15.0, 300.0
BLOCK, FAULTY, AGE_S, REPEATS = 100, 10, 600.0, 5
ALONE = 40
"""Questions of the batch that are also asked one by one."""
EXPORTER = "http://network.benchmark"
RULES = load_rules()
Told = dict[str, float]


def simulation(start: float, ill_after_s: float) -> Simulation:
    """100 links; ten of them get a fault, F1 to F4 and F7 in turn. Seed 1."""
    made = Simulation(wide_network(BLOCK), seed=1, start=start)
    for number in range(FAULTY):
        mode = ("F1", "F2", "F3", "F4", "F7")[number % 5]
        made.inject(mode, f"link-{number * 10:05}", severity=0.7, delay_s=ill_after_s)
    return made


async def simulated_window() -> Window:
    """The last hour, as the bot's own telemetry reads it; the faults began ten minutes before its end."""
    network = simulation(START, LEAD_S + HOUR_S - AGE_S)
    source = EmbeddedTelemetry([EXPORTER], clock=SystemClock())
    for at in np.arange(START + STEP_S, START + LEAD_S + HOUR_S + 1, STEP_S):
        network.advance_to(float(at))
        source.feed(EXPORTER, float(at), exposition(network))
    window = await source.window(RULES.signals, start=START + LEAD_S, end=START + LEAD_S + HOUR_S, step=STEP_S)
    await source.aclose()
    return window


def copied(window: Window, blocks: int) -> tuple[Window, Network]:
    """The network and its window side by side with copies of themselves, under names of their own."""
    one, prefixes = wide_network(BLOCK), [f"{block:03}-" for block in range(blocks)]
    links = [
        msgspec.structs.replace(link, id=prefix + link.id, ends=(prefix + link.ends[0], prefix + link.ends[1]))
        for prefix in prefixes
        for link in one.links.values()
    ]
    nodes = {prefix + node: Node(id=prefix + node) for prefix in prefixes for node in one.nodes}
    network = Network(name="copies", nodes=nodes, links={link.id: link for link in links}, flows={})
    signals = {name: _copied_rows(series, prefixes) for name, series in window.signals.items()}
    return Window(start=window.start, end=window.end, step=window.step, signals=signals), network


def _copied_rows(series: SignalWindow, prefixes: Sequence[str]) -> SignalWindow:
    """A signal's rows once for each prefix of its subjects' names."""
    return SignalWindow(
        signal=series.signal,
        subjects=tuple(prefix + name for prefix in prefixes for name in series.subjects),
        times=series.times,
        values=np.tile(series.values, (len(prefixes), 1)),
        quality=series.quality * len(prefixes),
        age_s=np.tile(series.age_s, len(prefixes)),
        labels=series.labels,
    )


def best(*works: Callable[[], object], repeats: int = REPEATS) -> tuple[float, ...]:
    """The least processor time of each, s; they take turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            began = time.process_time()
            work()
            taken.append(time.process_time() - began)
    return tuple(min(taken) for taken in times)


def bulk(window: Window, links: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """What diagnoses one link of the network, and what diagnoses all `links` of it at once."""
    whole, network = copied(window, max(1, links // BLOCK))
    first = next(iter(network.links))
    near = _part(whole, set(neighbourhood(network, first)))

    def ask(names: Sequence[str], seen: Window) -> object:
        return diagnose_many(names, network=network, window=seen, at=seen.end, rules=RULES)

    return lambda: ask([first], near), lambda: ask(list(network.links), whole)


def _part(window: Window, subjects: set[str]) -> Window:
    signals = {}
    for name, series in window.signals.items():
        rows = [row for row, subject in enumerate(series.subjects) if subject in subjects]
        signals[name] = SignalWindow(
            signal=name,
            subjects=tuple(series.subjects[row] for row in rows),
            times=series.times,
            values=series.values[rows],
            quality=tuple(series.quality[row] for row in rows),
            age_s=series.age_s[rows],
            labels=series.labels,
        )
    return Window(start=window.start, end=window.end, step=window.step, signals=signals)


def baro(window: Window) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """BARO's ranking for one link, told the onset, and with its own change point first; None where not installed."""
    if find_spec("baro") is None:
        return None
    ends = wide_network(BLOCK).links["link-00000"].ends
    columns: dict[str, Any] = {"time": window.signals["physical_loss_ratio"].times - window.start}
    for name, series in window.signals.items():
        for subject in ("link-00000", ends[0]):
            row = series.row(subject)
            if row is not None:
                columns[name] = np.nan_to_num(row)
    table = import_module("pandas").DataFrame(columns)
    ranker = import_module("baro.root_cause_analysis").robust_scorer
    finder = import_module("baro.anomaly_detection").bocpd
    onset = HOUR_S - AGE_S
    return lambda: ranker(table, inject_time=onset), lambda: ranker(table, anomalies=finder(table) or [1])


def from_arrays(links: int) -> Told:
    """Processor time per diagnosis, ms, and its ratios."""
    window = asyncio.run(simulated_window())
    one, hundred = bulk(window, BLOCK)
    _, many = bulk(window, links)
    others = baro(window)
    one()
    alone, in_hundred, *ranking = best(one, hundred, *(others[:1] if others else ()))
    (in_many,) = best(many, repeats=1 if links > 2000 else REPEATS)
    size = max(1, links // BLOCK) * BLOCK
    told = {
        "one_link_ms": 1e3 * alone,
        "in_100_links_ms": 1e3 * in_hundred / BLOCK,
        f"in_{size}_links_ms": 1e3 * in_many / size,
        "growth_100_to_all": in_many / size / (in_hundred / BLOCK),
    }
    if others:
        (whole,) = best(others[1], repeats=1)
        told |= {
            "baro_ranking_ms": 1e3 * ranking[0],
            "baro_with_change_point_ms": 1e3 * whole,
            "baro_ranking_over_one_link": ranking[0] / alone,
            "baro_ranking_over_bulk": ranking[0] / (in_hundred / BLOCK),
            "baro_with_change_point_over_one_link": whole / alone,
        }
    return told


class Timed:
    """A source that notes when it is being read."""

    def __init__(self, inner: PrometheusTelemetry) -> None:
        self._inner = inner
        self.seconds = 0.0
        self.times = 0

    async def recording(
        self, signals: Sequence[str], *, start: float, end: float, step: float, subjects: Sequence[str] | None = None
    ) -> Recording:
        """As the source, timed."""
        began = time.perf_counter()
        try:
            return await self._inner.recording(signals, start=start, end=end, step=step, subjects=subjects)
        finally:
            self.seconds += time.perf_counter() - began
            self.times += 1


async def from_prometheus(count: int) -> Told:
    """`count` questions at twenty instants in the second of two hours; all links, then one by one for some."""
    simulated = simulation(START, LEAD_S + HOUR_S)
    lines = openmetrics_history(simulated, start=START, end=START + LEAD_S + 2 * HOUR_S, step=STEP_S)
    per_link = max(1, count // BLOCK)
    questions = [
        Question(link, START + LEAD_S + HOUR_S + HOUR_S * (number + 1) / per_link)
        for number in range(per_link)
        for link in wide_network(BLOCK).links
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = backfill("".join(lines), folder)
        async with running_prometheus(folder, database=database) as address:
            return await _asked(address, questions)


async def _asked(address: str, questions: Sequence[Question]) -> Told:
    far = Far(url=address, timeout=120.0)
    settings = TelemetrySettings(prometheus=far)
    telemetry = PrometheusTelemetry(far)
    network = wide_network(BLOCK)
    observer = Observer(telemetry=telemetry, network=network, rules=RULES, settings=settings, clock=SystemClock())
    source = Timed(telemetry)
    try:
        began, cpu = time.perf_counter(), time.process_time()
        found = {place: diagnosis async for place, diagnosis in Batch(observer, source, settings).answers(questions)}
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        some = range(0, len(questions), max(1, len(questions) // ALONE))
        began = time.perf_counter()
        singles = {place: await observer.diagnose(questions[place].link, questions[place].at) for place in some}
        alone = (time.perf_counter() - began) / len(singles)
    finally:
        await telemetry.aclose()
    if any(found[place] != msgspec.structs.replace(each, traces=()) for place, each in singles.items()):
        raise SystemExit("the batch answers otherwise than the single question")
    each = seconds / len(questions)
    return {
        "batch_questions": float(len(questions)),
        "batch_range_queries": float(source.times * len(RULES.signals)),
        "range_queries_one_by_one": float(len(questions) * len(RULES.signals)),
        "batch_s": seconds,
        "batch_ms_per_question": 1e3 * each,
        "batch_cpu_ms_per_question": 1e3 * cpu / len(questions),
        "batch_share_reading_prometheus": source.seconds / seconds,
        "one_by_one_ms_per_question": 1e3 * alone,
        "one_by_one_over_batch": alone / each,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print every number, as text or JSON, and what was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--links", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=2000)
    wanted = parser.parse_args(arguments)
    told: Mapping[str, Any] = from_arrays(wanted.links)
    left_out = [] if find_spec("baro") else ["BARO: pip install fse-baro"]
    if shutil.which("prometheus") and shutil.which("promtool"):
        told = {**told, **asyncio.run(from_prometheus(wanted.questions))}
    else:
        left_out.append("the batch command: prometheus and promtool are not on PATH")
    if wanted.json:
        print(json.dumps({**told, "left_out": left_out}))
        return
    for name, value in told.items():
        print(f"{name:44} {value:14.6g}")
    for what in left_out:
        print(f"left out: {what}")


if __name__ == "__main__":
    main()
