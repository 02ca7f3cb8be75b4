"""Diagnoses in sentences that a person can check: every one with its numbers."""

from bot.diagnosis.features import FEATURES
from bot.diagnosis.scene import Look
from bot.diagnosis.shifts import SIGNIFICANT
from bot.diagnosis.weigh import Case, Weighed
from bot.model.diagnosis import Evidence, Finding
from bot.model.network import Subject
from bot.model.time import format_instant

_WORTH_SAYING = 0.3
"""Log-likelihood ratios nearer to 0 than this say nothing to a person."""


def finding(case: Case, confidence: float) -> Finding:
    """A case as people and programs read it, the weightiest evidence first."""
    items = [*(evidence(item, case) for item in case.items if item.look is not None), *_changes(case)]
    speaking = sorted((item for item in items if item.weight > _WORTH_SAYING), key=lambda item: -item.weight)
    against = sorted((item for item in items if item.weight < -_WORTH_SAYING), key=lambda item: item.weight)
    return Finding(
        mode=case.mode.mode,
        name=case.mode.name,
        confidence=min(confidence, 0.9999),
        subject=case.subject,
        evidence=tuple(_each_once(speaking)),
        against=tuple(_each_once(against)),
        runbook=case.mode.runbook,
    )


def evidence(item: Weighed, case: Case) -> Evidence:
    """One observation with its numbers."""
    look = item.look
    if look is None:
        raise ValueError("nothing was seen")
    of = FEATURES[look.feature].of if look.feature in FEATURES else "link"
    moved = look.onset is not None and item.seen > 0.5 and item.rule.is_ != "steady"
    return Evidence(
        signal=look.signal,
        why=_reason(item),
        subject=Subject(kind=of, id=look.subject),
        baseline=look.baseline,
        observed=look.observed,
        onset=look.onset if moved else None,
        weight=item.weight,
    )


def _reason(item: Weighed) -> str:
    """Why it matters, and what its numbers do not say: where it is heading, what the model expected."""
    seen_not = item.rule.weight > 0 and item.weight < 0
    return ("not so: " if seen_not else "") + item.rule.why + _beside(item)


def _beside(item: Weighed) -> str:
    look = item.look
    if look is None:
        return ""
    if look.expected is not None:
        return f" (the model expects {look.expected:.4g})"
    return f" (heading for {look.settling:.4g})" if _heads_on(look) else ""


def seen(item: Weighed) -> str:
    """What was seen, in numbers."""
    look = item.look
    if look is None:
        return f"{item.rule.feature} is not measured"
    name = f"{look.signal} of {look.subject}"
    if look.expected is not None:
        return f"{name} is {look.observed:.4g} where the model expects {look.expected:.4g}"
    tells_shift = item.seen > 0.5 and item.rule.is_ != "steady"
    if not tells_shift and (abs(look.size) <= item.rule.by or look.significance <= SIGNIFICANT):
        return f"{name} stays near {look.baseline:.4g} ({look.observed:.4g} now)"
    word = "rose" if look.observed > look.baseline else "fell"
    since = f" since {format_instant(look.onset)[11:19]} UTC" if look.onset is not None else ""
    towards = f", heading for {look.settling:.4g}" if _heads_on(look) else ""
    return f"{name} {word} from {look.baseline:.4g} to {look.observed:.4g}{since}{towards}"


def _heads_on(look: Look) -> bool:
    return abs(look.settling - look.observed) > 0.1 * abs(look.observed - look.baseline)


def rejected(case: Case, explained: frozenset[str], because: str) -> str:
    """Why a neighbour was turned down, in one sentence with its strongest reason."""
    name = f"{case.mode.mode} {case.mode.name}"
    if case.missing:
        return f"{name}: cannot be decided without {', '.join(case.missing)}."
    weightiest = min(case.items, key=lambda item: item.weight)
    if case.change < min(weightiest.weight, 0.0):
        return f"{name}: the firmware of {case.subject.id} did not change near the onset."
    if weightiest.weight < 0 and weightiest.look is not None:
        return f"{name}: {seen(weightiest)}."
    common = [item.look.signal for item in case.items if item.look and item.rule.feature in explained]
    return f"{name}: {', '.join(dict.fromkeys(common)) or 'its evidence'} follows from {because}."


def fault_summary(findings: tuple[Finding, ...], attribution: dict[str, float], change: tuple[float, float]) -> str:
    """Two sentences: what and how sure; how the capacity changed and why."""
    first = findings[0]
    reason = _quoted(first.evidence[0]) if first.evidence else "see below"
    others = "".join(f" Also {each.name} ({each.mode}) of {each.subject}." for each in findings[1:])
    name = f"{first.subject.id}: {first.name} ({first.mode})"
    text = f"{name}, confidence {first.confidence:.0%}. Evidence: {reason}.{others}"
    before, now = change
    if before > 0 and now < 0.98 * before and attribution:
        part, share = max(attribution.items(), key=lambda pair: pair[1])
        text += f" The model's bound on capacity fell from {before:.4g} to {now:.4g} qubit/s;"
        text += f" {part} explains {share:.0%} of that."
    return text


def _quoted(item: Evidence) -> str:
    since = f" since {format_instant(item.onset)[11:19]} UTC" if item.onset is not None else ""
    numbers = ""
    if item.baseline is not None and item.observed is not None:
        numbers = f" {item.baseline:.4g} → {item.observed:.4g}"
    return f"{item.signal}{numbers}{since}, {item.why}"


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
