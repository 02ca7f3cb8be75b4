"""A stretch of simulated time as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`."""

from collections.abc import Iterator

from bot.simulator.exporter import Family, families, number
from bot.simulator.simulation import Simulation


def openmetrics_history(simulation: Simulation, *, start: float, end: float, step: float) -> Iterator[str]:
    """Lines of every sample from `start` to `end` (Unix s) each `step` s; the simulation then stands at `end`.

    Held in memory before the first line comes: OpenMetrics wants each family in one piece, and within it each series.
    Raises ValueError when the simulation is already past `start` or `step` is not above 0.
    """
    if simulation.time > start:
        raise ValueError(f"the simulation stands at {simulation.time:.0f}, after the start at {start:.0f}")
    if step <= 0:
        raise ValueError(f"step must be above 0 s, not {step}")
    known: dict[str, Family] = {}
    lines: dict[str, dict[str, list[str]]] = {}
    count = int((end - start) // step) + 1
    for instant in (start + number_ * step for number_ in range(count)):
        simulation.advance_to(instant)
        for family in families(simulation):
            known.setdefault(family.name, family)
            series = lines.setdefault(family.name, {})
            for suffix, labels, value in family.samples:
                name = f"{family.name}{suffix}{{{labels}}}"
                series.setdefault(name, []).append(f"{name} {number(value)} {instant:.3f}\n")
    simulation.advance_to(end)
    for name, family in known.items():
        yield f"# HELP {_bare(family)} {family.help}\n# TYPE {_bare(family)} {family.kind}\n"
        for samples in lines[name].values():
            yield from samples
    yield "# EOF\n"


def _bare(family: Family) -> str:
    """OpenMetrics names a counter's family without `_total`."""
    return family.name.removesuffix("_total") if family.kind == "counter" else family.name
