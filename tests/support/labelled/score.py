"""Score the diagnosis on labelled incidents: `python -m tests.support.labelled.score --seeds 80`."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.clock import FastClock
from bot.diagnosis.engine import diagnose_many
from bot.diagnosis.rules import Rules, load_rules
from bot.model.diagnosis import Diagnosis
from bot.model.telemetry import Window
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.support.labelled.incidents import Incident, Kind, incident
from tests.support.labelled.page import pages

KINDS: tuple[Kind, ...] = ("single", "compound", "confusable", "benign", "missing")
HISTORY_S = 3600.0
EXPORTER = "http://labelled"


async def _window(case: Incident, signals: Sequence[str]) -> Window:
    telemetry = EmbeddedTelemetry([EXPORTER], clock=FastClock(start=case.at, speed=1.0))
    try:
        for at, text in zip(case.times, pages(case.series), strict=True):
            if case.at - at <= HISTORY_S + 400:
                telemetry.feed(EXPORTER, float(at), text)
        return await telemetry.window(signals, start=case.at - HISTORY_S, end=case.at, step=15)
    finally:
        await telemetry.aclose()


def window_of(case: Incident, rules: Rules) -> Window:
    """The hour before the question, fed page by page through embedded telemetry."""
    return asyncio.run(_window(case, rules.signals))


@dataclass(slots=True)
class Tally:
    """Counts over incidents of one kind."""

    asked: int = 0
    first: int = 0
    second: int = 0
    both: int = 0
    subject: int = 0
    named: int = 0
    alarms: int = 0
    quiet: int = 0
    """Links that nothing touched."""
    confidence: list[tuple[float, bool]] = field(default_factory=list)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Incident, answers: Sequence[Diagnosis]) -> None:
        """Count one incident with the answers for all its links."""
        by_link = {answer.link: answer for answer in answers}
        self.asked += 1
        self._quiet(case, by_link)
        answer = by_link[case.link]
        right = self._judge(case, answer)
        self.first += right
        found = [f"{each.mode}@{each.subject.id}" for each in answer.findings]
        if not right:
            self.wrong.append(f"{case.seed} {case.name} {case.link}: {case.expected} -> {answer.verdict} {found}")
        self.confusion[case.name, answer.findings[0].mode if answer.findings else answer.verdict] += 1

    def _quiet(self, case: Incident, by_link: dict[str, Diagnosis]) -> None:
        for link, answer in by_link.items():
            if link not in case.touched:
                self.quiet += 1
                self.alarms += answer.verdict == "fault"
                if answer.verdict != "healthy":
                    names = [each.mode for each in answer.findings]
                    self.wrong.append(f"{case.seed} {case.name} untouched {link}: {answer.verdict} {names}")

    def _judge(self, case: Incident, answer: Diagnosis) -> bool:
        if case.verdict == "no fault":
            return answer.verdict != "fault"
        if case.verdict == "unknown":
            return answer.verdict == "unknown" and case.lacking in answer.missing
        if case.verdict == "healthy":
            return answer.verdict == "healthy"
        modes, found = [mode for mode, _ in case.expected], answer.findings
        hit = bool(found) and found[0].mode in modes
        self.second += any(each.mode in modes for each in found[:2])
        self.both += set(modes) == {each.mode for each in found}
        if hit:
            self.named += 1
            self.subject += (found[0].mode, found[0].subject.id) in case.expected
        if found:
            self.confidence.append((found[0].confidence, hit))
        return hit


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over ten bins of confidence."""
    if not pairs:
        return 0.0
    confidence, right = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(right[bins == each].sum() - confidence[bins == each].sum()) for each in np.unique(bins)]
    return float(np.sum(gaps) / len(pairs))


def incidents(seeds: Sequence[int], kinds: Sequence[Kind] = KINDS) -> Iterator[Incident]:
    """The incidents of these seeds, one of each kind per seed."""
    return (incident(kind, seed) for seed in seeds for kind in kinds)


def score(
    seeds: Sequence[int], rules: Rules, *, kinds: Sequence[Kind] = KINDS, progress: bool = False
) -> dict[Kind, Tally]:
    """Diagnose the incidents of these seeds and count."""
    tallies: dict[Kind, Tally] = {kind: Tally() for kind in KINDS}
    for number, case in enumerate(incidents(seeds, kinds), 1):
        answers = diagnose_many(
            list(case.network.links), network=case.network, window=window_of(case, rules), at=case.at, rules=rules
        )
        tallies[case.kind].add(case, answers)
        if progress and number % 10 == 0:
            print(f"\r{number}/{len(seeds) * len(kinds)}", end="", file=sys.stderr, flush=True)  # noqa: T201
    return tallies


def report(tallies: dict[Kind, Tally]) -> str:
    """The scores as text."""
    lines = []
    for kind, tally in tallies.items():
        if not tally.asked:
            continue
        line = f"{kind:10} n={tally.asked:4} top-1 {tally.first / tally.asked:6.1%}"
        if tally.named:
            line += f" top-2 {tally.second / tally.asked:6.1%} exact {tally.both / tally.asked:6.1%}"
            line += f" subject {tally.subject / tally.named:6.1%} calibration {calibration_error(tally.confidence):.3f}"
        lines.append(line)
    pairs = [pair for tally in tallies.values() for pair in tally.confidence]
    alarms, quiet = (sum(getattr(tally, name) for tally in tallies.values()) for name in ("alarms", "quiet"))
    lines.append(f"untouched links {quiet}, false alarms {alarms} ({alarms / max(quiet, 1):.2%})")
    lines.append(f"calibration error over all {calibration_error(pairs):.3f}")
    for kind, tally in tallies.items():
        for (truth, said), count in sorted(tally.confusion.items()):
            lines.append(f"  {kind:10} {truth:28} -> {said:8} {count}")
        lines += [f"    {text}" for text in tally.wrong]
    return "\n".join(lines)


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=80, help="how many seeds; each is one incident of every kind")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated")
    options = parser.parse_args()
    began = time.monotonic()
    seeds, kinds = range(options.first, options.first + options.seeds), options.kinds.split(",")
    text = report(score(seeds, load_rules(), kinds=kinds, progress=True))
    print(f"\n{text}\n{time.monotonic() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
