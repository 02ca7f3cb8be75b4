"""What lint says of runbooks that would only fail at run: each fault at its line and column, as grave as it is."""

import pytest

from bot.lint_facts import signal_kinds
from remediation import source
from remediation.errors import Fault
from remediation.lint import lint
from remediation.load import Loaded
from remediation.schema import Runbook

HEAD = """apiVersion: bellhop/v1
kind: Runbook
metadata: {name: examined, title: Examined}
spec:
  trigger: {auto: AUTO}
  inputs:
    link: {type: link, default: "{{ incident.subject.id }}"}
    node: {type: node, default: "{{ incident.subject.id }}"}
    level: {type: ratio, default: 0.5}
    long: {type: duration, default: 30m}
    flows: {type: text, default: "a b"}
  steps:
"""
"""The first step begins at line 13."""
VERIFY = """    - id: verify
      action: telemetry.wait_until
      with: {signal: physical_loss_ratio, link: "{{ inputs.link }}", within_baseline: true}
"""
LINK = 'link: "{{ inputs.link }}"'


def faults(steps: str, *, auto: bool = True) -> tuple[Fault, ...]:
    """What lint says of these steps with a verification after them."""
    document = source.parse(HEAD.replace("AUTO", str(auto).lower()) + steps + VERIFY, file="examined.yaml")
    return lint(Loaded(document.check(Runbook), document), signals=signal_kinds())


def act(name: str, action: str, given: str, *more: str) -> str:
    """A step, from its line with the id; `given` is at the third line from column 13."""
    lines = [
        f"    - id: {name}",
        f"      action: {action}",
        f"      with: {given}",
        *(f"      {each}" for each in more),
    ]
    return "".join(f"{line}\n" for line in lines)


def fill(name: str, key: str = "", *more: str) -> str:
    """An act whose controller is sent its key; the key is at the fifth line from column 20."""
    given = f"idempotency: {key}" if key else "title: A title"
    return act(name, "entanglement.replenish", f"{{{LINK}, level: 0.5}}", "timeout: 5m", given, *more)


def wait(given: str, *more: str) -> str:
    """A wait for a pool."""
    return act("wait", "telemetry.wait_until", f"{{signal: entanglement_pool_level, {LINK}, {given}}}", *more)


def check(*conditions: str, word: str = "all") -> str:
    """A look at a link's pool, with several bounds."""
    each = ", ".join(f"{{signal: entanglement_pool_level, {LINK}, {bounds}}}" for bounds in conditions)
    return act("look", "telemetry.check", f"{{{word}: [{each}]}}")


def tell(text: str, *more: str) -> str:
    """A message, whose text is in the third line of its step at column 35."""
    return act("tell", "notify.message", f'{{to: operators, text: "{text}"}}', *more)


def quota(given: str, back: str) -> str:
    """A limit for each flow; what takes it back is written in the sixth line at column 46."""
    return act(
        "quota",
        "flow.set_quota",
        given,
        "timeout: 1m",
        "foreach: \"{{ plan.affected_flows | map(attribute='id') }}\"",
        f"rollback: {{action: flow.restore, with: {back}}}",
    )


LOOK = check("above: 0.1")
WAITED = wait("above: 0.1")
SEEN = act("seen", "telemetry.snapshot", f"{{signals: [qber, control_rtt], {LINK}}}")
SCALE = act("scale", "decoder.scale", f"{{{LINK}, replicas: 4}}", "timeout: 1m")
HOLD = act("hold", "flow.throttle", f"{{{LINK}, priority: best-effort, rate: 0}}")
BACK = f"      rollback: {{action: flow.unthrottle, with: {{{LINK}}}}}\n"
RUN = '"{{ run.id }}'

EXPECTED: dict[str, tuple[str, str, str]] = {
    "key with a space": (fill("fill", f'{RUN}:fill up"'), "17:20: error", "has ' ' in it"),
    "key with a letter beyond ASCII": (fill("fill", f'{RUN}:füllen"'), "17:20: error", "has 'ü' in it"),
    "key that is too long": (fill("fill", f'{RUN}:{"x" * 200}"'), "17:20: error", "has 201 characters"),
    "key with a line end": (fill("fill", f'{RUN}\\nfill"'), "17:20: error", "has '\\n' in it"),
    "key with a space in an expression": (fill("fill", "\"{{ run.id ~ ' x' }}\""), "17:20: error", "comes to"),
    "key with a space in a default": (fill("fill", f'{RUN}:{{{{ inputs.flows }}}}"'), "17:20: error", "comes to"),
    "key with a space beside a late value": (
        LOOK + fill("fill", f'{RUN} {{{{ steps.look.ok }}}}"'),
        "20:20: error",
        "the key ' ' has ' ' in it",
    ),
    "key of a step without one": (
        fill("fill", f'{RUN}:again:run"') + fill("again"),
        "17:20: error",
        "step again has this key when it is given none",
    ),
    "key of taking back": (
        fill("fill", f'{RUN}:hold:undo"') + HOLD + BACK,
        "17:20: error",
        "under which step hold is taken back",
    ),
    "key of an item": (
        fill("fill", f'{RUN}:quota.2:run"') + quota('{flow: "{{ item }}", logical_per_s: 1}', '{flow: "{{ item }}"}'),
        "17:20: error",
        "step quota has this key",
    ),
    "holding longer than waiting": (wait("above: 0.7, for: 10m, within: 5m"), "15:91: error", "for 10m is no less"),
    "holding as long as waiting": (wait("above: 0.7, for: 5m, within: 5m"), "15:91: warning", "for 5m is no less"),
    "holding unsaid, longer than waiting": (
        wait("above: 0.7, within: 30s"),
        "15:94: error",
        "for 1m (as it is when left out) is no less than within 30s",
    ),
    "holding longer than the step": (wait("above: 0.7, for: 5m", "timeout: 2m"), "15:91: error", "of 2m: the wait"),
    "waiting longer than the step": (
        wait("above: 0.7, for: 1m, within: 10m", "timeout: 5m"),
        "15:103: warning",
        "within 10m is more than the step's timeout of 5m",
    ),
    "waiting unsaid, longer than the step": (wait("above: 0.7", "timeout: 5m"), "16:16: warning", "within 10m is more"),
    "waiting longer than any step": (wait("above: 0.7, within: 2h"), "15:94: warning", "than the 1h of any step"),
    "holding for a default that is too long": (
        wait('above: 0.7, for: "{{ inputs.long }}"'),
        "15:91: error",
        "for 30m is no less than within 10m",
    ),
    "bounds that exclude each other": (wait("above: 0.7, below: 0.3"), "15:81: error", "above 0.7 and below 0.3"),
    "bounds that meet": (check("above: 0.5, below: 0.5"), "15:88: error", "never holds"),
    "bounds in two conditions": (check("above: 0.7", "below: 0.3"), "15:94: error", "never holds"),
    "bounds of one of several": (
        check("above: 0.7, below: 0.3", "below: 0.1", word="any"),
        "15:88: warning",
        "never holds",
    ),
    "bounds by default": (wait('above: 0.7, below: "{{ inputs.level }}"'), "15:81: error", "above 0.7 and below 0.5"),
    "node's signal of a link": (
        act("look", "telemetry.check", f"{{all: [{{signal: device_temperature, {LINK}, below: 1}}]}}"),
        "15:29: error",
        "device_temperature is measured of a node, not of a link",
    ),
    "link's signal of a node": (
        act("look", "telemetry.wait_until", '{signal: qber, node: "{{ inputs.node }}", below: 1}'),
        "15:22: error",
        "qber is measured of a link, not of a node",
    ),
    "node's signal among a link's": (
        act("look", "telemetry.snapshot", f"{{{LINK}, signals: [qber, coherence_t1]}}"),
        "15:57: error",
        "coherence_t1 is measured of a node",
    ),
    "output that a look has not": (
        LOOK + tell("{{ steps.look.output.value }}"),
        "18:35: error",
        "has readings, ok, no",
    ),
    "output that a wait has not": (
        WAITED + tell("{{ steps.wait.output.waited }}"),
        "18:35: error",
        "did you mean waited_s?",
    ),
    "signal that was not written down": (
        SEEN + tell("{{ steps.seen.output.qbr.value }}"),
        "18:35: error",
        "did you mean qber?",
    ),
    "part that no signal has": (
        SEEN + tell("{{ steps.seen.output.qber.median }}"),
        "18:35: error",
        "qber has value, quality, baseline, no median",
    ),
    "output that is asked about": (
        LOOK + tell("{{ steps.look.output.value | default('none') }}"),
        "18:35: warning",
        "no value",
    ),
    "setting without settings": (
        SCALE + tell("{{ steps.scale.before.replicas }}"),
        "19:35: error",
        "did you mean steps.scale.before.settings.replicas?",
    ),
    "setting before a look": (LOOK + tell("{{ steps.look.before.id }}"), "18:35: error", "look only looks"),
    "setting in a way back": (
        SCALE + f"      rollback: {{action: decoder.scale, with: {{{LINK}, replicas: "
        '"{{ steps.scale.before.replicas }}"}}\n',
        "17:85: error",
        "did you mean steps.scale.before.settings.replicas?",
    ),
    "items that are not taken back": (
        quota('{flow: "{{ item }}", logical_per_s: 1}', "{flow: gold}"),
        "18:40: warning",
        "takes the same back for every item",
    ),
}
"""What is wrong -> the steps, where and how gravely that is told, and a part of the message."""

FINE: dict[str, str] = {
    "key of a template with spaces around it": fill("fill", f'" {RUN[1:]} "'),
    "key with a part per item": fill("fill", f'{RUN}:{{{{ inputs.link }}}}"'),
    "key of its own": fill("fill", f'{RUN}:fill:run"'),
    "key that a step with another has not": fill("fill", f'{RUN}:again:run"') + fill("again", f'{RUN}:b"'),
    "key like that of a look": fill("fill", f'{RUN}:verify:run"'),
    "key of a message": tell("Well", f'idempotency: {RUN} told"'),
    "waiting as long as the step": wait("above: 0.7, within: 5m", "timeout: 5m"),
    "bounds of two pools": check("above: 0.7", "below: 0.9"),
    "bounds that differ in what they are of": act(
        "look",
        "telemetry.check",
        f"{{all: [{{signal: qber, {LINK}, above: 0.7}}, {{signal: qber, link: other, below: 0.3}}]}}",
    ),
    "bound that only the run knows": LOOK + wait('above: 0.7, below: "{{ steps.look.output.readings | length }}"'),
    "outputs that are there": LOOK
    + WAITED
    + SEEN
    + tell("{{ steps.look.output.readings }}{{ steps.wait.output.waited_s }}{{ steps.seen.output.qber.value }}"),
    "settings that were there": SCALE + tell("{{ steps.scale.before.settings.replicas }}{{ steps.scale.before.id }}"),
    "output of a controller": SCALE + tell("{{ steps.scale.output.anything }}"),
    "items taken back": quota('{flow: "{{ item }}", logical_per_s: 1}', '{flow: "{{ item }}"}'),
    "items taken back by what they were": quota(
        '{flow: "{{ item }}", logical_per_s: 1}', '{flow: "{{ steps.quota.before.id }}"}'
    ),
    "the same for every item": quota("{flow: gold, logical_per_s: 1}", "{flow: gold}"),
}
"""What looks like one of the above and is none."""


@pytest.mark.parametrize("what", EXPECTED)
def test_what_fails_at_run_is_told_before_at_its_place(what: str) -> None:
    """One thing wrong, one fault: an error where the run surely fails, else a warning."""
    steps, place, message = EXPECTED[what]
    (fault,) = faults(steps)
    assert (f"{fault.line}:{fault.column}: {fault.severity}", message in fault.message) == (place, True), fault


@pytest.mark.parametrize("what", FINE)
def test_what_can_be_done_is_not_told(what: str) -> None:
    """Nobody has to write around lint."""
    assert faults(FINE[what]) == ()


@pytest.mark.parametrize("what", ["bounds by default", "holding for a default that is too long"])
def test_default_that_a_person_may_replace_is_only_a_doubt(what: str) -> None:
    """A diagnosis gives no inputs, a person may."""
    (fault,) = faults(EXPECTED[what][0], auto=False)
    assert fault.severity == "warning"
