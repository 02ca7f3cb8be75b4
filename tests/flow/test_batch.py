"""Many diagnoses at once: the same answers as one by one, from few queries over bounded stretches of time."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from bot.clock import SystemClock
from bot.diagnosis.rules import load_rules
from bot.errors import TelemetryUnavailableError
from bot.flow.batch import Batch, Question
from bot.flow.observe import Observer, neighbourhood
from bot.flow.spans import COST_OF_ASKING, MOST_POINTS, Neighbourhoods, Span, plan
from bot.model.diagnosis import Diagnosis
from bot.model.network import Network
from bot.settings import Far, TelemetrySettings
from bot.simulator.history import openmetrics_history
from bot.simulator.scenarios import SCENARIOS, demo_network
from bot.simulator.simulation import Simulation
from bot.telemetry.prometheus import PrometheusTelemetry
from tests.support.prometheus import Asked, Reply, backfill, far_side, running_prometheus
from tests.support.wide_network import wide_network

START = 1_790_000_400.0
"""A multiple of the step of 15 s."""
HOUR_S, STEP_S = 3600.0, 15.0
FAULT_AFTER_S = 5400.0
NETWORK = demo_network()
RULES = load_rules()
EMPTY = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'
SIGNALS = len(RULES.signals)


@asynccontextmanager
async def asking(address: str, network: Network = NETWORK) -> AsyncIterator[tuple[Observer, Batch]]:
    """One observer, and the batch beside it, on a Prometheus."""
    settings = TelemetrySettings(prometheus=Far(url=address, timeout=60.0))
    telemetry = PrometheusTelemetry(Far(url=address, timeout=60.0))
    observer = Observer(telemetry=telemetry, network=network, rules=RULES, settings=settings, clock=SystemClock())
    try:
        yield observer, Batch(observer, telemetry, settings)
    finally:
        await telemetry.aclose()


RING = wide_network(24)
"""Twelve nodes: no link's neighbourhood is the whole network."""
STORIES = {
    "demo": (NETWORK, [(fault.mode, fault.subject) for fault in (SCENARIOS["f1"], SCENARIOS["f8"])]),
    "ring": (RING, [("F1", "link-00003"), ("F8", "node-00008"), ("F4", "link-00018"), ("F7", "link-00012")]),
}


def history(folder: Path, network: Network, faults: Sequence[tuple[str, str]]) -> Path:
    """Two and a half hours of a network; faults begin after an hour and a half, one every ten minutes."""
    simulation = Simulation(network, seed=5, start=START)
    for number, (mode, subject) in enumerate(faults):
        simulation.inject(mode, subject, severity=0.7, delay_s=FAULT_AFTER_S + 600.0 * number)
    lines = openmetrics_history(simulation, start=START, end=START + 2.5 * HOUR_S, step=STEP_S)
    return backfill("".join(lines), folder)


async def batched(batch: Batch, questions: Sequence[Question]) -> list[Diagnosis]:
    """The answers in the order of the questions."""
    found = {place: diagnosis async for place, diagnosis in batch.answers(questions)}
    assert sorted(found) == list(range(len(questions)))
    return [found[place] for place in range(len(questions))]


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("story", sorted(STORIES))
async def test_batch_gives_each_question_the_answer_that_it_gets_alone(story: str, tmp_path: Path) -> None:
    """On and off the grid, twice the same, half an hour apart, before all data and in the future: field by field.

    Only the curves that pages draw are left out: no line of the batch has them.
    """
    network, faults = STORIES[story]
    draw = random.Random(1)
    links = sorted(network.links)
    ages = [-86_400.0, 10.0, 1800.0, 5700.0, 5700.0, 5707.3, 5714.9, 5715.0, 6900.0, 7500.0, 8100.0, 9000.0, 4e7]
    questions = [Question(link, START + age) for age in ages for link in draw.sample(links, 8)]
    questions += draw.sample(questions, 5)
    draw.shuffle(questions)
    async with (
        running_prometheus(tmp_path, database=history(tmp_path, network, faults)) as address,
        asking(address, network) as (observer, batch),
    ):
        together = await batched(batch, questions)
        for question, found in zip(questions, together, strict=True):
            alone = await observer.diagnose(question.link, question.at)
            assert found == msgspec.structs.replace(alone, traces=()), question
    assert {each.verdict for each in together} == {"fault", "healthy", "unknown"}
    absent = [each for each in together if not START < each.at < START + 3 * HOUR_S]
    assert len(absent) >= 10
    assert {each.verdict for each in absent} == {"unknown"}
    assert all("physical_loss_ratio" in each.missing for each in absent)


async def test_a_thousand_questions_of_an_afternoon_take_one_set_of_queries() -> None:
    """Instants over four hours on eight links: one range query per signal answers all."""
    questions = [Question(link, START + 144.0 * number) for number in range(100) for link in sorted(NETWORK.links)]
    with far_side(lambda _: Reply(EMPTY)) as prometheus:
        async with asking(prometheus.address) as (_, batch):
            found = await batched(batch, questions)
    assert {each.verdict for each in found} == {"unknown"}
    assert len(prometheus.asked) == SIGNALS


async def test_only_the_neighbourhood_is_asked_for_where_few_links_are_meant() -> None:
    """Two links of a network of three thousand: their names, those of their neighbours, and no others."""
    network = wide_network(3000)
    links = ["link-00000", "link-00001"]
    with far_side(lambda _: Reply(EMPTY)) as prometheus:
        async with asking(prometheus.address, network) as (_, batch):
            await batched(batch, [Question(link, START) for link in links])
    names = {name for link in links for name in neighbourhood(network, link)}
    for query in prometheus.queries:
        assert all(name in query for name in names)
        assert not any(name in query for name in set(network.links) - names)


async def test_answers_so_far_come_before_the_error_when_prometheus_goes_away() -> None:
    """The second day is refused: all of the first is answered, then comes one error."""
    served = itertools.count(1)

    def answering(asked: Asked) -> Reply:
        del asked
        return Reply(EMPTY) if next(served) <= SIGNALS else Reply(b"gone", status=503)

    questions = [Question(link, START + day * 86_400.0) for day in range(2) for link in sorted(NETWORK.links)]
    with far_side(answering) as prometheus:
        async with asking(prometheus.address) as (_, batch):
            answers = batch.answers(questions)
            answered = [(await anext(answers))[0] for _ in NETWORK.links]
            with pytest.raises(TelemetryUnavailableError, match="503"):
                await anext(answers)
    assert sorted(answered) == list(range(len(NETWORK.links)))


async def test_whoever_stops_listening_stops_the_questions() -> None:
    """After the first answer nothing more is asked than the one span that is read ahead."""
    questions = [Question("ams-rtm", START + day * 86_400.0) for day in range(50)]
    with far_side(lambda _: Reply(EMPTY)) as prometheus:
        async with asking(prometheus.address) as (_, batch):
            answers = batch.answers(questions)
            await anext(answers)
            await answers.aclose()
            assert len(asyncio.all_tasks()) == 1
        assert len(prometheus.asked) <= 2 * SIGNALS


def points(spans: Sequence[Span]) -> Iterator[float]:
    """Subjects times instants of each span."""
    return ((round((span.end - span.start) / STEP_S) + 1) * len(span.subjects) for span in spans)


@pytest.mark.parametrize("seed", range(5))
def test_each_question_has_one_sight_with_its_window_and_neighbourhood(seed: int) -> None:
    """Random links and instants: nothing is left out, nothing twice, and no span holds more than it may."""
    draw = random.Random(seed)
    network = wide_network(draw.choice([20, 400, 2000]))
    links = sorted(network.links)
    spread = draw.choice([600.0, 20_000.0, 1e6])
    questions = [Question(draw.choice(links), START + draw.randint(0, int(4 * spread)) / 4) for _ in range(1500)]
    spans = plan(questions, network, history=HOUR_S, step=STEP_S)
    places = [place for span in spans for sight in span.sights for place in sight.places]
    assert sorted(places) == list(range(len(questions)))
    for span in spans:
        for sight in span.sights:
            assert span.start <= sight.start <= sight.end <= span.end
            assert sight.subjects <= span.subjects
            for place in sight.places:
                at = questions[place].at
                assert sight.subjects >= set(neighbourhood(network, questions[place].link))
                assert at - STEP_S < sight.end <= at
                assert at - HOUR_S <= sight.start < at - HOUR_S + STEP_S
    assert max(points(spans)) <= MOST_POINTS


def test_a_day_of_a_whole_network_is_read_with_little_twice() -> None:
    """Every ten minutes all of 500 links: at most one and a half times the points that the day has."""
    network = wide_network(500)
    questions = [Question(link, START + 600.0 * number) for number in range(145) for link in network.links]
    spans = plan(questions, network, history=HOUR_S, step=STEP_S)
    subjects = len(network.links) + len(network.nodes)
    assert sum(points(spans)) <= 1.5 * subjects * (86_400 + HOUR_S) / STEP_S
    assert max(points(spans)) <= MOST_POINTS


@pytest.mark.parametrize("spread_s", [3600, 86_400, 30 * 86_400])
def test_questions_at_random_read_no_more_than_alone_and_no_more_than_everything(spread_s: int) -> None:
    """Dense or sparse in time: at most the points of the questions one by one, and half as much again as all there is.

    A set of queries is counted as the points that Prometheus delivers in its time.
    """
    draw = random.Random(3)
    network = wide_network(1000)
    neighbourhoods = Neighbourhoods(network)
    links = sorted(network.links)
    questions = [Question(draw.choice(links), START + draw.randrange(spread_s)) for _ in range(4000)]
    spans = plan(questions, network, history=HOUR_S, step=STEP_S)
    cost = sum(points(spans)) + COST_OF_ASKING * len(spans)
    alone = sum(len(neighbourhoods.of(each.link)) * (HOUR_S / STEP_S + 1) + COST_OF_ASKING for each in questions)
    everything = (len(network.links) + len(network.nodes)) * (spread_s + HOUR_S) / STEP_S
    assert cost <= min(alone, 1.5 * everything)


def test_distant_instants_are_not_bridged() -> None:
    """Two questions a year apart read two hours, not a year."""
    questions = [Question("ams-rtm", START), Question("ams-rtm", START + 3.15e7)]
    spans = plan(questions, NETWORK, history=HOUR_S, step=STEP_S)
    assert [span.end - span.start for span in spans] == [HOUR_S, HOUR_S]
