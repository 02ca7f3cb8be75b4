"""Which stretches of telemetry to read for many questions, so that little is read twice and little is held at once.

The unit of all sizes here is the point: one subject (link or node) at one instant, all its signals together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from bot.flow.observe import neighbourhood
from bot.model.network import Network
from bot.telemetry import grid

MOST_POINTS = 480_000
"""What is held of one span: 500 subjects for four hours in steps of 15 s; about 60 MB. The next is read meanwhile."""
MOST_OF_A_WINDOW = MOST_POINTS // 4
"""One window takes at most this, so that a span has room for the windows beside it in time."""
MOST_NAMES = 1000
"""Subjects of a span at most: their names stand in each query. A query for all costs as much for each subject."""
COST_OF_ASKING = 2_000
"""Points that Prometheus delivers in the time that a set of queries takes however little it asks for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: what is wrong with `link` at `at`, Unix seconds."""

    link: str
    at: float


@dataclass(frozen=True, slots=True)
class Sight:
    """Questions that look through one window at one neighbourhood; `places` are their numbers in the batch."""

    start: float
    end: float
    places: tuple[int, ...]
    subjects: frozenset[str]


@dataclass(slots=True)
class Span:
    """A stretch of telemetry, Unix seconds, that is read at once, and the sights that are cut out of it."""

    start: float
    end: float
    subjects: set[str] = field(default_factory=set)
    sights: list[Sight] = field(default_factory=list)

    def add(self, sight: Sight) -> None:
        """Widen the span so that it holds the sight, too."""
        self.start, self.end = min(self.start, sight.start), max(self.end, sight.end)
        self.subjects |= sight.subjects
        self.sights.append(sight)


class Neighbourhoods:
    """What diagnoses of links look at beside them, and which links are near each other."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[str, frozenset[str]] = {}

    def of(self, link: str) -> frozenset[str]:
        """The ids of links and nodes that a diagnosis of `link` looks at."""
        if link not in self._known:
            self._known[link] = frozenset(neighbourhood(self._network, link))
        return self._known[link]

    def near(self, links: Iterable[str]) -> Iterator[str]:
        """The same links in an order that goes from neighbour to neighbour."""
        left = dict.fromkeys(links)
        seen: set[str] = set()
        while left:
            waiting = [next(iter(left))]
            del left[waiting[0]]
            for link in waiting:
                yield link
                for end in (each for each in self._network.links[link].ends if each not in seen):
                    seen.add(end)
                    found = [each.id for each in self._network.links_of(end) if each.id in left]
                    waiting.extend(found)
                    for each in found:
                        del left[each]


def plan(questions: Sequence[Question], network: Network, *, history: float, step: float) -> tuple[Span, ...]:
    """Spans with all sights of the questions, each once, in the order of the first question of each.

    `history` is the length of a question's window in s. Links that are near each other share spans, so that a busy
    batch reads each part of the network once over time, and a sparse one no more than the questions alone would.
    Raises UsageError when no instant fits into a window.
    """
    neighbourhoods = Neighbourhoods(network)
    instants = grid.aligned(start=-history, end=0.0, step=step).size
    regions = _regions((each.link for each in questions), neighbourhoods, min(MOST_NAMES, MOST_OF_A_WINDOW / instants))
    windows: dict[tuple[int, float, float], list[int]] = {}
    for place, question in enumerate(questions):
        times = grid.aligned(start=question.at - history, end=question.at, step=step)
        windows.setdefault((regions[question.link], float(times[0]), float(times[-1])), []).append(place)
    spans: list[Span] = []
    for _, region in groupby(sorted(windows), key=itemgetter(0)):
        spans += _spans((_sight(window, windows[window], questions, neighbourhoods) for window in region), step)
    for span in spans:
        span.sights.sort(key=lambda sight: sight.places[0])
    return tuple(sorted(spans, key=lambda span: span.sights[0].places[0]))


def _regions(links: Iterable[str], neighbourhoods: Neighbourhoods, most: float) -> Mapping[str, int]:
    """Link -> number of its part of the network; a part looks at `most` subjects, or has a single neighbourhood."""
    regions: dict[str, int] = {}
    subjects: set[str] = set()
    number = 0
    for link in neighbourhoods.near(links):
        own = neighbourhoods.of(link)
        if subjects and not own <= subjects and len(subjects | own) > most:
            subjects, number = set(), number + 1
        subjects |= own
        regions[link] = number
    return regions


def _sight(
    window: tuple[int, float, float],
    places: Sequence[int],
    questions: Sequence[Question],
    neighbourhoods: Neighbourhoods,
) -> Sight:
    _, start, end = window
    links = {questions[place].link for place in places}
    return Sight(start, end, tuple(places), frozenset().union(*(neighbourhoods.of(link) for link in links)))


def _spans(sights: Iterable[Sight], step: float) -> Iterator[Span]:
    """Sights of one region in the order of time: each joins the span before it, where that is cheaper than its own."""
    span: Span | None = None
    for sight in sights:
        alone = len(sight.subjects) * _instants(sight.start, sight.end, step) + COST_OF_ASKING
        if span is None or _added(span, sight, step) > alone:
            if span is not None:
                yield span
            span = Span(sight.start, sight.end)
        span.add(sight)
    if span is not None:
        yield span


def _added(span: Span, sight: Sight, step: float) -> float:
    """Points that a span grows by with a sight; inf where that is too much."""
    before = len(span.subjects) * _instants(span.start, span.end, step)
    subjects = len(span.subjects) + len(sight.subjects - span.subjects)
    after = subjects * _instants(span.start, max(span.end, sight.end), step)
    return after - before if after <= max(MOST_POINTS, before) else float("inf")


def _instants(start: float, end: float, step: float) -> int:
    return round((end - start) / step) + 1
