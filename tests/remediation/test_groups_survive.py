"""A group and a foreach carried out by `bellhop serve` that is killed in the middle of each: nothing is done twice."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.test_crash import LINK, burning
from tests.support.lab import BotProcess, Lab, configuration, running_lab, until

pytestmark = pytest.mark.slow
SCALED = "decoder.scale"
POWERED = "link.set_power"


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """The simulated network."""
    async with running_lab() as running:
        yield running


def steps(others: list[str]) -> list[dict[str, Any]]:
    """Decoders of two links at once, then the power of three links one after the other, then the slots."""
    step: dict[str, Any] = {"timeout": "5m"}
    back = {"action": SCALED, "with": {"link": "x", "replicas": 2}}
    scaling = [
        {"id": f"scale{at}", "action": SCALED, "with": {"link": link, "replicas": 4}, **step, "rollback": back}
        for at, link in enumerate((LINK, others[0]))
    ]
    return [
        {"id": "scale", "parallel": scaling, "on_failure": "rollback"},
        {
            "id": "power",
            "action": POWERED,
            "with": {"link": "{{ item }}", "gain_db": 1},
            "foreach": f"{{{{ {others} }}}}",
            **step,
        },
        {"id": "allot", "action": "scheduler.set_slots", "with": {"link": "{{ inputs.link }}"}, **step},
    ]


def several(directory: Path, others: list[str]) -> None:
    """Let the runbook for F7 do all that between looking and verifying; JSON is YAML too."""
    path = directory / "f7-resource-starvation.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    confirm, _, *verify = content["spec"]["steps"]
    content["spec"]["steps"] = [confirm, *steps(others), *verify]
    path.write_text(json.dumps(content), encoding="utf-8")


async def test_group_and_foreach_go_on_where_they_were_when_the_bot_is_killed(lab: Lab, tmp_path: Path) -> None:
    """Killed while both decoders are scaled, and again between two links' power: each act happens once."""
    others = sorted(set(lab.simulation.network.links) - {LINK})[:3]
    content = configuration(tmp_path, lab)
    several(Path(content["runbooks"]["directory"]), others)
    bot = BotProcess(tmp_path, content)
    await bot.start()
    try:
        await burning(bot, lab)
        await until(lambda: lab.done.count(SCALED) == 2, "both decoders are being scaled", log=tmp_path / "serve.log")
        bot.kill()
        await bot.start()
        await until(lambda: lab.done.count(POWERED) == 2, "the second link's power is raised")
        bot.kill()
        await bot.start()
        await until(lambda: "scheduler.set_slots" in lab.done, "the step after both is done")
    finally:
        bot.kill()
    jobs = [job for job in lab.simulation.ledger.jobs if job.request.operation in (SCALED, POWERED)]
    assert [job.request.id for job in jobs[2:]] == others
    assert {job.request.id for job in jobs[:2]} == {LINK, others[0]}
    assert max(job.submitted_at for job in jobs[:2]) < min(job.due_at for job in jobs[:2])
    assert [job.key.partition("INC-1-R1:")[2] for job in jobs[2:]] == [f"power.{at}:run" for at in (1, 2, 3)]
