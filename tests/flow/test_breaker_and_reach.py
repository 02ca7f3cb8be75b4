"""A runbook that fails again and again is switched off; no act takes more out of service than the network can spare."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.model.event import ActRefused
from bot.model.guard import Outage
from bot.model.guard_event import BreakerOpened
from bot.model.step_event import RunEnded, StepEnded
from bot.simulator.scenarios import demo_network_path
from bot.store import GuardRows
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.flow.stage import ALICE, DAVE, Stage, runbook, staged, throttle

FAILING = runbook(
    "failing", {"id": "pin", "action": "firmware.pin", "with": {"node": "utr", "version": "0.0"}, "timeout": "5m"}
)
"""The simulator refuses to pin a version that the node does not run."""
REALIGN = runbook(
    "realign", {"id": "realign", "action": "link.realign", "with": {"link": "{{ inputs.place }}"}, "timeout": "5m"}
)
DRAIN = runbook(
    "drain", {"id": "drain", "action": "device.drain", "with": {"node": "{{ inputs.place }}"}, "timeout": "5m"}
)


async def refusal(stage: Stage, incident: str, name: str) -> tuple[str, str]:
    """Run a runbook that a guard turns down; which, and why."""
    run = await stage.run(incident, name)
    refused = await stage.happened(incident, ActRefused, lambda body: body.run == run)
    await stage.happened(incident, RunEnded, lambda body: body.run == run)
    return refused.guard, refused.reason


async def free(stage: Stage) -> bool:
    """Whether no run holds anything."""
    return not await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).held())


async def later(stage: Stage, seconds: float) -> None:
    """Let the network live on, scraped every 15 s."""
    assert isinstance(stage.bellhop.telemetry, EmbeddedTelemetry)
    for _ in range(int(seconds / 15.0)):
        stage.clock.leap(15.0)
        await stage.bellhop.telemetry.scrape_once()


async def fails(stage: Stage, incident: str) -> RunEnded:
    """Run the failing runbook to its end."""
    run = await stage.run(incident, "failing")
    return await stage.happened(incident, RunEnded, lambda body: body.run == run)


async def test_failures_in_a_row_on_any_target_switch_a_runbook_off_until_somebody_resets_it(tmp_path: Path) -> None:
    """Two failures, on two nodes' incidents; others may run; a viewer may not reset."""
    async with staged(tmp_path, FAILING, runbook("fine", throttle()), guards={"failures_in_a_row": 2}) as stage:
        first, second = await stage.incident("node", "utr"), await stage.incident("node", "ein")
        assert (await fails(stage, first)).result == "failed"
        assert await stage.bodies(first, BreakerOpened) == []
        await fails(stage, second)
        opened = await stage.happened(second, BreakerOpened)
        assert opened == BreakerOpened(runbook="failing", runs=("INC-2-R1", "INC-1-R1"))
        wrong = "INC-2-R1 failed, INC-1-R1 failed"
        assert await refusal(stage, first, "failing") == (
            "breaker",
            f"its last runs went wrong ({wrong}); look at them, then: bellhop runbook reset failing",
        )
        switches = stage.bellhop.desk.switches
        assert not (await switches.reset("failing", DAVE)).done
        assert not (await switches.reset("faling", ALICE)).done
        assert (await switches.reset("failing", ALICE)).done
        assert (await fails(stage, first)).result == "failed"
        assert await stage.bodies(first, BreakerOpened) == []


async def test_runs_that_a_guard_turned_back_do_not_switch_a_runbook_off(tmp_path: Path) -> None:
    """Nothing went wrong in them: with one failure allowed the third is refused for the routes, as the first was."""
    async with staged(tmp_path, REALIGN, guards={"failures_in_a_row": 1}) as stage:
        out = Outage(place="link:utr-ein", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        incident = await stage.incident("link", "ams-rtm")
        assert [(await refusal(stage, incident, "realign"))[0] for _ in range(3)] == ["routes"] * 3
        assert await stage.bodies(incident, BreakerOpened) == []


async def test_what_takes_an_act_back_may_not_cut_a_flow_off_either(tmp_path: Path) -> None:
    """The rollback of a step is a drain; rtm carries the other route of key-exchange while utr-ein is out."""
    undrain = {"id": "undrain", "action": "device.undrain", "with": {"node": "rtm"}, "timeout": "5m"}
    back = {"rollback": {"action": "device.drain", "with": {"node": "rtm"}}}
    pin = {"id": "pin", "action": "firmware.pin", "with": {"node": "utr", "version": "0.0"}, "timeout": "5m"}
    book = runbook("back", {**undrain, **back}, {**pin, "on_failure": "rollback"})
    async with staged(tmp_path, book, guards={"max_share_out": 1.0}) as stage:
        out = Outage(place="link:utr-ein", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "back")
        refused = await stage.happened(incident, ActRefused)
        assert (refused.guard, refused.step) == ("routes", "undrain")
        await stage.happened(incident, RunEnded)
        assert "device.drain" not in stage.acts


async def test_both_routes_of_a_flow_are_never_out_of_service_at_once(tmp_path: Path) -> None:
    """key-exchange runs over ams-utr and utr-ein, or over ams-rtm and rtm-ein; utr-ein is out, so ams-rtm stays."""
    async with staged(tmp_path, REALIGN) as stage:
        out = Outage(place="link:utr-ein", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        incident = await stage.incident("link", "ams-rtm")
        assert await refusal(stage, incident, "realign") == (
            "routes",
            "with it no route would be left in service for clock-network, key-exchange",
        )
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).put_back("link:utr-ein"))
        again = await stage.run(incident, "realign")
        ended = await stage.happened(incident, StepEnded, lambda body: body.run == again)
        assert (ended.outcome, stage.acts) == ("succeeded", ["link.realign"])
        assert await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).outages()) == ()


async def test_of_two_acts_at_once_on_the_two_routes_of_a_flow_one_is_refused(tmp_path: Path) -> None:
    """Both begin in the same moment, each alone harmless to key-exchange; whoever is second finds the first."""
    async with staged(tmp_path, REALIGN) as stage:
        incidents = [await stage.incident("link", link) for link in ("ams-rtm", "utr-ein")]
        runs = await asyncio.gather(*(stage.run(incident, "realign") for incident in incidents))
        for incident, run in zip(incidents, runs, strict=True):
            await stage.happened(incident, RunEnded, lambda body, run=run: body.run == run)
        refused = [body.guard for incident in incidents for body in await stage.bodies(incident, ActRefused)]
        assert (refused, stage.acts) == (["routes"], ["link.realign"])


async def test_a_drained_node_counts_until_it_is_put_back_by_whom_ever(tmp_path: Path) -> None:
    """Without flows that end at grn it may be drained; put back by hand, past Bellhop, its links count no more."""
    content = yaml.safe_load(demo_network_path().read_text(encoding="utf-8"))
    content["flows"] = [flow for flow in content["flows"] if flow["id"] in ("key-exchange", "sensor-array")]
    file = tmp_path / "network.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    async with staged(tmp_path, DRAIN, REALIGN, network=file, guards={"max_share_out": 0.3}) as stage:
        grn, rtm = await stage.incident("node", "grn"), await stage.incident("link", "ams-rtm")
        run = await stage.run(grn, "drain")
        await stage.happened(grn, StepEnded, lambda body: body.run == run and body.outcome == "succeeded")
        assert await refusal(stage, rtm, "realign") == (
            "blast_radius",
            "3 of 8 links would be out of service; allowed at once: 30%",
        )
        stage.simulation.settings.drained[:] = False
        await stage.until(lambda: free(stage), "the run of the drain is over")
        again = await stage.run(rtm, "realign")
        await stage.happened(rtm, StepEnded, lambda body: body.run == again and body.outcome == "succeeded")


async def test_a_node_that_people_drained_past_bellhop_is_no_way_round(tmp_path: Path) -> None:
    """No act of ours drained rtm; nobody uses its links, and asked, its controller says why. They make pairs still."""
    async with staged(tmp_path, REALIGN, guards={"max_share_out": 1.0}) as stage:
        stage.simulation.settings.drained[stage.simulation.plant.nodes.index("rtm")] = True
        await later(stage, 600.0)
        incident = await stage.incident("link", "utr-ein")
        guard, reason = await refusal(stage, incident, "realign")
        assert (guard, "key-exchange" in reason, stage.acts) == ("routes", True, [])


async def test_what_a_link_carries_now_decides_and_not_what_it_was_specified_for(tmp_path: Path) -> None:
    """Of the three links at ein two make a fifth of their pairs: none is specified below 1600 logical qubits a second.

    At full rate they carry 11 to 17 now, so key-exchange with a demand of 8 has only rtm-ein.
    """
    content = yaml.safe_load(demo_network_path().read_text(encoding="utf-8"))
    flow = next(flow for flow in content["flows"] if flow["id"] == "key-exchange")
    content["flows"] = [{**flow, "demand_logical_per_s": 8.0, "alternates": []}]
    file = tmp_path / "network.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    async with staged(tmp_path, REALIGN, network=file) as stage:
        links = stage.simulation.plant.links
        stage.simulation.settings.attempt_share[[links.index("utr-ein"), links.index("ein-ens")]] = 0.2
        await later(stage, 600.0)
        incident = await stage.incident("link", "rtm-ein")
        guard, reason = await refusal(stage, incident, "realign")
        told = r"the links left could not carry the critical key-exchange \(needs 8 logical qubits/s, (.*) are left\)"
        found = re.fullmatch(told, reason)
        assert guard == "capacity"
        assert found is not None, reason
        assert 1.0 < float(found[1]) < 5.0


async def test_what_was_out_before_an_act_is_out_after_it(tmp_path: Path) -> None:
    """Another run's act has the link out of service; one that realigns it does not put it back for that one."""
    async with staged(tmp_path, REALIGN) as stage:
        out = Outage(place="link:ams-rtm", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        incident = await stage.incident("link", "ams-rtm")
        run = await stage.run(incident, "realign")
        await stage.happened(incident, StepEnded, lambda body: body.run == run and body.outcome == "succeeded")
        assert await stage.bellhop.store.read(lambda transaction: GuardRows(transaction).outages()) == (out,)


async def test_who_asks_for_the_node_gets_not_past_the_rates_of_its_link(tmp_path: Path) -> None:
    """One run an hour on a target; a link is a part of its nodes, two links of a node are two targets."""
    rates = {"per_target": {"max_runs": {"count": 1, "per": "1h"}}}
    async with staged(tmp_path, FAILING, guards=rates) as stage:
        link, node, other = [
            await stage.incident(*place) for place in (("link", "ams-utr"), ("node", "utr"), ("link", "ein-ens"))
        ]
        await fails(stage, link)
        assert (await refusal(stage, node, "failing"))[0] == "target_max_runs"
        assert (await fails(stage, other)).result == "failed"


async def test_no_more_than_a_share_of_the_links_is_out_at_once(tmp_path: Path) -> None:
    """Two of eight links are a quarter; a fifth is allowed."""
    async with staged(tmp_path, REALIGN, guards={"max_share_out": 0.2}) as stage:
        out = Outage(place="link:ens-grn", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        incident = await stage.incident("link", "ams-rtm")
        assert await refusal(stage, incident, "realign") == (
            "blast_radius",
            "2 of 8 links would be out of service; allowed at once: 20%",
        )


async def test_under_maintenance_only_the_maintenance_acts(tmp_path: Path) -> None:
    """A window over utr covers its links; the runbook that is the maintenance may."""
    now = datetime.now(UTC)
    window: dict[str, Any] = {
        "targets": ["node:utr"],
        "start": now - timedelta(hours=1),
        "end": now + timedelta(hours=9),
        "reason": "new cryostat",
        "runbooks": ["fine"],
    }
    books = (REALIGN, runbook("fine", throttle()))
    async with staged(tmp_path, *books, guards={"maintenance": [window]}) as stage:
        incident = await stage.incident("link", "ams-utr")
        assert await refusal(stage, incident, "realign") == (
            "maintenance",
            "node:utr is under maintenance (new cryostat), and this runbook is no part of it",
        )
        run = await stage.run(incident, "fine")
        await stage.happened(incident, RunEnded, lambda body: body.run == run and body.result == "succeeded")


async def test_runs_on_the_whole_network_and_on_a_target_are_counted_whatever_their_runbook(tmp_path: Path) -> None:
    """One run an hour on a target, two on the network."""
    rates = {
        "per_target": {"max_runs": {"count": 1, "per": "1h"}},
        "network_wide": {"max_runs": {"count": 2, "per": "1h"}},
    }
    async with staged(tmp_path, FAILING, runbook("fine", throttle()), guards=rates) as stage:
        utr, ein, grn = [await stage.incident("node", node) for node in ("utr", "ein", "grn")]
        await fails(stage, utr)
        assert await refusal(stage, utr, "failing") == (
            "target_max_runs",
            "runs on this target within 1h: 1; allowed: 1",
        )
        await fails(stage, ein)
        assert await refusal(stage, grn, "failing") == (
            "network_max_runs",
            "runs on the whole network within 1h: 2; allowed: 2",
        )
