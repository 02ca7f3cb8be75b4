"""Whether a step is ever done: conditions that can never hold, or that come to neither true nor false."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from remediation.errors import Fault, TemplateError
from remediation.lint_case import Case, Place
from remediation.schema import Branch, Step
from remediation.template import names_of, render


def reach(case: Case) -> Iterator[Fault]:
    """Steps whose condition can never hold, given that the run only gets there when earlier steps succeeded."""
    certain: dict[str, Any] = {}
    jumps = any(part.on_failure.startswith("goto:") for part in case.runbook.spec.steps)
    for part, places in groupby(case.places, key=lambda place: place.at):
        ends = case.runbook.spec.steps[part].on_failure in ("stop", "rollback") and not jumps
        known = dict(certain)
        for place in places:
            step = place.step
            yield from _no_condition(case, place)
            holds = _holds(step, {"steps": known})
            if holds is False:
                yield case.fault((*place.path, "when"), f"step {step.id} is never reached: {_why(step)}")
            if holds and ends and step.on_failure != "continue" and not getattr(step, "foreach", ""):
                certain[step.id] = {"ok": True, "output": {"ok": True}}


def _why(step: Step | Branch) -> str:
    bare = isinstance(step.when, str) and "{{" not in step.when and "{%" not in step.when
    return "its condition can never hold" + (f": write {{{{ {step.when} }}}}" if bare and "." in str(step.when) else "")


def _no_condition(case: Case, place: Place) -> Iterator[Fault]:
    """A condition over what is known before the run that comes to a number, a list, a name."""
    when = place.step.when
    try:
        if not isinstance(when, str) or not (names := names_of(when)) or any(_late(name) for name in names):
            return
        value = render(when, case.scope())
    except TemplateError:
        return  # told where all templates are looked at
    if str(value).lower() not in ("true", "false"):
        told = f"when comes to {value!r} or the like, which is not true, so step {place.step.id} is never reached"
        yield case.fault((*place.path, "when"), f"{told}: compare it with something")


def _late(name: str) -> bool:
    return name.partition(".")[0] in ("steps", "item", "loop")


def _holds(step: Step | Branch, certain: Mapping[str, Any]) -> bool | None:
    """Whether a step's condition surely holds or surely does not; None when only the run will know."""
    try:
        wanted = render(step.when, certain) if isinstance(step.when, str) else step.when
    except TemplateError:
        return None
    return str(wanted).lower() == "true"
