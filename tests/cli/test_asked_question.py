"""The question at a terminal: the acts as they will be done, without what could rewrite the screen."""

from msgspec.structs import replace

from bot.cli.approve_question import question_lines
from tests.support.desk import waiting_incident
from tests.support.planned import realignment


def test_the_terminal_shows_what_the_template_came_to_twelve_acts_at_most_and_the_hash_of_the_question() -> None:
    """Fifty acts, whose parameters a template of the plan stood for."""
    view = waiting_incident()
    run = replace(view.runs["INC-1-R1"], plan={"steps": [realignment(note="{{ steps.look.output.note }}")]})
    acts = tuple({**realignment(note="a\x1b[2J\nuntil"), "id": f"realign.{at}"} for at in range(50))
    asked = replace(view.approvals[0], acts=acts, plan_hash="0b5e" * 16)
    lines = list(question_lines(replace(view, runs={"INC-1-R1": run}), asked))
    told = "\n".join(lines)
    assert told.count("link.set_power link:ams-rpt1 gain_db=3") == 12
    assert "… and 38 more; look first: bellhop incident show INC-1" in [line.strip() for line in lines]
    assert lines[-1].endswith("plan 0b5e0b5e0b5e")
    assert "steps.look" not in told
    assert "\x1b" not in told
    assert not any(line.startswith("until") for line in lines[:-1])
