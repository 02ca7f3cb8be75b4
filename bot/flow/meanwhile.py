"""What may have changed since a run was planned: an act that nobody would begin any more is refused just before it."""

from bot.flow.blast import is_place
from bot.flow.facts import is_security_gated
from bot.flow.modes import Modes
from bot.flow.past import step_of
from bot.incidents.lifecycle import SECURITY
from bot.model.incident import Incident
from bot.model.network import Network
from bot.store import Transaction
from remediation.guard import Refusal


class Meanwhile:
    """Holds a run's next act against the incident, the mode and the network as they are now."""

    def __init__(self, *, network: Network, modes: Modes) -> None:
        self._network = network
        self._modes = modes

    def against(self, transaction: Transaction, view: Incident, run: str, step: str, place: str) -> Refusal | None:
        """Why an act about `place` (`kind:id`, or empty) of this step may not be begun now, or None."""
        if not view.is_open:
            return Refusal("incident", f"{view.id} is {view.state}; nothing more is done in it")
        if gap := planned_before_gate(view, run, step):
            return Refusal("security", gap)
        if place and not is_place(self._network, place):
            return Refusal("network", f"the network file does not know {place} any more")
        runbook, target = view.runs[run].runbook, str(view.subject)
        if self._modes.now(transaction, runbook, target) == "observe":
            return Refusal("mode", f"{runbook} on {target} is set to observe now")
        return None


def planned_before_gate(view: Incident, run: str, step: str) -> str:
    """Why nobody can let this step go ahead: its plan asks no security role, which is wanted since; or nothing."""
    planned = (each for each in view.runs[run].plan.get("steps", []) if step_of(each["id"]) == step_of(step))
    approval = next((each.get("approval") for each in planned), None)
    if not is_security_gated(view) or (approval and SECURITY in str(approval["role"]).split("+")):
        return ""
    return (
        f"{run} was planned before an intrusion was suspected, and {step} asks nobody of the role {SECURITY}; "
        "start it again, then they are asked"
    )
