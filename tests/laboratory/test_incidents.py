"""Labelled incidents: the same every time, labelled as they are, and told in the words of the telemetry contract."""

import numpy as np
import pytest

from bot.diagnosis.rules import load_rules
from bot.laboratory.absent import DECIDING
from bot.laboratory.draft import STEPS
from bot.laboratory.drivers import STEP_S
from bot.laboratory.faults import FAULTS, OF_NODES
from bot.laboratory.incidents import Incident, incident
from bot.laboratory.kinds import KINDS, Kind
from bot.laboratory.page import pages
from bot.laboratory.replay import window_of
from bot.telemetry.catalogue import METRICS
from bot.telemetry.exposition import parse

SEEDS = range(200, 208)
OPTIONAL = {"qnet_syndrome_correlation_ratio", "qnet_device_calibration_timestamp_seconds"}
"""Metrics that the contract calls optional."""
OF_KEYS = {"qnet_secret_key_bytes_total", "qnet_qber_ratio"}
"""Metrics of links that make keys."""


def last_page(case: Incident) -> str:
    """What the exporter says when the question is asked."""
    *_, page = pages(case.series)
    return page


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_incident_down_to_the_sample(kind: Kind) -> None:
    """Two incidents of one kind and seed have the same pages and the same label."""
    one, other = incident(kind, 7), incident(kind, 7)
    assert one.series.keys() == other.series.keys()
    assert all(np.array_equal(values, other.series[key], equal_nan=True) for key, values in one.series.items())
    assert (one.network, one.at, one.link, one.expected, one.verdict, one.onset) == (
        other.network, other.at, other.link, other.expected, other.verdict, other.onset
    )  # fmt: skip


def test_another_seed_makes_another_incident() -> None:
    """Neighbouring seeds share neither instant nor network."""
    one, other = incident("single", 7), incident("single", 8)
    assert one.at != other.at
    assert one.network != other.network


@pytest.mark.parametrize("kind", KINDS)
def test_label_and_verdict_agree(kind: Kind) -> None:
    """A fault has causes, a beginning, and touches the link asked about; nothing else has causes."""
    counts = {"single": 1, "compound": 2, "confusable": 1, "shared": 1}
    for case in (incident(kind, seed) for seed in SEEDS):
        assert (case.verdict == "fault") == bool(case.expected)
        assert len(case.expected) == (counts.get(kind, 0) if case.verdict == "fault" else 0)
        assert {mode for mode, _ in case.expected} <= FAULTS.keys()
        if case.expected:
            assert case.onset is not None
            assert case.at - STEPS[1] * STEP_S < case.onset < case.at
            assert case.link in case.touched
        assert (kind == "missing") == bool(case.lacking)
        assert kind != "benign" or (case.verdict, case.touched) == ("healthy", frozenset())


@pytest.mark.parametrize("kind", ["single", "compound", "confusable"])
def test_a_mode_of_nodes_is_labelled_with_an_end_of_the_link_and_others_with_the_link(kind: Kind) -> None:
    """F5, F6 and F8 belong to a device, the others to the link that was asked about."""
    for case in (incident(kind, seed) for seed in SEEDS):
        for mode, subject in case.expected:
            assert subject in (case.network.links[case.link].ends if mode in OF_NODES else (case.link,))


def test_a_shared_fault_is_labelled_with_the_node_and_touches_all_its_links() -> None:
    """What a node shares between its links is one cause: the node's, and the node has at least two links."""
    for case in (incident("shared", seed) for seed in SEEDS):
        ((_, node),) = case.expected
        links = {link.id for link in case.network.links.values() if node in link.ends}
        assert case.touched == links
        assert len(links) >= 2


def test_every_metric_of_the_contract_is_told_and_no_other() -> None:
    """Over a few seeds the pages hold exactly the contract's metrics; only the optional ones may lack in a network."""
    known = {f"{name}_bucket" if name == "qnet_decode_duration_seconds" else name for name in METRICS} | OPTIONAL
    seen = set()
    for seed in SEEDS:
        names = {name for name, _ in incident("benign", seed).series}
        assert names <= known
        assert known - names <= OPTIONAL | OF_KEYS
        seen |= names
    assert seen == known


def test_pages_are_exposition_text_that_production_parses() -> None:
    """Each sample of the series arrives under its name, labels and value."""
    case = incident("single", 203)
    told = {(sample.name, frozenset(sample.labels)): sample.value for sample in parse(last_page(case))}
    for (name, labels), values in case.series.items():
        if np.isfinite(values[-1]):
            assert told[name, frozenset(labels)] == values[-1]
    assert len(told) == sum(bool(np.isfinite(values[-1])) for values in case.series.values())


def test_counters_only_grow_save_where_they_start_again() -> None:
    """A counter that falls falls once, and then on every metric of the link: a restart."""
    restarts = 0
    for case in (incident("benign", seed) for seed in range(200, 228)):
        falls: dict[str, set[int]] = {}
        for (name, labels), values in case.series.items():
            if name.endswith(("_total", "_bucket")):
                known = np.flatnonzero(np.isfinite(values))
                down = known[1:][np.diff(values[known]) < 0]
                falls.setdefault(dict(labels)["link"], set()).update(down.tolist())
        assert all(len(steps) <= 2 for steps in falls.values())
        restarts += any(falls.values())
    assert restarts >= 4


def test_the_lost_signal_is_lost_to_the_diagnosis() -> None:
    """The series of the deciding metric ends before the question, is not there, or says what cannot be."""
    for seed in SEEDS:
        case = incident("missing", seed)
        metric, signal = DECIDING[case.name]
        assert signal == case.lacking
        last = [values[-1] for (name, _), values in case.series.items() if name == metric]
        assert any(not np.isfinite(value) or value < 0 for value in last)


def test_telemetry_between_the_pages_and_the_diagnosis_is_production_s() -> None:
    """The window of an incident has the rules' signals for its links and nodes, an hour long."""
    case, rules = incident("single", 203), load_rules()
    window = window_of(case, rules)
    assert set(window.signals) == set(rules.signals)
    assert set(window.signals["physical_loss_ratio"].subjects) == set(case.network.links)
    assert window.end - window.start == pytest.approx(3600.0, abs=15.0)


def test_the_number_of_links_can_be_given() -> None:
    """A network of twenty links has twenty, and the incident is about one of them."""
    case = incident("single", 203, links=20)
    assert len(case.network.links) == 20
    assert case.link in case.network.links
