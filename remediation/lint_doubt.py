"""What only some runs know: outputs of steps that may be skipped, jumped over, or broken off half way."""

from collections.abc import Iterator, Mapping

from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import Case, Place, Where
from remediation.schema import Branch, Step
from remediation.template import asks_whether, names_of, texts

_ALWAYS = frozenset({"ok", "error", "skipped"})
"""Parts that a step has whatever became of it."""


def doubts(case: Case) -> Iterator[Fault]:
    """Templates that fail in the runs that went another way; a step that asks beforehand does not."""
    for place in case.places:
        step = place.step
        when = {"when": step.when}
        rest = {"with": step.parameters, "idempotency": step.idempotency}
        rest |= {"approval": {"required": step.approval.required}} if step.approval else {}
        asked = _asked(step.when)
        for path, text in [*texts(when), *texts(rest)]:
            known = frozenset() if path[0] == "when" else asked
            yield from _unsure(case, place, (*place.path, *path), text, known)
        if step.rollback is not None:
            yield from _half_done(case, place)


def _unsure(case: Case, place: Place, path: Where, text: str, asked: frozenset[str]) -> Iterator[Fault]:
    for name, parts in _looks_back(text):
        if name in asked or asks_whether(text):
            continue
        if jump := _jumps_over(case, name, place.at):
            told = f"{name} is not there when {jump} jumps over it: ask whether steps.{name} is defined"
            yield case.fault(path, told, Severity.WARNING)
        elif _gives(parts) and (why := _may_lack(case, name)):
            told = f"steps.{name}.{'.'.join(parts)} is not there when {why}: ask for steps.{name}.ok in `when`"
            yield case.fault(path, told, Severity.WARNING)


def _gives(parts: list[str]) -> bool:
    return len(parts) > 1 and parts[0] in ("output", "before") and parts[1] not in _ALWAYS


def _half_done(case: Case, place: Place) -> Iterator[Fault]:
    """A way back that needs what the act only gives once it is over."""
    rollback = place.step.rollback
    for path, text in texts(rollback.parameters if rollback else {}):
        for name, parts in _looks_back(text):
            if name == place.step.id and len(parts) > 1 and parts[0] == "output" and parts[1] not in _ALWAYS:
                told = f"an act that broke off half way has no output: take it from steps.{name}.before"
                yield case.fault((*place.path, "rollback", "with", *path), told, Severity.WARNING)


def _asked(when: str | bool) -> frozenset[str]:
    """The steps that a condition asks about; what it asks it is trusted to have asked well."""
    return frozenset(name for name, _ in _looks_back(when)) if isinstance(when, str) else frozenset()


def _looks_back(text: str) -> list[tuple[str, list[str]]]:
    try:
        names = sorted(names_of(text)) if "{{" in text or "{%" in text else []
    except TemplateError:
        return []
    split = [name.split(".") for name in names if name.startswith("steps.")]
    whole = [parts for parts in split if not any(each[: len(parts)] == parts and each != parts for each in split)]
    return [(parts[1], parts[2:]) for parts in whole]


def _jumps_over(case: Case, name: str, at: int) -> str:
    """The step or group whose jump may pass over a step on the way to the part at a place."""
    steps = case.runbook.spec.steps
    places: Mapping[str, int] = {part.id: number for number, part in enumerate(steps)}
    places = {**places, **{each.step.id: each.at for each in case.places}}
    over = places.get(name, at)
    for number, part in enumerate(steps[:over]):
        target = places.get(part.on_failure.removeprefix("goto:"), -1) if part.on_failure.startswith("goto:") else -1
        if number < over < target <= at:
            return part.id
    return ""


def _may_lack(case: Case, name: str) -> str:
    """Why a step may have given nothing though the run went on."""
    found = next((each for each in case.places if each.step.id == name), None)
    if found is None or (isinstance(found.step, Step) and found.step.foreach):
        return ""
    part = case.runbook.spec.steps[found.at]
    if str(found.step.when).lower() != "true":
        return f"{name} is skipped"
    told = f"{name} fails"
    excused = isinstance(found.step, Branch) and found.step.on_failure == "continue"
    goes_on = part.on_failure == "continue" or part.on_failure.startswith("goto:")
    return told if excused or goes_on else ""
