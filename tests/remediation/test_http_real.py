"""The mapped HTTP controller and a real Apache's WebDAV documents: nothing is changed but what was looked at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from remediation.execute import perform
from remediation.instructions import Finish
from remediation.machine import Act, Ask, RunState, next_instruction, record, start
from remediation.plan import build_plan
from remediation.registry import ACTIONS
from tests.remediation.apache_side import Side, speaking
from tests.remediation.runs import FACTS, nothing, runbook
from tests.support.apache import Apache, running_apache

pytestmark = pytest.mark.needs("apache")

BEFORE = {"gain_db": 1.5, "owner": "alice"}
WANTED = {"gain_db": 3.0, "owner": "alice"}
THEIRS = {"gain_db": 9.0, "owner": "bob"}


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    """One instance for all tests here; each has its own document or job."""
    with running_apache() as running:
        yield running


async def puts(side: Side, name: str) -> list[str]:
    """The statuses that PUTs of a document were answered with."""
    asked = [line.split() for line in await side.asked()]
    return [words[3] for words in asked if words[1:3] == ["PUT", f"/settings/{name}.json"]]


async def test_document_is_replaced_and_found_to_be(apache: Apache, tmp_path: Path) -> None:
    """With what stood there before."""
    apache.write("plain", BEFORE)
    async with speaking(apache, tmp_path) as side:
        envelope = await side.call("replace", "plain", document=WANTED)
        sent = await puts(side, "plain")
    assert (envelope["error"], envelope["ok"], envelope["before"]["settings"]) == ("", True, BEFORE)
    assert (apache.read("plain"), sent) == (WANTED, ["204"])


@pytest.mark.parametrize(("event", "method"), [("response", "GET"), ("request", "PUT")])
async def test_document_that_somebody_changed_since_it_was_read_is_left_alone(
    apache: Apache, tmp_path: Path, event: Literal["request", "response"], method: str
) -> None:
    """At whatever moment after the first look; the act is not tried again, and one line says why."""
    name = f"changed-at-{event}"
    apache.write(name, BEFORE)
    async with speaking(apache, tmp_path) as side:
        side.when(event, method, lambda: apache.write(name, THEIRS, age_s=30))
        finish = await run(side, name, retry={"attempts": 3})
        sent = await puts(side, name)
    told = (
        f"http.replace on link:{name}: the controller answers 412; it was changed meanwhile, look at it before asking"
    )
    assert (finish.result, told in finish.reason, "\n" in finish.reason) == ("failed", True, False)
    assert (apache.read(name), sent) == (THEIRS, ["412"])


async def test_rollback_restores_the_document_at_once(apache: Apache, tmp_path: Path) -> None:
    """Although Apache marks the tag of a document as weak for a second after a change, and takes no such tag."""
    apache.write("back", BEFORE)
    async with speaking(apache, tmp_path) as side:
        finish = await run(side, "back", {"id": "fails", "action": "http.call", "with": {"name": "none", "link": "x"}})
        sent = await puts(side, "back")
    assert finish.result == "rolled back"
    assert (apache.read("back"), sent) == (BEFORE, ["204", "204"])


async def test_document_whose_tag_stays_weak_is_not_replaced_on_a_guess(apache: Apache, tmp_path: Path) -> None:
    """A file from the future, to Apache: nothing is sent, and another try may help."""
    apache.write("weak", BEFORE, age_s=-3600)
    async with speaking(apache, tmp_path) as side:
        envelope = await side.call("replace", "weak", document=WANTED)
        sent = await puts(side, "weak")
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, True)
    assert envelope["error"].startswith("http.replace on link:weak: the state has only a weak ETag")
    assert (apache.read("weak"), sent) == (BEFORE, [])


async def test_document_that_changed_while_its_tag_was_weak_is_left_alone(apache: Apache, tmp_path: Path) -> None:
    """The strong tag that follows must be that of the document that was read."""
    apache.write("swapped", BEFORE, age_s=0)
    async with speaking(apache, tmp_path) as side:
        side.when("request", "GET", lambda: apache.write("swapped", THEIRS), turn=2)
        envelope = await side.call("replace", "swapped", document=WANTED)
        sent = await puts(side, "swapped")
    assert (envelope["ok"], envelope["happened"], envelope["retryable"]) == (False, False, False)
    assert "it was changed meanwhile" in envelope["error"]
    assert (apache.read("swapped"), sent) == (THEIRS, [])


async def run(side: Side, name: str, *steps: dict[str, Any], **more: Any) -> Finish:
    """The end of a run that replaces a document and can put it back; every question is approved."""
    replace = {"name": "replace", "link": name, "parameters": {"document": WANTED}}
    back = {**replace, "parameters": {"document": "{{ steps.replace.before.settings }}"}}
    step = {"id": "replace", "action": "http.call", "with": replace, **more}
    step["rollback"] = {"action": "http.call", "with": back}
    book = runbook(step, *({**each, "on_failure": "rollback"} for each in steps))
    plan = build_plan(book, inputs={}, facts=FACTS, actions=ACTIONS, predict=nothing)
    state: RunState = start(book, run=f"INC-1-{name}", plan=plan, facts=FACTS, actions=ACTIONS)
    while not isinstance(instruction := next_instruction(state), Finish):
        result: dict[str, Any] = {}
        if isinstance(instruction, Act):
            result = await perform(instruction, side.ports, ACTIONS)
        elif isinstance(instruction, Ask):
            result = {"decision": "approved", "by": ["alice"]}
        state = record(state, instruction, result)
    return instruction
