"""What must tell one thing from another: the place that a run has for itself, and the keys of its acts."""

import re
from collections.abc import Iterator

from remediation.contract import Risk
from remediation.controllers.sendable import checked
from remediation.errors import ControllerError, Fault, Severity, TemplateError
from remediation.lint_case import PLACES, Case, Place, Where, is_template
from remediation.registry import ACTIONS
from remediation.schema import Step
from remediation.template import LONGEST_SOURCE, names_of, render

_EXCLUSIVE: Where = ("spec", "guard", "exclusive")
_LOOKING = ("telemetry.",)
_IN_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TEMPLATE = re.compile(r"(?:\s*\{[{%#]-|\{[{%#]).*?(?:-[}%#]\}\s*|[}%#]\})", re.DOTALL)
_LONGEST = 200
_DEFAULT = re.compile(r"(?P<run>.+):(?P<step>[a-z][a-z0-9_]*)(?P<item>\.[1-9][0-9]*)?:(?P<phase>run|undo)")


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
        if not text or place.step.action.startswith(_LOOKING) or (is_template(text) and len(text) > LONGEST_SOURCE):
            continue  # a template that is too long is told where all templates are looked at
        path = (*place.path, "idempotency")
        key = _IN_BRACES.sub(lambda found: "".join(found[0].split()), text)
        if (other := seen.setdefault(key, place.step.id)) != place.step.id:
            told = f"step {other} has the same key, so the controller would take this act for that one"
            yield case.fault(path, told)
        if told := _refused(case, place, text):
            yield case.fault(path, f"{told}: a key takes 1 to {_LONGEST} visible ASCII characters, no spaces")
        if told := _of_another_act(case, place, text):
            yield case.fault(path, f"{told}, so the controller would take one act for the other")
        yield from _of_every_run(case, place, text)


def _refused(case: Case, place: Place, text: str) -> str:
    """Why no controller takes a key: for what is written out of it, or what its parts come to."""
    action = ACTIONS.get(place.step.action)
    if action is None or action.risk is Risk.READ:
        return ""
    for part, what in ((_written(text), "the key"), (_rendered(case, place, text), "the key comes to")):
        try:
            checked(part or "-")
        except ControllerError:
            wrong = next((each for each in part if not "!" <= each <= "~"), "")
            return (
                f"{what} {part!r:.60} has {wrong!r} in it"
                if wrong
                else f"{what} {part!r:.60} has {len(part)} characters"
            )
    return ""


def _written(text: str) -> str:
    """What of a key is in no template; spaces around a template alone are not a part of its value."""
    if not is_template(text):
        return text
    rest = _TEMPLATE.sub("", text.removesuffix("\n"))
    return rest if rest.strip() or len(_TEMPLATE.findall(text)) > 1 else ""


def _rendered(case: Case, place: Place, text: str) -> str:
    try:
        return str(render(text, case.inner(place.step)))
    except TemplateError:
        return ""  # only the run will know, or told where all templates are looked at


def _of_another_act(case: Case, place: Place, text: str) -> str:
    """Which act has this very key because it is given none of its own."""
    if isinstance(place.step, Step) and place.step.foreach:
        return ""
    scope = case.apart()
    try:
        found = _DEFAULT.fullmatch(str(render(text, scope)))
    except TemplateError:
        return ""
    if found is None or found["run"] != scope["run"]["id"]:
        return ""
    other = next((each.step for each in case.places if each.step.id == found["step"]), None)
    if other is None or other.action.startswith(_LOOKING) or bool(found["item"]) != bool(getattr(other, "foreach", "")):
        return ""
    if found["phase"] == "undo":
        return f"this is the key under which step {other.id} is taken back" if other.rollback is not None else ""
    own = other.idempotency or other.id == place.step.id
    return "" if own else f"step {other.id} has this key when it is given none"


def _of_every_run(case: Case, place: Place, text: str) -> Iterator[Fault]:
    try:
        names = names_of(text) if "{{" in text or "{%" in text else frozenset()
    except TemplateError:
        return
    if "run.id" in names:
        return
    told = "the key is the same in every run, so the next run's act would be passed over as a repeat"
    yield case.fault((*place.path, "idempotency"), f"{told}: put {{{{ run.id }}}} into it", Severity.WARNING)
