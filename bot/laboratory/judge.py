"""What a method said of an incident, beside what is true."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bot.laboratory.incidents import Incident
from bot.laboratory.kinds import Kind
from bot.model.diagnosis import Diagnosis, Verdict


class Named(msgspec.Struct, frozen=True):
    """A failure mode that was named, for a link or node, with its confidence (0..1; None where a method has none)."""

    mode: str
    subject: str
    confidence: float | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A method's answer about one link; `ranked` has the likeliest mode first."""

    link: str
    verdict: Verdict
    ranked: tuple[Named, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The mode named first, or the verdict where none is."""
        return self.ranked[0].mode if self.ranked else self.verdict


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One method's answers about one incident, judged."""

    said: Said
    """About the link that was asked."""
    right: bool
    """The first answer is right: a true mode, or the true verdict where there is none."""
    among_two: bool
    """A true mode is among the first two, or the verdict is right."""
    exact: bool | None
    """Neither a mode too few nor one too many; None for a method that ranks all of them."""
    subject: bool | None
    """The first mode was named for the link or node that has it; None where the first mode is not right."""
    truth: str
    """The row of the confusion: the true mode that was named first, else the root cause; or the true verdict."""
    untouched: int = 0
    """How many links were asked that nothing had touched."""
    alarms: tuple[Said, ...] = ()
    """Untouched links of which a fault was said."""
    unsure: int = 0
    """Untouched links that were called unknown."""
    siblings: int = 0
    """How many other links of a node with a fault were asked."""
    agreeing: int = 0
    """Of these, those on which the fault was named, with the node."""
    ages: int = 0
    """How many ages of the fault were asked."""
    delay_s: float | None = None
    """Youngest age from which every answer was right; None where there is none."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with the marks of each method that was asked."""

    kind: Kind
    seed: int
    name: str
    link: str
    expected: tuple[Named, ...]
    verdict: str
    marks: Mapping[str, Mark]


def said(diagnosis: Diagnosis) -> Said:
    """A diagnosis as an answer to judge."""
    ranked = tuple(Named(each.mode, each.subject.id, each.confidence) for each in diagnosis.findings)
    return Said(link=diagnosis.link, verdict=diagnosis.verdict, ranked=ranked, missing=diagnosis.missing)


def is_right(case: Incident, answer: Said) -> bool:
    """Whether the first answer about the asked link is right."""
    if case.verdict == "fault":
        return answer.first in {mode for mode, _ in case.expected}
    if case.verdict == "no fault":
        return answer.verdict != "fault"
    if case.verdict == "unknown":
        return answer.verdict == "unknown" and case.lacking in answer.missing
    return answer.verdict == case.verdict


def judge(
    case: Incident,
    answer: Said,
    others: Iterable[Said] = (),
    *,
    ranks_all: bool = False,
    ages: int = 0,
    delay_s: float | None = None,
) -> Mark:
    """Mark the answer about the asked link, and those about the other links among `others`.

    `ranks_all` is for a method that does not say where its ranking ends.
    """
    right, modes = is_right(case, answer), [mode for mode, _ in case.expected]
    named = [each.mode for each in answer.ranked]
    everyone = tuple(others)
    calm = [other for other in everyone if other.link not in case.touched]
    siblings = [other for other in everyone if other.link != case.link and _shares(case, other.link)]
    subject = (answer.ranked[0].mode, answer.ranked[0].subject) in case.expected if right and modes else None
    return Mark(
        said=answer,
        right=right,
        among_two=right or any(mode in modes for mode in named[:2]),
        exact=None if ranks_all else right and (not modes or sorted(named) == sorted(modes)),
        subject=subject,
        truth=_truth(case, answer, modes),
        untouched=len(calm),
        alarms=tuple(other for other in calm if other.verdict == "fault"),
        unsure=sum(other.verdict == "unknown" for other in calm),
        siblings=len(siblings),
        agreeing=sum(any((each.mode, each.subject) in case.expected for each in other.ranked) for other in siblings),
        ages=ages,
        delay_s=delay_s,
    )


def _shares(case: Incident, link: str) -> bool:
    """Whether the link ends at a node that is the subject of a fault."""
    return any(subject in case.network.links[link].ends for _, subject in case.expected)


def _truth(case: Incident, answer: Said, modes: Sequence[str]) -> str:
    if modes:
        return answer.first if answer.first in modes else modes[0]
    if case.verdict == "no fault":
        return answer.verdict if answer.verdict != "fault" else "healthy"
    return case.verdict
