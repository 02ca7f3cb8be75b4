"""A run that goes on where an earlier one of the same runbook ended: what it takes over of that one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from remediation.instructions import Json, RunState
from remediation.schema import Group, Runbook


def place_of(runbook: Runbook, step: str) -> int | None:
    """Where a step or group stands among the parts of its runbook; a branch stands where its group does."""
    return next((at for at, part in enumerate(runbook.spec.steps) if step in (part.id, *names_in(runbook, at))), None)


def names_in(runbook: Runbook, place: int) -> tuple[str, ...]:
    """The steps of the part at a place: one, or the branches of a group."""
    part = runbook.spec.steps[place]
    return tuple(each.id for each in part.parallel) if isinstance(part, Group) else (part.id,)


def begin_at(state: RunState, place: int, *, told: Mapping[str, Json], done: Sequence[str]) -> RunState:
    """A run before its first step, set before the part at `place` instead.

    `told` is what the acts of the earlier run gave, `done` those of them that stand, newest last. A group goes on
    with the branches that neither succeeded nor were skipped, or with all where there are none. What stands can be
    taken back, however often it is done again.
    """
    runbook = Runbook.model_validate(state.runbook)
    outputs: Json = {}
    for at in range(place):
        own = {name: told[name] for name in names_in(runbook, at) if name in told}
        outputs |= own
        part = runbook.spec.steps[at]
        if isinstance(part, Group) and own:
            outputs[part.id] = _of_group(part, own)
    names = names_in(runbook, place)
    over = [name for name in names if name in told and is_over(told[name])]
    closed = over if len(over) < len(names) else []
    return replace(
        state,
        position=place,
        outputs={**outputs, **{name: told[name] for name in closed}},
        closed=closed,
        done=list(done),
        carried={name: told[name] for name in done},
    )


def is_over(told: Json) -> bool:
    """Whether an act needs not be done again."""
    return bool(told["ok"] or told["skipped"])


def remembered(state: RunState, name: str) -> Json:
    """What taking back an act goes by: where an earlier run did it first, what that one found before it."""
    first: Json | None = state.carried.get(name)
    told: Json | None = state.outputs.get(name)
    return merged(first, told or first) if first else state.outputs[name]


def merged(first: Json, again: Json) -> Json:
    """What is known of an act that was done again: its last outcome, on what stood before the first time."""
    return {**again, "before": first["before"], "output": again["output"] or first["output"]}


def _of_group(group: Group, own: Mapping[str, Json]) -> Json:
    excused = {each.id for each in group.parallel if each.on_failure == "continue"}
    failed = [name for name, told in own.items() if not is_over(told) and name not in excused]
    error = "; ".join(f"step {name}: {own[name]['error']}" for name in failed)
    return {"ok": not failed, "output": {}, "before": {}, "error": error, "skipped": False, "each": {}}
