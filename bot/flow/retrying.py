"""Why an ended run cannot be retried, or not from that step. Pure; each reason is one line that says what to do."""

from bot.flow.carrying import Left
from bot.flow.facts import in_the_way
from bot.flow.past import step_of
from bot.model.incident import Incident, RunView
from remediation.retrying import names_in
from remediation.schema import Runbook, Step


def against_run(view: Incident, run: str) -> str:
    """Why this run is not one to retry, or nothing."""
    known = view.runs.get(run)
    if known is None:
        return f"{view.id} has no run {run}"
    if known.result is None:
        return f"{run} {'is still running' if known.started_at else 'has not run'}; only what has ended can be retried"
    if known.result == "succeeded":
        return f"{run} succeeded; there is nothing to retry"
    later = next((each for each in view.runs.values() if each.retry_of == run), None)
    if later is not None:
        return f"{later.run} is the retry of {run}; look at that one"
    return in_the_way(view)


def against_place(runbook: Runbook, run: str, place: int, left: Left) -> str:
    """Why this run cannot be retried from the part at `place`, or nothing."""
    parts = runbook.spec.steps
    if left.doubt:
        return f"{left.doubt} in {run}; look at the equipment, then run {runbook.metadata.name} afresh"
    if left.taken_back and left.done:
        stands = ", ".join(left.done)
        return f"{run} was taken back only in part: {stands} may still stand; see to that, then run it afresh"
    if left.taken_back and place > 0:
        return f"{run} was taken back; a retry begins at its first step, {parts[0].id}"
    if place > left.place:
        return f"{run} ended at {parts[left.place].id}; a retry begins there or earlier"
    early = [part for part in parts[:place] if isinstance(part, Step) and part.foreach]
    repeated = early[0].id if early else next((step_of(name) for name in left.done if "." in name), "")
    if repeated:
        return f"{repeated} is done once per item, which a retry cannot take over; run {runbook.metadata.name} afresh"
    return ""


def against_change(runbook: Runbook, known: RunView) -> str:
    """Why what the run left does not fit the runbook of today, or nothing."""
    was = {step_of(step["id"]): step["action"] for step in known.plan.get("steps", [])}
    names = [name for place in range(len(runbook.spec.steps)) for name in names_in(runbook, place)]
    if list(was.items()) == [(name, runbook.step(name).action) for name in names]:
        return ""
    return f"{runbook.metadata.name} has other steps now than {known.run} had; run it afresh"


def chain_of(view: Incident, run: str) -> tuple[RunView, ...]:
    """The run and those of which it is a retry, the first one last."""
    known = view.runs[run]
    return (known, *(chain_of(view, known.retry_of) if known.retry_of in view.runs else ()))
