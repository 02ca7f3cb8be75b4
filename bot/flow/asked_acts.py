"""What a question to people is bound to: the acts that a yes lets happen, as they will be done, and one hash over them.

Pure, so that a restart comes to the same.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from bot.flow.durable import Json
from bot.model.plan_wording import planned_steps
from remediation.machine import Ask
from remediation.plan import complaint
from remediation.registry import ACTIONS


def acts_of(question: Ask) -> tuple[Json, ...]:
    """The acts in the shape of a plan's steps, each with its target and risk; a `fault` says why one cannot be done."""
    return tuple(_shown(act) for act in question.acts)


def question_hash(question: Ask, plan_hash: str, plan: Mapping[str, Any]) -> str:
    """The plan's own hash where the acts are those of the plan, or else SHA-256 over that hash and the acts."""
    planned = [_core(part["id"], part) for part in planned_steps(plan, question.step)]
    asked = [_core(act["step"], act) for act in question.acts]
    if not asked or (_text(asked) == _text(planned) and not any("fault" in act for act in question.acts)):
        return plan_hash
    return hashlib.sha256(_text({"plan": plan_hash, "acts": question.acts})).hexdigest()


def acts_hash(question: Ask) -> str:
    """SHA-256 over the acts alone: whether a run that was interrupted still asks for the same."""
    return hashlib.sha256(_text(question.acts)).hexdigest()


def _core(name: str, part: Mapping[str, Any]) -> Json:
    return {"step": name, "action": part["action"], "parameters": part["parameters"]}


def _text(content: Json | Iterable[Json]) -> bytes:
    """One text for what is the same as JSON, where every key is a text."""
    return json.dumps(json.loads(json.dumps(content, default=str)), sort_keys=True).encode()


def _shown(act: Json) -> Json:
    action = ACTIONS.get(act["action"])
    shown = {"id": act["step"], "target": "", "risk": str(action.risk) if action else "", **act}
    del shown["step"]
    if action is None or "fault" in act:
        return shown
    try:
        target = action.target(action.parameters.model_validate(act["parameters"]))
    except ValidationError as error:
        return {**shown, "fault": complaint(error)}
    return {**shown, "target": str(target) if target is not None else ""}
