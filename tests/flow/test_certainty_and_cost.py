"""A run acts by itself only while the fault is there, a check pays for the pairs it uses, and locks outlive nobody."""

from pathlib import Path
from typing import Any

from dbos import DBOSClient

from bot.flow.durable import PlainJson
from bot.flow.surroundings import measurement_cost
from bot.model.event import ActRefused, ApprovalAsked
from bot.model.step_event import RunEnded, StepStarted
from bot.telemetry.embedded import EmbeddedTelemetry
from tests.flow.stage import ASKED, BOB, runbook, staged, throttle

AUTO: dict[str, Any] = {"handles": ["F4"], "trigger": {"auto": True, "min_confidence": 0.8}}


async def test_a_run_that_began_by_itself_does_not_act_on_a_fault_that_is_gone(tmp_path: Path) -> None:
    """The diagnosis that began it was sure; looked at again just before the first act, the link is healthy."""
    async with staged(tmp_path, runbook("book", throttle(), **AUTO)) as stage:
        incident = await stage.incident("link", "ams-utr", mode="F4", confidence=0.95, runbook="book")
        assert (await stage.bellhop.proposer.propose(incident, cause="test")).started
        refused = await stage.happened(incident, ActRefused)
        assert (refused.guard, refused.runbook, refused.step) == ("min_confidence", "book", "throttle")
        assert refused.reason == (
            "the diagnosis is healthy, not F4; this runbook acts by itself from 80% on, and a person may start it"
        )
        assert (await stage.happened(incident, RunEnded)).result == "failed"
        assert stage.acts == []


async def test_telemetry_that_cannot_tell_any_more_takes_nothing_back(tmp_path: Path) -> None:
    """Nothing answers at the exporter, so the second look says unknown; this guard asks for no fresh telemetry."""
    silent = {"source": "embedded", "exporters": ["http://127.0.0.1:1"], "scrape_interval": "15s"}
    async with staged(tmp_path, runbook("book", throttle(), **AUTO), telemetry=silent) as stage:
        incident = await stage.incident("link", "ams-utr", mode="F4", confidence=0.95, runbook="book")
        assert (await stage.bellhop.proposer.propose(incident, cause="test")).started
        await stage.happened(incident, StepStarted)


async def test_fresh_telemetry_is_asked_of_the_place_of_an_act_too(tmp_path: Path) -> None:
    """The incident's own link is well watched; of ens-grn, on which the run would act, nothing was seen for long."""
    away = {**throttle(), "with": {"link": "ens-grn", "priority": "best-effort", "rate": 0}}
    async with staged(tmp_path, runbook("book", away, guard={"require_fresh_telemetry": "2m"})) as stage:
        stage.simulation.settings.drained[stage.simulation.plant.nodes.index("grn")] = True
        assert isinstance(stage.bellhop.telemetry, EmbeddedTelemetry)
        for _ in range(40):
            stage.clock.leap(15.0)
            await stage.bellhop.telemetry.scrape_once()
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book")
        refused = await stage.happened(incident, ActRefused)
        assert (refused.guard, refused.step, stage.acts) == ("require_fresh_telemetry", "throttle", [])


async def test_a_person_may_start_what_the_diagnosis_is_not_sure_of(tmp_path: Path) -> None:
    """Then the confidence is theirs."""
    async with staged(tmp_path, runbook("book", throttle(), **AUTO)) as stage:
        incident = await stage.incident("link", "ams-utr", mode="F4", confidence=0.3, runbook="book")
        assert not (await stage.bellhop.proposer.propose(incident, cause="test")).started
        await stage.run(incident, "book")
        await stage.happened(incident, StepStarted)


async def test_what_uses_up_pairs_is_refused_when_the_pool_is_short(tmp_path: Path) -> None:
    """The pool stands at its target of 80% of 5000 pairs; here 99% must stay."""
    given = {"link": "{{ inputs.place }}", "rounds": 1}
    purify = {"id": "purify", "action": "entanglement.purify", "with": given, "timeout": "5m"}
    async with staged(tmp_path, runbook("book", purify), guards={"pool_reserve": 0.99}) as stage:
        incident = await stage.incident("link", "ams-utr")
        await stage.run(incident, "book")
        refused = await stage.happened(incident, ActRefused)
        assert refused.guard == "measurement_budget"
        assert refused.reason.startswith("it uses up pairs of ams-utr, which has ")
        assert refused.reason.endswith(" and must keep 4950")
        assert stage.acts == []


def test_a_measurement_costs_what_the_capacity_model_says() -> None:
    """The example of the model's page: fidelity 0.95 to ±0.01; unknown, it is taken for the worst case, 0.25."""
    assert measurement_cost(0.95, 0.01) == 2786
    assert measurement_cost(None, 0.01) == measurement_cost(0.25, 0.01) == 21609


async def test_a_run_whose_workflow_is_over_holds_nothing(tmp_path: Path) -> None:
    """Cancelled from outside, it never comes to give back what it had."""
    async with staged(tmp_path, runbook("hold", throttle(**ASKED))) as stage:
        first = await stage.incident("link", "ams-utr")
        gone = await stage.run(first, "hold")
        await stage.happened(first, ApprovalAsked)
        client = DBOSClient(system_database_url=stage.bellhop.store.durable_url, serializer=PlainJson())  # type: ignore[arg-type]
        await client.cancel_workflow_async(gone)
        client.destroy()
        second = await stage.incident("link", "ams-utr")
        await stage.run(second, "hold", by=BOB)
        await stage.happened(second, ApprovalAsked)
