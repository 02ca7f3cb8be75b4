"""A runbook of real actions without lint faults never gets stuck, and what it did can always be taken back."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.lint_facts import signal_kinds
from remediation import source
from remediation.contract import Risk
from remediation.lint import lint
from remediation.load import Loaded
from remediation.machine import Act, Ask, Fail, Finish, Together, abort, next_instruction, record, start
from remediation.plan import PlanFacts, build_plan
from remediation.registry import ACTIONS
from remediation.schema import Runbook
from tests.remediation.runs import RUN, Answer, acts, answers, nothing, promise, restarted, walk

Json = dict[str, Any]
SIGNALS = signal_kinds()
FACTS = PlanFacts(
    incident={
        "id": "INC-1",
        "title": "loss {{ 7 * 7 }}",
        "subject": {"kind": "link", "id": "ams-rtm"},
        "confidence": 0.9,
    },
    affected_flows=({"id": "gold", "priority": "critical"}, {"id": "bulk", "priority": "best-effort"}),
)
LINK = "{{ inputs.link }}"
DOING: tuple[Json, ...] = (
    {"action": "notify.message", "with": {"to": "operators", "text": "{{ incident.title }} on {{ inputs.link }}"}},
    {"action": "telemetry.check", "with": {"all": [{"signal": "physical_loss_ratio", "link": LINK, "below": 0.5}]}},
    {
        "action": "flow.throttle",
        "with": {"link": LINK, "priority": "best-effort", "rate": 0},
        "rollback": {"action": "flow.unthrottle", "with": {"link": LINK}},
    },
    {
        "action": "flow.fail_over",
        "with": {"flow": "gold", "to": "alternate"},
        "rollback": {"action": "flow.restore", "with": {"flow": "gold"}},
        "approval": {
            "required": "{{ plan.affected_flows | selectattr('priority', 'eq', 'critical') | list | length > 0 }}"
        },
        "timeout": "5m",
    },
    {"action": "link.realign", "with": {"link": LINK}, "approval": {"count": 2, "timeout": "1m"}, "timeout": "5m"},
    {
        "action": "telemetry.wait_until",
        "with": {"signal": "physical_loss_ratio", "link": LINK, "below": 0.5, "for": "30s", "within": "5m"},
        "timeout": "6m",
    },
    {"action": "telemetry.snapshot", "with": {"signals": ["control_rtt", "qber"], "link": LINK}},
    {
        "action": "decoder.scale",
        "with": {"link": LINK, "replicas": 4},
        "rollback": {
            "action": "decoder.scale",
            "with": {"link": LINK, "replicas": "{{ steps.NAME.before.settings.replicas }}"},
        },
        "timeout": "1m",
    },
    {
        "action": "flow.set_quota",
        "foreach": "{{ plan.affected_flows | map(attribute='id') }}",
        "with": {"flow": "{{ item }}", "logical_per_s": "{{ loop.index * inputs.level }}"},
        "rollback": {"action": "flow.restore", "with": {"flow": "{{ item }}"}},
    },
)
BRANCHES = (0, 1, 2, 3)
"""Of the above those that can stand in a group."""
GIVEN = ("ok", "readings", "value", "waited_s", "qber", "qber.value", "to", "version")
WAS = ("id", "settings", "settings.replicas", "replicas", "qber")
"""What a step may be asked for of its output, and of what stood there before it; not every step has each."""
OUTPUTS: dict[str, Json] = {
    "telemetry.check": {"readings": {"physical_loss_ratio ams-rtm": 0.1}},
    "telemetry.wait_until": {"value": 0.1, "waited_s": 60.0},
    "telemetry.snapshot": {
        name: {"value": 0.1, "quality": "fresh", "baseline": 0.1} for name in ("qber", "control_rtt")
    },
    "notify.message": {"to": "operators"},
}
"""What the actions of Bellhop's own give when they succeed; a controller gives whatever it likes."""
VERIFY: Json = {
    "action": "telemetry.wait_until",
    "with": {"signal": "physical_loss_ratio", "link": LINK, "within_baseline": True},
}


def telling(step: str) -> st.SearchStrategy[Json]:
    """A message about an earlier step, where that came to anything."""
    names = [*(f"output.{name}" for name in GIVEN), *(f"before.{name}" for name in WAS)]
    when = f"{{{{ steps.{step} is defined and steps.{step}.ok }}}}"
    texts = st.sampled_from(names).map(lambda name: f"it was {{{{ steps.{step}.{name} }}}}")
    return texts.map(lambda text: {"action": "notify.message", "with": {"to": "operators", "text": text}, "when": when})


@st.composite
def parts(draw: st.DrawFn, number: int, count: int) -> Json:
    """A step or a group; conditions ask about parts before it, sometimes one that may be jumped over."""
    name = f"s{number}"
    onward = [f"goto:s{later}" for later in range(number + 1, count)]
    ends = {"on_failure": draw(st.sampled_from(("stop", "continue", "rollback", *onward)))}
    earlier = [f"s{before}" for before in range(number)]
    asks = [f"{{{{ steps.{each}.ok }}}}" for each in earlier]
    asks += [f"{{{{ steps.{each} is defined and not steps.{each}.skipped }}}}" for each in earlier]
    asks += [f"{{{{ steps.{each}.output.ok or steps.{each}.skipped }}}}" for each in earlier]
    when = {"when": draw(st.sampled_from((True, "{{ inputs.level < 0.9 }}", *asks)))}
    if draw(st.integers(0, 3)) == 0:
        chosen = draw(st.lists(st.sampled_from(BRANCHES), min_size=2, max_size=3, unique=True))
        branches = [{"id": f"{name}_{at}", **DOING[at], **when} for at in chosen]
        return {"id": name, "parallel": branches, **ends}
    retry = {"attempts": draw(st.integers(1, 3))}
    if earlier and draw(st.integers(0, 3)) == 0:
        return {"id": name, **draw(telling(draw(st.sampled_from(earlier)))), **ends, "retry": retry}
    doing = json.loads(json.dumps(draw(st.sampled_from(DOING))).replace("NAME", name))
    step = {"id": name, **doing, **when, **ends, "retry": retry}
    return step | draw(st.sampled_from(({}, {"idempotency": f"{{{{ run.id }}}}:{name}"})))


@st.composite
def contents(draw: st.DrawFn) -> Json:
    """What a person may write: with or without lint faults."""
    count = draw(st.integers(2, 5))
    steps = [draw(parts(number, count)) for number in range(count)]
    inputs = {
        "link": {"type": "link", "default": "{{ incident.subject.id }}"},
        "level": {"type": "ratio", "default": 0.5},
    }
    guard = {"exclusive": "link:{{ inputs.link }}"}
    spec = {"inputs": inputs, "guard": guard, "steps": [*steps, {"id": "verify", **VERIFY, "on_failure": "rollback"}]}
    return {
        "apiVersion": "bellhop/v1",
        "kind": "Runbook",
        "metadata": {"name": "made-up", "title": "Made up"},
        "spec": spec,
    }


def clean(content: Json) -> bool:
    """Whether lint says nothing, not even a warning."""
    document = source.parse(json.dumps(content), file="made-up.yaml")
    return lint(Loaded(document.check(Runbook), document), signals=SIGNALS) == ()


def real(answer: Answer) -> Answer:
    """The same answers, with what real actions give and write down beforehand."""

    def told(instruction: Any, number: int) -> Json:
        result = answer(instruction, number)
        if isinstance(instruction, Together):
            pairs = zip(instruction.acts, result["acts"], strict=True)
            return {"acts": [{**each, **_given(act, each)} for act, each in pairs]}
        return {**result, **_given(instruction, result)} if isinstance(instruction, Act) else result

    return told


def _given(act: Act, result: Json) -> Json:
    if ACTIONS[act.action].risk is Risk.READ:
        return {"output": OUTPUTS[act.action] if result["ok"] else {}, "before": {}}
    anything = {name: {"value": 1} for name in GIVEN if "." not in name}
    before = {"id": "ams-rtm", "kind": "link", "settings": {"replicas": 2}}
    return {"output": anything if result["ok"] else {}, "before": before}


clean_runbooks = contents().filter(clean).map(Runbook.model_validate)


def begun(chosen: Runbook) -> Any:
    """A run of it before its first step, as a plan for an incident makes it."""
    plan = build_plan(chosen, inputs={}, facts=FACTS, actions=ACTIONS, predict=nothing)
    return start(chosen, run=RUN, plan=plan, facts=FACTS, actions=ACTIONS)


@promise
@given(clean_runbooks, answers)
def test_a_runbook_without_faults_never_gets_stuck(chosen: Runbook, answer: Answer) -> None:
    """Whatever went wrong before it, each step can be begun and each way back be gone: no template comes to nothing."""
    trace, finish = walk(begun(chosen), real(answer), most=400)
    assert [each for each, _ in trace if isinstance(each, Fail)] == []
    assert "is not there" not in finish.reason
    for act in [*acts(trace), *acts(trace, "undo")]:
        ACTIONS[act.action].parameters.model_validate(act.parameters)


@promise
@given(clean_runbooks, answers, st.integers(0, 12))
def test_a_runbook_without_faults_can_be_stopped_anywhere(chosen: Runbook, answer: Answer, after: int) -> None:
    """By a person, across a restart, before any of its acts: then nothing is done but taking back, to the end."""
    state, number = begun(chosen), 0
    while not isinstance(instruction := next_instruction(state), Finish):
        if number >= after and isinstance(instruction, Act | Together | Ask):
            break
        state, number = record(state, instruction, real(answer)(instruction, number)), number + 1
    else:
        return
    done = [name for name in state.done if chosen.step(name).rollback is not None]
    good: Answer = lambda told, at: {"ok": True, "happened": True, "error": "", "retryable": False}  # noqa: E731
    trace, finish = walk(abort(restarted(state), "enough"), good, most=100)
    if not state.undoing:
        assert finish.result == "aborted"
        assert [act.step for act in acts(trace, "undo")] == done[::-1]
    assert acts(trace) == []


@promise
@given(contents(), answers)
def test_a_runbook_that_gets_stuck_has_a_fault(content: Json, answer: Answer) -> None:
    """The other way round: what cannot be begun in some run was told beforehand."""
    chosen = Runbook.model_validate(content)
    trace, _ = walk(begun(chosen), real(answer), most=400)
    if any(isinstance(each, Fail) for each, _ in trace):
        assert not clean(content)
