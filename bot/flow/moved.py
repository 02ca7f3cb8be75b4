"""Where Bellhop left a flow: its last act that moved it, by the record of all runs."""

from collections.abc import Iterable

from bot.flow.past import incident_of
from bot.flow.ways import MOVES
from bot.model.event import Event
from bot.model.step_event import StepEnded, StepStarted
from bot.store import GuardRows, Transaction

_HOME = "flow.restore"


def moved_to(transaction: Transaction, flow: str) -> StepStarted | None:
    """The act that moved a flow off its home route, or may have; None when it has been brought back, or never left."""
    # The newest run that touched it is the last one: a flow is held by one run at a time.
    began = {incident_of(row.run): None for row in reversed(GuardRows(transaction).runs_since(0.0))}
    found = (_last(transaction.events(each), flow) for each in began)
    last = next((act for act in found if act is not None), None)
    return last if last is not None and last.action != _HOME else None


def _last(events: Iterable[Event], flow: str) -> StepStarted | None:
    """The last act on a flow's route of one incident; one that surely did not happen is none."""
    acts: dict[tuple[str, str, str, int], tuple[float, StepStarted]] = {}
    for event in events:
        body = event.body
        if isinstance(body, StepStarted) and body.action in MOVES and body.inputs.get("flow") == flow:
            acts[body.run, body.step, body.phase, body.attempt] = (event.at, body)
        elif isinstance(body, StepEnded) and body.envelope.get("happened") is False:
            acts.pop((body.run, body.step, body.phase, body.attempt), None)
    return max(acts.values(), key=lambda found: found[0], default=(0.0, None))[1]
