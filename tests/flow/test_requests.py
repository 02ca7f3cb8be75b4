"""What people ask for before anything is wrong, through the desk of a whole bot."""

from pathlib import Path

import yaml

from bot.model.step_event import RunEnded
from tests.flow.stage import ALICE, DAVE, staged

FILE = Path(__file__).parents[2] / "runbooks" / "replenish-link.yaml"
SHIPPED = yaml.safe_load(FILE.read_text(encoding="utf-8"))


async def test_a_pool_is_filled_on_request_in_an_incident_of_its_own(tmp_path: Path) -> None:
    """Once for one command; a viewer and an unknown link are turned down; the run ends as the shipped runbook says."""
    async with staged(tmp_path, SHIPPED) as stage:
        requests = stage.bellhop.desk.requests
        assert not (await requests.replenish("ams-utr", DAVE, key="a")).done
        assert "there is no link nowhere" in (await requests.replenish("nowhere", ALICE, key="a")).message
        answer = await requests.replenish("ams-utr", ALICE, key="b")
        assert answer.done, answer.message
        (view,) = await stage.bellhop.desk.incidents(open_only=False)
        assert (view.severity, str(view.subject)) == ("sev4", "link:ams-utr")
        ended = await stage.happened(view.id, RunEnded)
        assert ended.result == "succeeded", ended.reason


async def test_announced_work_is_told_and_ends(tmp_path: Path) -> None:
    """A link or a node for a bounded time, by people with a role."""
    async with staged(tmp_path, SHIPPED) as stage:
        requests = stage.bellhop.desk.requests
        assert not (await requests.maintain("ams-utr", 60, DAVE, "")).done
        assert not (await requests.maintain("ams-utr", 1e9, ALICE, "")).done
        assert (await requests.maintain("ams-utr", 7200, ALICE, "new lasers")).done
        (work,) = await requests.maintenance()
        assert (str(work.subject), work.reason, work.by) == ("link:ams-utr", "new lasers", "cli:alice")
        assert (await requests.end_maintenance("ams-utr", ALICE)).done
        assert await requests.maintenance() == ()
