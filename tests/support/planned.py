"""A step of a plan with parameters and a predicted effect, as doors get to show it."""

from typing import Any

_ITEM = {
    "quantity": "entanglement_rate", "unit": "pairs/s", "before": 135.2, "after": 1269.0, "low": None, "high": None,
}  # fmt: skip


def realignment(**parameters: Any) -> dict[str, Any]:
    """More launch power for a link, with these parameters too."""
    return {
        "id": "realign",
        "title": "Realign the link",
        "action": "link.set_power",
        "target": "link:ams-rpt1",
        "parameters": {"link": "ams-rpt1", "gain_db": 3, **parameters},
        "risk": "disruptive",
        "predicted": [_ITEM],
    }
