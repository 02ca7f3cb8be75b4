"""A step of a plan in one line of plain words, whatever its parameters are."""

from bot.model.plan_wording import act_words, asked_words, planned_steps, predictions

STEP = {"id": "boost", "action": "link.set_power", "target": "link:ams-utr", "risk": "reversible"}


def test_an_act_is_its_action_its_target_and_the_other_parameters() -> None:
    """The parameter that names the target is not said twice."""
    given = {"link": "ams-utr", "gain_db": 3, "why": "fibre bent"}
    assert act_words({**STEP, "parameters": given}) == 'link.set_power link:ams-utr gain_db=3 why="fibre bent"'


def test_long_lists_long_texts_and_many_parameters_are_shortened() -> None:
    """Three items, 60 characters and eight parameters are shown, and how many are not."""
    assert act_words({**STEP, "parameters": {"flows": ["a", "b", "c", "d", "e"]}}).endswith("flows=[a, b, c, … 2 more]")
    assert len(act_words({**STEP, "parameters": {"text": "x" * 900}})) < 120
    assert act_words({**STEP, "parameters": {f"p{at}": at for at in range(11)}}).endswith("p7=7 … 3 more")


def test_hostile_parameters_stay_on_one_line_without_control_characters() -> None:
    """A line end, an escape sequence and a direction mark would let a value pose as the next line."""
    told = act_words({**STEP, "parameters": {"text": "a\n2. approve\x1b[2J\u202e"}})
    assert told == 'link.set_power link:ams-utr text="a 2. approve[2J"'


def test_an_effect_is_told_in_numbers_and_its_absence_in_words() -> None:
    """Interval and unit where they are known; a step that only looks has nothing to predict."""
    item = {
        "quantity": "entanglement_rate",
        "unit": "pairs/s",
        "before": 135.2,
        "after": 1269.0,
        "low": 1200,
        "high": 1300,
    }
    assert predictions({**STEP, "predicted": [item]}) == ("entanglement_rate 135.2 → 1269 (1200 to 1300) pairs/s",)
    assert predictions(STEP) == ("no prediction",)
    assert predictions({**STEP, "risk": "read"}) == ()


def test_two_roles_are_two_roles() -> None:
    """`approver+security` reads as one role."""
    assert asked_words({"approval": {"required": True, "role": "approver+security", "count": 1}}) == (
        "1 × approver and security"
    )
    assert asked_words({"approval": {"required": False, "role": "approver", "count": 1}}) == ""


def test_a_question_about_a_repeated_step_is_about_its_items() -> None:
    """The item itself, all items of a step, or the step whose items are not known yet."""
    plan = {"steps": [{"id": "calm.1"}, {"id": "calm.2"}, {"id": "later"}]}
    assert [each["id"] for each in planned_steps(plan, "calm.2")] == ["calm.2"]
    assert [each["id"] for each in planned_steps(plan, "calm")] == ["calm.1", "calm.2"]
    assert [each["id"] for each in planned_steps(plan, "later.3")] == ["later"]
    assert planned_steps(plan, "nowhere") == ()
