"""Reports and documentation: what people read is complete, finite and runs."""

import doctest
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import numpy as np
import pytest

import bot.capacity as capacity_package
from bot.capacity.link import QUANTITIES
from bot.capacity.report import bare, link_report, total_error
from tests.support.capacity_links import baseline, changed, now


def test_a_links_report_has_both_sides_and_what_explains_the_drop() -> None:
    """Baseline and now in the model's quantities, shares that sum to 1, everything finite."""
    report = link_report(baseline(), now(physical_loss_ratio=0.9))
    assert set(report.now) <= set(QUANTITIES)
    assert report.now["entanglement_rate"] < report.baseline["entanglement_rate"]
    assert sum(report.attribution.values()) == pytest.approx(1.0)
    assert np.isfinite([*report.now.values(), *report.baseline.values()]).all()


def test_what_is_unknown_or_endless_is_left_out_of_a_report() -> None:
    """No NaN and no infinity reaches JSON: a pool that never runs dry has no depletion time."""
    report = link_report(baseline(), changed(t2_s=float("nan")))
    assert "capacity_qubits_per_s" not in report.now
    assert "pool_depletion_s" not in report.baseline
    assert report.attribution == {}


def test_an_antidegradable_channel_has_exactly_no_one_way_capacity() -> None:
    """Pauli (0.1, 0.02, 0.2) has a symmetric-extension margin of 0.053: Q = 0, both ends, and says why."""
    row = next(row for row in bare("pauli", {"px": 0.1, "py": 0.02, "pz": 0.2}) if row.what == "Q")
    assert (row.lower, row.upper, row.note) == (0.0, 0.0, "antidegradable")


def test_between_hashing_and_antidegradability_nothing_is_claimed() -> None:
    """Depolarizing 0.2: lower bound 0, upper bound above, and the row says that it is open."""
    row = next(row for row in bare("depolarizing", {"p": 0.2}) if row.what == "Q")
    assert row.lower == 0.0
    assert row.upper is not None
    assert row.upper > 0
    assert "not known" in row.note


def test_the_total_error_of_a_memory_is_its_infidelity() -> None:
    """T1/T2: (3 - e1 - 2 e2)/4 for t = 0.01 s, T1 = 1 s, T2 = 0.1 s."""
    expected = (3 - np.exp(-0.01) - 2 * np.exp(-0.1)) / 4
    assert total_error("t1t2", {"t": 0.01, "t1": 1.0, "t2": 0.1}) == pytest.approx(expected)


MODULES = [import_module(f"bot.capacity.{each.name}") for each in iter_modules(capacity_package.__path__)]
WITHOUT_EXAMPLE = {
    "anchor", "effect", "estimate", "history", "link", "observed", "optimise", "published", "quantities", "questions",
    "ranges", "reference_case", "report", "sampled", "state",
}  # fmt: skip
"""Modules without formulas of their own, or of links, which need a network file: their examples are the commands'."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_in_the_documentation_run(module: ModuleType) -> None:
    """Docstring examples give what they show, and every module of formulas has one."""
    result = doctest.testmod(module)
    assert result.failed == 0
    assert (result.attempted > 0) == (module.__name__.rpartition(".")[2] not in WITHOUT_EXAMPLE)
