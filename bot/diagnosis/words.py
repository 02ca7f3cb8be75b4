"""Diagnoses in sentences that a person can check: every one with its numbers."""

import math
from collections.abc import Mapping, Sequence

from bot.diagnosis.features import FEATURES
from bot.diagnosis.phrases import confidence, named, parameter, plain, quotient, share, span, value
from bot.diagnosis.scene import Look
from bot.diagnosis.shifts import SIGNIFICANT
from bot.diagnosis.weigh import Case, Weighed
from bot.model.diagnosis import Evidence, Finding
from bot.model.network import Subject
from bot.model.time import format_instant

_WORTH_SAYING = 0.3
"""Log-likelihood ratios nearer to 0 than this say nothing to a person."""
_DROP = 0.98
"""A bound on capacity above this share of what it was is said to stay."""


def finding(case: Case, probability: float, subject: Subject, also: Sequence[Evidence] = ()) -> Finding:
    """A case as people and programs read it, the weightiest evidence first."""
    items = [*(evidence(item) for item in _counted(case) if item.look is not None), *_changes(case), *also]
    speaking = sorted((item for item in items if item.weight > _WORTH_SAYING), key=lambda item: -item.weight)
    against = sorted((item for item in items if item.weight < -_WORTH_SAYING), key=lambda item: item.weight)
    return Finding(
        mode=case.mode.mode,
        name=case.mode.name,
        confidence=min(probability, 0.9999),
        subject=subject,
        evidence=tuple(_each_once(speaking)),
        against=tuple(_each_once(against)),
        runbook=case.mode.runbook,
    )


def evidence(item: Weighed) -> Evidence:
    """One observation with its numbers; raises ValueError when there is none."""
    look = item.look
    if look is None:
        raise ValueError("nothing was seen")
    of = FEATURES[look.feature].of if look.feature in FEATURES else "link"
    moved = look.onset is not None and item.seen > 0.5 and item.rule.is_ != "steady"
    seen_not = item.rule.weight > 0 and item.weight < 0
    return Evidence(
        signal=look.signal,
        why=("not so: " if seen_not else "") + item.rule.why + _beside(look),
        subject=Subject(kind=of, id=look.subject),
        baseline=look.baseline,
        observed=look.observed,
        onset=look.onset if moved else None,
        weight=item.weight,
    )


def together(case: Case, subject: Subject, links: Sequence[str], risk: str) -> list[Evidence]:
    """That others have the same fault since the same time, as evidence."""
    if not links:
        return []
    whose = f"share {risk} with it and" if risk else f"are the other links of {subject.id} and"
    text = f"{_listed(links)} {whose} have the same signs since the same time"
    if len(links) == 1:
        whose = f"shares {risk} with it and" if risk else f"is the other link of {subject.id} and"
        text = f"{links[0]} {whose} has the same signs since the same time"
    item = next((item for item in case.required if item.look is not None), None)
    signal = item.look.signal if item is not None and item.look is not None else ""
    return [Evidence(signal=signal, why=text, subject=Subject(kind="link", id=links[0]), onset=case.onset, weight=1.0)]


def shifted(look: Look) -> str:
    """What moved, from where to where, since when."""
    part = quotient(look.feature, look.size)
    if part is not None:
        word = "rose" if look.size > 0 else "fell"
        return f"{part[0]} of {look.subject} {word} to {part[1]} of before{clock(look.onset)}"
    word = "rose" if look.observed > look.baseline else "fell"
    moved = span(look.signal, look.baseline, look.observed)
    return f"{named(look.signal)} of {look.subject} {word} {moved}{clock(look.onset)}"


def clock(onset: float | None) -> str:
    """Since when, to the second; empty when nobody knows."""
    return "" if onset is None else f" since {format_instant(onset)[11:19]} UTC"


def rejected(case: Case, explained: Mapping[str, float], because: str) -> str:
    """Why a neighbour was turned down, in one sentence with its strongest reason."""
    name = f"{case.mode.mode} {case.mode.name}"
    if case.missing:
        return f"{name}: cannot be decided without {_listed(case.missing)}."
    weightiest = min(_counted(case), key=lambda item: item.weight)
    if case.mode.change is not None and case.change < min(weightiest.weight, 0.0):
        within = f"{plain(case.mode.change.within)} s of the onset"
        return f"{name}: the firmware of {case.subject.id} did not change within {within}."
    if weightiest.weight < 0 and weightiest.look is not None:
        spoke_against = weightiest.rule in case.mode.against
        return f"{name}: {_seen(weightiest)}{f'; {weightiest.rule.why}' if spoke_against else ''}."
    common = [item.look for item in case.items if item.look is not None and item.is_explained(explained)]
    told = next((look for look in common if look.onset is not None), None)
    return f"{name}: {'its evidence' if told is None else shifted(told)}, which follows from {because}."


def fault_summary(
    findings: Sequence[Finding],
    link: str,
    attribution: Mapping[str, float],
    change: tuple[float, float],
    security: str = "",
) -> str:
    """Two sentences: what, how sure and why; how the capacity changed and through what."""
    whose = findings[0].subject.id
    text = "; also ".join(_told(each, whose) for each in findings)
    return f"{whose}: {text}. {_bound(link, attribution, change)}{f'; {security}' if security else ''}."


def _bound(link: str, attribution: Mapping[str, float], change: tuple[float, float]) -> str:
    """How the model's bound on the capacity of a link changed, and through what."""
    before, now = change
    if math.isnan(now):
        return f"How many pairs {link} makes is not measured, so nothing is said of its capacity"
    if not before > 0 or now >= _DROP * before:
        return f"The model's bound on the capacity of {link} stays near {plain(now)} qubit/s"
    text = f"The model's bound on the capacity of {link} fell from {plain(before)} to {plain(now)} qubit/s"
    part, most = max(attribution.items(), key=lambda pair: pair[1], default=("", 0.0))
    return f"{text}, {'all' if most > 0.995 else f'{most:.0%}'} of it through {parameter(part)}" if most > 0 else text


def _told(each: Finding, whose: str) -> str:
    of = "" if each.subject.id == whose else f" of {each.subject.id}"
    text = f"{each.name} ({each.mode}){of} with {confidence(each.confidence)} confidence"
    shown = [item for item in each.evidence if item.baseline is not None and item.observed is not None and item.onset]
    return f"{text}, because {_quoted(shown[0], each)}" if shown else text


def _quoted(item: Evidence, each: Finding) -> str:
    if item.baseline is None or item.observed is None:
        return item.why
    word = "rose" if item.observed > item.baseline else "fell"
    of = "" if item.subject is None or item.subject == each.subject else f" of {item.subject.id}"
    its = "its " if not of else ""
    return f"{its}{named(item.signal)}{of} {word} {span(item.signal, item.baseline, item.observed)}{clock(item.onset)}"


def _beside(look: Look) -> str:
    """What its numbers do not say: where it is heading, what the model expected."""
    if look.expected is not None:
        return f" (the model expects {share(look.expected)} to succeed)"
    part = quotient(look.feature, look.size)
    if part is not None:
        return f" ({part[0]} now {part[1]} of before)"
    return f" (heading for {value(look.signal, look.settling)})" if _heads_on(look) else ""


def _seen(item: Weighed) -> str:
    """What was seen, in numbers."""
    look = item.look
    if look is None:
        return f"{item.rule.feature} is not measured"
    name = f"{named(look.signal)} of {look.subject}"
    if look.expected is not None:
        return f"{name} is {value(look.signal, look.observed)} where the model expects {share(look.expected)}"
    tells_shift = item.seen > 0.5 and item.rule.is_ != "steady"
    if item.rule.is_ in ("above", "below"):
        level = value(look.signal, item.rule.by)
        return f"{name} is {value(look.signal, look.observed)}, {'' if item.seen else 'not '}{item.rule.is_} {level}"
    if not tells_shift and (abs(look.size) <= item.rule.by or look.significance <= SIGNIFICANT):
        part = quotient(look.feature, look.size)
        if part is not None:
            return f"{part[0]} of {look.subject} are at {part[1]} of before"
        return f"{name} stays near {value(look.signal, look.baseline)} ({value(look.signal, look.observed)} now)"
    towards = f", heading for {value(look.signal, look.settling)}" if _heads_on(look) else ""
    return shifted(look) + towards


def _heads_on(look: Look) -> bool:
    if quotient(look.feature, look.size) is not None:
        return False
    return abs(look.settling - look.observed) > 0.1 * abs(look.observed - look.baseline)


def _counted(case: Case) -> list[Weighed]:
    """What the score of a case rests on: of alternatives that speak against it, none beside one that speaks better."""
    best: dict[str, float] = {}
    for item in case.items:
        if item.rule.one_of and item.look is not None:
            best[item.rule.one_of] = max(item.weight, best.get(item.rule.one_of, -math.inf))
    return [
        item
        for item in case.items
        if item.look is None or item.weight >= min(0.0, best.get(item.rule.one_of, -math.inf))
    ]


def _changes(case: Case) -> list[Evidence]:
    if case.mode.change is None or case.changed_at is None:
        return []
    at, before, after = case.changed_at
    near = case.change > 0
    said = f"firmware of {case.subject.id} changed from {before} to {after} at {format_instant(at)[11:19]} UTC"
    return [
        Evidence(
            signal=case.mode.change.signal,
            why=f"{said}: {case.mode.change.why}" if near else f"{said}, not near the onset",
            subject=case.subject,
            onset=at,
            weight=case.change,
        )
    ]


def _each_once(items: list[Evidence]) -> list[Evidence]:
    kept: dict[tuple[str, str], Evidence] = {}
    for item in items:
        kept.setdefault((item.signal, item.subject.id if item.subject else ""), item)
    return list(kept.values())


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
