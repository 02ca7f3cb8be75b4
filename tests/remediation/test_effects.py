"""Every act that changes the network says what it is predicted to do, or why nothing is."""

import pytest

from remediation.contract import EFFECT_KINDS, Action, Effect, Risk
from remediation.reference import actions_page
from remediation.registry import ACTIONS

CHANGING = [action for action in ACTIONS.values() if action.risk is not Risk.READ]
GIVEN = {
    "replicas": 4,
    "decoder": "fast",
    "slots": 8,
    "level": 0.8,
    "rounds": 2,
    "attempt_share": 0.5,
    "gain_db": 3.0,
    "priority": "best-effort",
    "rate": 0.0,
    "to": "classical",
    "route": ["ams-utr"],
    "logical_per_s": 2.0,
    "mode": "safe",
}
"""A value for each parameter that an act with an effect may need."""


def effect_of(name: str, **parameters: object) -> Effect | None:
    """The effect of an act with these parameters and an id for its target."""
    action = ACTIONS[name]
    assert action.effect is not None
    fields = action.parameters.model_fields
    ids = {each: "x" for each in ("link", "node", "flow") if each in fields}
    return action.effect(action.parameters.model_validate({**ids, **parameters}))


@pytest.mark.parametrize("action", CHANGING, ids=lambda action: action.name)
def test_an_act_that_changes_the_network_has_an_effect_or_says_why_none_is_predicted(action: Action) -> None:
    """An effect is of a kind that the capacity model knows."""
    if action.effect is None:
        assert action.unpredicted
        return
    given = {name: value for name, value in GIVEN.items() if name in action.parameters.model_fields}
    effect = effect_of(action.name, **given)
    assert effect is not None
    assert effect.kind in EFFECT_KINDS


@pytest.mark.parametrize("action", CHANGING, ids=lambda action: action.name)
def test_the_reference_says_whether_an_effect_is_predicted(action: Action) -> None:
    """People who write runbooks read it there, not in the code."""
    section = actions_page().partition(f"### {action.name}\n")[2].partition("###")[0]
    assert ("Its effect is predicted" in section) == (action.effect is not None)
    assert action.unpredicted in section
    assert ("No effect is predicted: " in section) == (action.effect is None)


def test_looking_is_not_predicted_to_do_anything() -> None:
    """Nor does the reference speak of it."""
    for action in ACTIONS.values():
        if action.risk is Risk.READ:
            assert (action.effect, action.unpredicted) == (None, "")


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("flow.throttle", {"priority": "best-effort", "rate": 0}, {"best-effort": 0.0, "to_capacity": 0.0}),
        ("flow.throttle", {"priority": "standard", "rate": 3}, {"standard": 3.0, "to_capacity": 0.0}),
        (
            "flow.throttle",
            {"priority": "best-effort", "to_capacity": True},
            {"best-effort": float("inf"), "to_capacity": 1.0},
        ),
        (
            "flow.throttle",
            {"priority": "best-effort", "to_capacity": True, "rate": 3},
            {"best-effort": 3.0, "to_capacity": 1.0},
        ),
        ("entanglement.purify", {"rounds": 3}, {"rounds": 3.0}),
        ("entanglement.set_policy", {"attempt_share": 0.5}, {"share": 0.5}),
        ("flow.reroute", {"route": ["a", "b"]}, {"over:a": 1.0, "over:b": 1.0}),
        ("flow.fail_over", {"to": "alternate"}, {"alternate": 1.0}),
        ("flow.fail_over", {"to": "classical"}, {}),
        ("flow.set_quota", {"logical_per_s": 2}, {"quota": 2.0}),
    ],
)
def test_an_effect_carries_what_was_asked_for(
    name: str, parameters: dict[str, object], expected: dict[str, float]
) -> None:
    """In numbers, so that a hold to a rate is not predicted as a full one."""
    effect = effect_of(name, **parameters)
    assert effect is not None
    assert effect.values == expected


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("entanglement.set_policy", {"target_level": 0.5}), ("device.set_power_mode", {"mode": "normal"})],
)
def test_an_act_whose_parameters_change_nothing_that_is_modelled_has_no_effect(
    name: str, parameters: dict[str, object]
) -> None:
    """Another level to aim at leaves the attempts as they are."""
    assert effect_of(name, **parameters) is None
