"""Every action there is, by name."""

from collections.abc import Mapping

from remediation.actions.control import LINK_ACTIONS, NODE_ACTIONS
from remediation.actions.flow import FLOW_ACTIONS
from remediation.actions.http import HTTP_ACTIONS
from remediation.actions.notify import NOTIFY_ACTIONS
from remediation.actions.telemetry import TELEMETRY_ACTIONS
from remediation.contract import EFFECT_KINDS, Action
from remediation.errors import RemediationError


def _checked(*families: tuple[Action, ...]) -> Mapping[str, Action]:
    """One table; a double name or a compensation that does not exist fails at start-up."""
    table: dict[str, Action] = {}
    for action in (action for family in families for action in family):
        if action.name in table:
            raise RemediationError(f"two actions are called {action.name}")
        table[action.name] = action
    for action in table.values():
        if action.compensation and action.compensation not in table:
            raise RemediationError(f"{action.name} is taken back by {action.compensation}, which does not exist")
    return table


ACTIONS: Mapping[str, Action] = _checked(
    TELEMETRY_ACTIONS, LINK_ACTIONS, FLOW_ACTIONS, NODE_ACTIONS, NOTIFY_ACTIONS, HTTP_ACTIONS
)

__all__ = ["ACTIONS", "EFFECT_KINDS"]
