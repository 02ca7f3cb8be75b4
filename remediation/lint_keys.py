"""What must tell one thing from another: the place that a run has for itself, and the keys of its acts."""

import re
from collections.abc import Iterator

from remediation.errors import Fault, Severity, TemplateError
from remediation.lint_case import PLACES, Case, Place, Where
from remediation.template import names_of, render

_EXCLUSIVE: Where = ("spec", "guard", "exclusive")
_LOOKING = ("telemetry.",)
_IN_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def exclusive(case: Case) -> Iterator[Fault]:
    """A guard that would hold nothing: at run time it is refused, and then the runbook never runs."""
    text = case.runbook.spec.guard.exclusive
    if not text:
        return
    try:
        names, place = names_of(text), str(render(text, case.scope()))
    except TemplateError:
        return  # told where all templates are looked at
    kind, _, name = place.partition(":")
    if kind not in PLACES or not name or name != name.strip():
        yield case.fault(_EXCLUSIVE, f"exclusive is {place!r}: write link:NAME, node:NAME or flow:NAME")
        return
    for each in sorted(names):
        if each.startswith("run."):
            yield case.fault(_EXCLUSIVE, f"{each} names no {kind}: exclusive would hold something else in each run")
        declared = case.runbook.spec.inputs.get(each.removeprefix("inputs."))
        if declared is not None and each.startswith("inputs.") and declared.type not in (kind, "text"):
            yield case.fault(_EXCLUSIVE, f"exclusive holds a {kind}, and {each} is a {declared.type}")


def keys(case: Case) -> Iterator[Fault]:
    """Keys that another run or another step has too: the controller would take the second act for the first."""
    seen: dict[str, str] = {}
    for place in case.places:
        text = place.step.idempotency
        if not text or place.step.action.startswith(_LOOKING):
            continue
        key = _IN_BRACES.sub(lambda found: "".join(found[0].split()), text)
        if (other := seen.setdefault(key, place.step.id)) != place.step.id:
            told = f"step {other} has the same key, so the controller would take this act for that one"
            yield case.fault((*place.path, "idempotency"), told)
        yield from _of_every_run(case, place, text)


def _of_every_run(case: Case, place: Place, text: str) -> Iterator[Fault]:
    try:
        names = names_of(text) if "{{" in text or "{%" in text else frozenset()
    except TemplateError:
        return
    if "run.id" in names:
        return
    told = "the key is the same in every run, so the next run's act would be passed over as a repeat"
    yield case.fault((*place.path, "idempotency"), f"{told}: put {{{{ run.id }}}} into it", Severity.WARNING)
