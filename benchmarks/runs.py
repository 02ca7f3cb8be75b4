"""What a durable step costs beside a bare commit to the same disk, and what finished runs cost the store, in one run.

    python -m benchmarks.runs [--json] [--runs N] [--finished N] [--store sqlite|postgres]

A whole bot in this process carries out runs of STEPS steps that each write down one signal that nobody scraped; the
action's own time, measured apart, is taken off, so that what is left is the run's machinery: guards looked at, intent,
outcome and the step's record. The same is told of incidents with LONG events before the run. The floor is one row
committed to the same kind of store on the same disk. Then --finished runs are put into the store by copying the rows of
one, and everything is measured again; at last retention forgets them. Postgres is a throw-away cluster with fsync on
and needs its programs on this machine.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.finished_runs import Floor, copy_runs, size, stores
from bot.app import Bellhop
from bot.flow.observe import IncidentReadings
from bot.model.event import Entry, IncidentOpened, NoteAdded, StateChanged
from bot.model.network import Subject
from bot.model.step_event import RunEnded, StepStarted
from bot.settings import Settings
from bot.simulator.scenarios import demo_network_path
from remediation.contract import Ports
from remediation.registry import ACTIONS

STEPS = 6
"""As many as the shipped runbooks have on the median."""
AT_ONCE = 20
ACTION, SIGNAL, LINK = "telemetry.snapshot", "logical_success_ratio", "ams-utr"
PATIENCE_S, LOOK_EVERY_S = 300.0, 0.01
GOING = ("PENDING", "ENQUEUED", "DELAYED")
LONG, LONG_RUNS = 2000, 10
Told = dict[str, float]


@dataclass
class Cost:
    """Of runs on a store as it is now."""

    step_median_ms: float
    step_p99_ms: float
    long_median_ms: float
    runs_per_s: float
    bytes_per_run: float
    floor_ms: float


def runbooks(folder: Path) -> Path:
    """A folder with one runbook that only looks."""
    look = {"signals": [SIGNAL], "link": LINK}
    steps = [{"id": f"look{number}", "action": ACTION, "with": look, "timeout": "1m"} for number in range(STEPS)]
    content = {
        "apiVersion": "bellhop/v1",
        "kind": "Runbook",
        "metadata": {"name": "look", "title": "Look"},
        "spec": {"steps": steps},
    }
    place = folder / "runbooks"
    place.mkdir()
    (place / "look.yaml").write_text(json.dumps(content), encoding="utf-8")
    return place


@asynccontextmanager
async def bot(folder: Path, store: dict[str, Any]) -> AsyncIterator[Bellhop]:
    """A started bot that scrapes nobody."""
    content = {
        "network": demo_network_path(),
        "store": {**store, "retention": "1ms"},
        "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"], "scrape_interval": "1h"},
        "runbooks": {"directory": runbooks(folder)},
        "guards": {"network_wide": {}},
    }
    bellhop = Bellhop(Settings.model_validate(content))
    await bellhop.start()
    try:
        yield bellhop
    finally:
        await bellhop.close()


async def begin(bellhop: Bellhop, notes: int = 0) -> str:
    """An incident on a subject of its own, to which nobody responds, with so many notes and a run that starts."""
    now = time.time()
    subject = Subject(kind="link", id=f"link-{time.perf_counter_ns()}")
    opened = Entry(at=now, by="benchmark", body=IncidentOpened(title="t", severity="sev3", subject=subject), key="o")
    told = [Entry(at=now, by="benchmark", body=NoteAdded(text="n" * 80), key=f"n{number}") for number in range(notes)]
    incident = await bellhop.store.transact(lambda transaction: transaction.open_incident([opened, *told]))
    await bellhop.proposer.propose(incident, cause="benchmark", runbook="look", by="benchmark", start=True)
    return incident


async def over(bellhop: Bellhop, schema: str, *incidents: str) -> None:
    """Wait until the runs of these incidents have nothing left to do."""
    where = "workflow_uuid IN :runs AND status IN :going"
    query = sa.text(f"SELECT count(*) FROM {schema}workflow_status WHERE {where}")
    query = query.bindparams(sa.bindparam("runs", expanding=True), sa.bindparam("going", expanding=True))
    given = {"runs": [f"{incident}-R1" for incident in incidents], "going": GOING}
    deadline = time.monotonic() + PATIENCE_S
    while await bellhop.store.read(lambda transaction: transaction.connection.execute(query, given).scalar()):
        if time.monotonic() > deadline:
            raise SystemExit(f"the runs do not end within {PATIENCE_S:.0f} s")
        await asyncio.sleep(LOOK_EVERY_S)


async def step_times(bellhop: Bellhop, schema: str, runs: int, notes: int = 0) -> list[float]:
    """From the intent of a step to the intent of the next, ms, of runs one after another."""
    taken: list[float] = []
    for _ in range(runs):
        incident = await begin(bellhop, notes)
        await over(bellhop, schema, incident)
        events = await bellhop.journal.events(incident)
        assert any(isinstance(event.body, RunEnded) and event.body.result == "succeeded" for event in events)
        begun = [event.at for event in events if isinstance(event.body, StepStarted)]
        taken += [1000 * (after - before) for before, after in pairwise(begun)]
        await close(bellhop, incident)
    return taken


async def close(bellhop: Bellhop, incident: str) -> None:
    """Nobody may have to act on it any more, as after every incident."""
    entry = Entry(at=time.time(), by="benchmark", body=StateChanged(before="triggered", after="resolved"), key="c")
    await bellhop.journal.record(incident, entry)


async def own_time(bellhop: Bellhop) -> float:
    """What the action itself takes, ms, median."""
    action = ACTIONS[ACTION]
    given = action.parameters.model_validate({"signals": [SIGNAL], "link": LINK})
    readings = IncidentReadings(bellhop.observer, baseline_before=time.time())
    ports = Ports(controller=None, readings=readings, messenger=None, timer=bellhop.clock)  # type: ignore[arg-type]
    taken = []
    for _ in range(100):
        start = time.perf_counter()
        await action.run(given, ports, "key")
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


async def at_once(bellhop: Bellhop, schema: str, runs: int) -> float:
    """Whole runs per second, from planning to the last record, AT_ONCE under way."""
    start, incidents = time.perf_counter(), list[str]()
    for _ in range(max(1, runs // AT_ONCE)):
        begun = await asyncio.gather(*(begin(bellhop) for _ in range(AT_ONCE)))
        await over(bellhop, schema, *begun)
        incidents += begun
    taken = time.perf_counter() - start
    for incident in incidents:
        await close(bellhop, incident)
    return len(incidents) / taken


async def cost(bellhop: Bellhop, schema: str, floor: Floor, runs: int) -> Cost:
    """Everything about runs on the store as it is, between two looks at the floor."""
    below = await asyncio.to_thread(floor)
    before = size(bellhop.store)
    own, taken = await own_time(bellhop), await step_times(bellhop, schema, runs)
    rate = await at_once(bellhop, schema, runs)
    count = runs + AT_ONCE * max(1, runs // AT_ONCE)
    lowest = (below + await asyncio.to_thread(floor)) / 2
    worst = statistics.quantiles(taken, n=100)[98]
    size_per_run = (size(bellhop.store) - before) / count
    long = statistics.median(await step_times(bellhop, schema, LONG_RUNS, LONG))
    return Cost(statistics.median(taken) - own, worst - own, long - own, rate, size_per_run, lowest)


async def measure(folder: Path, store: dict[str, Any], schema: str, floor: Floor, wanted: argparse.Namespace) -> Told:
    """Before and after there are many finished runs, and what it takes to forget them."""
    told: Told = {}
    async with bot(folder, store) as bellhop:
        await close(bellhop, await warm(bellhop, schema))
        told |= asdict(await cost(bellhop, schema, floor, wanted.runs))
        await bellhop.store.transact(lambda transaction: copy_runs(transaction, schema, wanted.finished))
        told["bytes_full"] = size(bellhop.store)
        told |= {
            f"{name}_full": value for name, value in asdict(await cost(bellhop, schema, floor, wanted.runs)).items()
        }
        start = time.perf_counter()
        assert bellhop.retention is not None
        told["forgotten"] = await bellhop.retention.forget()
        told["forgetting_s"] = time.perf_counter() - start
        told["bytes_forgotten"] = size(bellhop.store)
        told |= {
            f"{name}_after": value for name, value in asdict(await cost(bellhop, schema, floor, wanted.runs)).items()
        }
    return told


async def warm(bellhop: Bellhop, schema: str) -> str:
    """The first run, which is copied later."""
    incident = await begin(bellhop)
    await over(bellhop, schema, incident)
    assert incident == "INC-1", incident
    return incident


def main() -> None:
    """Print a small table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object per store")
    parser.add_argument("--runs", type=int, default=60, help="runs of each measurement")
    parser.add_argument("--finished", type=int, default=100_000, help="finished runs that are put into the store")
    parser.add_argument("--store", action="append", choices=["sqlite", "postgres"], help="only this one")
    wanted = parser.parse_args()
    with stores(wanted.store or ["sqlite", "postgres"]) as found:
        for kind, (block, schema, floor) in found.items():
            with tempfile.TemporaryDirectory() as folder:
                told = asyncio.run(measure(Path(folder), block, schema, floor, wanted))
            told["finished"] = wanted.finished
            print(json.dumps({"store": kind, **told}) if wanted.json else table(kind, told), flush=True)


def table(kind: str, told: Told) -> str:
    """One store's numbers for people."""
    finished = f"{told['finished']:,.0f} finished"
    lines = [f"{kind}: runs of {STEPS} steps, less the actions' own time"]
    for suffix, when in (("", "empty"), ("_full", finished), ("_after", "forgotten")):
        median, worst = told[f"step_median_ms{suffix}"], told[f"step_p99_ms{suffix}"]
        floor = told[f"floor_ms{suffix}"]
        lines.append(
            f"  {when:18} step {median:6.2f} ms, p99 {worst:6.2f} ms, "
            f"{told[f'long_median_ms{suffix}']:6.2f} ms after {LONG:,} events, "
            f"{median / floor:5.1f} bare commits of {floor:.2f} ms; "
            f"{told[f'runs_per_s{suffix}']:5.1f} runs/s; {told[f'bytes_per_run{suffix}'] / 1000:5.1f} kB/run"
        )
    lines.append(
        f"  {told['bytes_full'] / 1e6:.0f} MB with {finished} runs; {told['forgotten']:,.0f} workflows forgotten in "
        f"{told['forgetting_s']:.1f} s, {told['bytes_forgotten'] / 1e6:.0f} MB after"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
