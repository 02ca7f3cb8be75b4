"""`bellhop diagnose` over a real Prometheus says of labelled incidents what `bellhop evaluate` says of them."""

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.diagnosis.engine import diagnose
from bot.diagnosis.rules import load_rules
from bot.laboratory.incidents import Incident, incident
from bot.laboratory.judge import is_right, said
from bot.laboratory.kinds import KINDS
from bot.laboratory.replay import window_of
from bot.model.diagnosis import Diagnosis
from tests.support.prometheus import backfill, running_prometheus
from tests.support.scraped_incident import openmetrics, renamed, write_network

pytestmark = pytest.mark.needs("prometheus")

SEED = 12_000
LINKS = 5
"""Of each network: enough for neighbours, few enough to be written quickly."""
EAST = timezone(timedelta(hours=2))


@pytest.fixture(scope="module")
def cases() -> Sequence[Incident]:
    """An incident of each kind, with names of its own."""
    return [renamed(incident(kind, SEED, links=LINKS), f"{kind}.") for kind in KINDS]


@pytest.fixture(scope="module")
def database(cases: Sequence[Incident], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The incidents as one job has scraped them from two instances, blocks of one database."""
    folder = tmp_path_factory.mktemp("samples")
    for number, case in enumerate(cases):
        backfill(openmetrics(case, {"job": "qnet", "instance": f"qnet-{number % 2}:9100"}), folder)
    return folder / "data"


def configured(folder: Path, cases: Sequence[Incident], address: str, **telemetry: Any) -> Path:
    """bellhop.yaml for the networks of the incidents, side by side; all but the address is left to the defaults."""
    write_network((case.network for case in cases), folder / "network.yaml")
    content = {
        "network": "network.yaml",
        "store": {"url": "sqlite:///bellhop.db"},
        "telemetry": {"prometheus": {"url": address}, **telemetry},
    }
    config = folder / "bellhop.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config


def asked(*words: str | Path) -> list[dict[str, Any]]:
    """What `bellhop diagnose` answers, in a process of its own."""
    command = [sys.executable, "-m", "bot", "diagnose", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def embedded(case: Incident) -> Diagnosis:
    """What the path of `bellhop evaluate` says about the link in question."""
    rules = load_rules()
    window = window_of(case, rules)
    return diagnose(link=case.link, network=case.network, window=window, at=case.at, rules=rules)


def told(found: Diagnosis) -> tuple[str, list[tuple[str, str]], list[str]]:
    """What judges compare: the verdict, modes with their subjects, and what was missing."""
    return found.verdict, [(each.mode, each.subject.id) for each in found.findings], list(found.missing)


def told_line(line: dict[str, Any]) -> tuple[str, list[tuple[str, str]], list[str]]:
    """The same of a line of JSON."""
    return line["verdict"], [(each["mode"], each["subject"]["id"]) for each in line["diagnoses"]], line["missing"]


async def answers(cases: Sequence[Incident], folder: Path, address: str, *, later: float = 0.0) -> list[dict[str, Any]]:
    """A batch with one question about each incident, `later` seconds after its own instant."""
    questions = [{"id": place, "link": case.link, "at": instant(case.at + later)} for place, case in enumerate(cases)]
    file = folder / "questions.jsonl"
    file.write_text("".join(f"{json.dumps(question)}\n" for question in questions), encoding="utf-8")
    config = configured(folder, cases, address)
    return await asyncio.to_thread(asked, "--batch", file, "--format", "jsonl", "--config", config)


def instant(at: float, zone: timezone = UTC) -> str:
    """RFC 3339 to the millisecond."""
    return datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds")


async def test_a_real_prometheus_gives_the_answers_of_the_embedded_telemetry(
    cases: Sequence[Incident], database: Path, tmp_path: Path
) -> None:
    """One batch about incidents of every kind: verdict, modes, subjects, missing signals and confidences are equal."""
    async with running_prometheus(tmp_path, database=database) as address:
        lines = await answers(cases, tmp_path, address)
    assert [line["id"] for line in lines] == list(range(len(cases)))
    for case, line in zip(cases, lines, strict=True):
        expected = await asyncio.to_thread(embedded, case)
        assert is_right(case, said(expected)), case.kind
        assert told_line(line) == told(expected), case.kind
        confidences = [each["confidence"] for each in line["diagnoses"]]
        assert confidences == pytest.approx([each.confidence for each in expected.findings], abs=1e-4)


async def test_a_matcher_leaves_out_another_job_and_an_offset_is_understood(
    cases: Sequence[Incident], tmp_path: Path
) -> None:
    """A second job tells the same series backwards: a matcher keeps it out. The instant stands in another time zone."""
    case = next(case for case in cases if case.kind == "shared")
    shadow = dataclasses.replace(case, series={key: values[::-1] for key, values in case.series.items()})
    for each, job in ((case, "qnet"), (shadow, "rehearsal")):
        backfill(openmetrics(each, {"job": job}), tmp_path)
    async with running_prometheus(tmp_path, database=tmp_path / "data") as address:
        config = configured(tmp_path, cases, address, matchers={"job": "qnet"})
        words = (case.link, "--at", instant(case.at, EAST), "--format", "json", "--config", config)
        (line,) = await asyncio.to_thread(asked, *words)
        (mixed,) = await answers([case], tmp_path, address)
    expected = told(await asyncio.to_thread(embedded, case))
    assert told_line(line) == expected
    assert told_line(mixed) != expected, "the other job would have shown"


async def test_scrapes_half_as_often_and_a_question_between_them_find_the_same_modes(
    cases: Sequence[Incident], tmp_path: Path
) -> None:
    """Prometheus scrapes every 30 s, bellhop.yaml still says 15 s, and the question comes 7.3 s after the last."""
    for case in cases:
        backfill(openmetrics(case, {"job": "qnet"}, every=2), tmp_path)
    async with running_prometheus(tmp_path, database=tmp_path / "data") as address:
        lines = await answers(cases, tmp_path, address, later=7.3)
    for case, line in zip(cases, lines, strict=True):
        assert told_line(line) == told(await asyncio.to_thread(embedded, case)), case.kind
