"""A flow is moved only onto links that are fit to carry it, and it can be brought back."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bot.flow.live import Live, nothing_known
from bot.flow.ways import Known, Way, first_move, route, way_of
from bot.model.diagnosis import Diagnosis, Finding
from bot.model.event import ActRefused, ApprovalAsked, PlanProposed, PostmortemPublished
from bot.model.guard import Outage
from bot.model.incident import Incident
from bot.model.network import Subject
from bot.model.step_event import RunEnded
from bot.simulator.scenarios import demo_network
from bot.store import GuardRows
from bot.telemetry.embedded import EmbeddedTelemetry
from remediation.guard import Window
from tests.flow.stage import ALICE, ASKED, BOB, Stage, runbook, staged, throttle

BOOKS = Path(__file__).parents[2] / "runbooks"
REROUTE, RESTORE = [
    yaml.safe_load((BOOKS / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("reroute-flow", "restore-flow")
]
NETWORK = demo_network()
KEYS = NETWORK.flows["key-exchange"]
"""Critical, 2 logical qubits/s, at home on ams-utr and utr-ein, otherwise on ams-rtm and rtm-ein."""


def known(**more: Any) -> Known:
    """Every link carries 10 logical qubits/s and delivers 4, 99.8% of all; but for what is given."""
    links = NETWORK.links
    live = Live(
        capacities={**dict.fromkeys(links, 10.0), **more.pop("capacities", {})},
        delivered={**dict.fromkeys(links, 4.0), **more.pop("delivered", {})},
        success={**dict.fromkeys(links, 0.998), **more.pop("success", {})},
        unknown=more.pop("unknown", {}),
    )
    return Known(live=live, **more)


def incident(subject: Subject, *, found: bool = True) -> Incident:
    """An open incident, with a finding on its subject."""
    finding = Finding(mode="F1", name="loss", confidence=0.9, subject=subject, evidence=(), runbook="unknown")
    made = Diagnosis(link="ams-rtm", at=0.0, verdict="fault", summary="", findings=(finding,) if found else ())
    return Incident(
        id="INC-7",
        title="it burns",
        state="mitigating",
        severity="sev1",
        subject=subject,
        opened_at=0.0,
        last_seq=1,
        diagnosis=made,
    )


LINK = Subject(kind="link", id="ams-rtm")
SMALL = "rtm-ein is too small: 2 logical qubits/s are needed"
TAKEN = {"link:ams-rtm": "link.realign of INC-9-R1"}


@pytest.mark.parametrize(
    ("facts", "faults"),
    [
        (known(), ()),
        (known(out=TAKEN), ("ams-rtm is out of service (link.realign of INC-9-R1)",)),
        (known(incidents=(incident(LINK),)), ("ams-rtm has an open incident (INC-7, sev1: it burns)",)),
        (known(incidents=(incident(LINK, found=False),)), ()),
        (
            known(windows=(Window("node:rtm", "new cryostat"),)),
            tuple(f"{link} is under maintenance (node:rtm: new cryostat)" for link in ("ams-rtm", "rtm-ein")),
        ),
        (
            known(success={"ams-rtm": 0.22}),
            ("ams-rtm fails its promise: logical success 22.00%, promised 99.00%",),
        ),
        (
            known(delivered={"rtm-ein": 8.5}),
            (f"{SMALL}, 1.5 are to spare (10 it carries now less 8.5 of other flows)",),
        ),
        (
            known(capacities={"rtm-ein": 0.0}),
            (f"{SMALL}, 0 are to spare (0 it carries now less 4 of other flows)",),
        ),
        (known(unknown={"ams-rtm": "channel_fidelity"}), ("ams-rtm is unknown to telemetry (channel_fidelity)",)),
        (
            Known(live=nothing_known(NETWORK, "telemetry does not answer")),
            tuple(f"{link} is unknown to telemetry (telemetry does not answer)" for link in ("ams-rtm", "rtm-ein")),
        ),
    ],
)
def test_each_fact_that_speaks_against_a_link_of_the_route_is_named_with_its_numbers(
    facts: Known, faults: tuple[str, ...]
) -> None:
    """Out, in trouble, under maintenance, below its promise of 99%, too small, unknown; a request is no trouble."""
    way = way_of(NETWORK, "flow.fail_over", {"flow": KEYS.id, "to": "alternate"})
    assert way is not None
    assert route(NETWORK, way, facts).faults == faults


def test_what_a_flow_uses_itself_counts_as_room_on_links_that_it_keeps() -> None:
    """10 carried, 9.5 delivered of which 2 are its own: 2.5 are to spare."""
    way = Way(flow=KEYS, links=("ams-utr", "utr-ein"), present=("ams-utr", "utr-ein"))
    full = known(delivered={"ams-utr": 9.5})
    assert route(NETWORK, way, full).faults == ()
    assert len(route(NETWORK, msgspec.structs.replace(way, present=()), full).faults) == 1


@pytest.mark.parametrize(
    ("action", "given", "links"),
    [
        ("flow.reroute", {"flow": KEYS.id, "route": ["ams-rtm", "nowhere"]}, ("ams-rtm", "nowhere")),
        ("flow.restore", {"flow": KEYS.id}, KEYS.route),
        ("flow.fail_over", {"flow": KEYS.id, "to": "classical"}, None),
        ("flow.fail_over", {"flow": "no-flow", "to": "alternate"}, None),
        ("flow.set_quota", {"flow": KEYS.id, "logical_per_s": 1}, None),
    ],
)
def test_an_act_names_the_route_that_it_moves_a_flow_onto(
    action: str, given: dict[str, Any], links: tuple[str, ...] | None
) -> None:
    """Classical traffic needs no link."""
    way = way_of(NETWORK, action, given)
    assert (way.links if way else None) == links


def test_only_a_plan_that_begins_with_a_move_is_judged_by_it_at_its_start() -> None:
    """Where another act comes first, that may mend the route."""
    look = {"risk": "read", "action": "telemetry.check", "when": "True"}
    move = {"risk": "disruptive", "action": "flow.reroute", "when": "True"}
    mend = {"risk": "disruptive", "action": "link.realign", "when": "True"}
    assert first_move({"steps": [look, move]}) == move
    assert first_move({"steps": [look, mend, move]}) is None
    assert first_move({"steps": [{**move, "when": "{{ steps.look.ok }}"}]}) is None


async def refused(stage: Stage, run: str) -> str:
    """Why a run was turned down by the guard of routes."""
    view = run.rsplit("-", 1)[0]
    body = await stage.happened(view, ActRefused, lambda body: body.run == run)
    assert body.guard == "route"
    return body.reason


async def asked(stage: Stage, flow: str, key: str, *, back: bool = False) -> str:
    """The run of a request."""
    answer = await stage.bellhop.desk.requests.reroute(flow, ALICE, key=key, back=back)
    assert answer.done, answer.message
    return answer.message.split()[0]


async def test_a_reroute_that_a_person_asks_for_onto_a_link_out_of_service_is_refused_before_anybody_is_asked(
    tmp_path: Path,
) -> None:
    """rtm-ein is out by an act; nobody is asked for an approval and nothing is done."""
    async with staged(tmp_path, REROUTE, RESTORE) as stage:
        out = Outage(place="link:rtm-ein", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        run = await asked(stage, "key-exchange", "a")
        assert await refused(stage, run) == (
            "key-exchange would run over ams-rtm, rtm-ein, and rtm-ein is out of service (link.realign of INC-9-R1)"
        )
        assert stage.acts == []
        assert await stage.bodies("INC-1", ApprovalAsked) == []


async def test_a_route_that_goes_bad_while_an_approval_is_awaited_is_refused_then(tmp_path: Path) -> None:
    """An incident with a finding opens on ams-rtm after the run began; the yes does not move the flow onto it."""
    async with staged(tmp_path, REROUTE, RESTORE) as stage:
        run = await asked(stage, "key-exchange", "a")
        await stage.happened("INC-1", ApprovalAsked)
        (plan,) = await stage.bodies("INC-1", PlanProposed)
        assert plan.plan["steps"][0]["parameters"]["route"] == ["ams-rtm", "rtm-ein"]
        await stage.incident("link", "ams-rtm")
        assert (await stage.bellhop.desk.approve(run, "move", BOB, plan_hash=None, key="yes")).done
        assert "ams-rtm has an open incident (INC-2, sev3: made up)" in await refused(stage, run)
        assert stage.acts == []


async def test_a_critical_flow_is_not_moved_onto_a_link_that_burns_now_though_nobody_has_raised_an_alert(
    tmp_path: Path,
) -> None:
    """Live telemetry of a whole network: ten minutes after loss sets in on ams-rtm it is below its 99%."""
    async with staged(tmp_path, REROUTE) as stage:
        stage.simulation.inject("F1", "ams-rtm", severity=0.9, shape="step")
        assert isinstance(stage.bellhop.telemetry, EmbeddedTelemetry)
        for _ in range(40):
            stage.clock.leap(15.0)
            await stage.bellhop.telemetry.scrape_once()
        reason = await refused(stage, await asked(stage, "key-exchange", "a"))
        assert "ams-rtm fails its promise: logical success" in reason
        assert "promised 99.00%" in reason
        assert stage.acts == []


async def test_a_flow_that_was_moved_is_brought_back_by_asking_for_it(tmp_path: Path) -> None:
    """At home already: it says so. After the move the request has a run of its own, approved and verified."""
    async with staged(tmp_path, REROUTE, RESTORE) as stage:
        desk = stage.bellhop.desk
        answer = await desk.requests.reroute("research", ALICE, key="0", back=True)
        assert not answer.done
        assert "research is on its home route already (utr-ens, ens-grn)" in answer.message
        for number, (back, step) in enumerate(((False, "move"), (True, "back"))):
            run = await asked(stage, "research", str(number + 1), back=back)
            name = run.rsplit("-", 1)[0]
            await stage.happened(name, ApprovalAsked, lambda body, run=run: body.run == run)  # type: ignore[misc]
            assert (await desk.approve(run, step, BOB, plan_hash=None, key="yes")).done
            ended = await stage.happened(name, RunEnded, lambda body, run=run: body.run == run)  # type: ignore[misc]
            assert ended.result == "succeeded", ended.reason
            moved = await desk.requests.reroute("research", ALICE, key=f"{number} again", back=back)
            assert not moved.done
            assert ("on its home route already" if back else "bellhop reroute research --back") in moved.message
        assert stage.acts == ["flow.reroute", "flow.restore"]


async def test_a_flow_is_not_brought_back_onto_a_home_route_that_is_out(tmp_path: Path) -> None:
    """The work there is not over: the flow stays where it is."""
    async with staged(tmp_path, REROUTE, RESTORE) as stage:
        run = await asked(stage, "research", "1")
        await stage.happened("INC-1", ApprovalAsked)
        assert (await stage.bellhop.desk.approve(run, "move", BOB, plan_hash=None, key="yes")).done
        await stage.happened("INC-1", RunEnded)
        out = Outage(place="link:ens-grn", run="INC-9-R1", action="link.realign")
        await stage.bellhop.store.transact(lambda transaction: GuardRows(transaction).take_out(out))
        assert "ens-grn is out of service" in await refused(stage, await asked(stage, "research", "2", back=True))
        assert stage.acts == ["flow.reroute"]


async def test_of_two_equal_requests_at_once_one_is_a_run_and_the_other_is_told_which(tmp_path: Path) -> None:
    """Nothing of the second is left to act once the first one's incident is closed."""
    async with staged(tmp_path, REROUTE, RESTORE) as stage:
        ask = stage.bellhop.desk.requests.reroute
        answers = await asyncio.gather(*(ask("sensor-array", ALICE, key=key) for key in ("a", "b")))
        assert sorted(answer.done for answer in answers) == [False, True]
        (told,) = [answer.message for answer in answers if not answer.done]
        assert "INC-1-R1" in told
        (view,) = await stage.bellhop.desk.incidents(open_only=False)
        assert list(view.runs) == ["INC-1-R1"]
        again = await stage.bellhop.desk.run("INC-1", ALICE, "reroute-flow")
        assert not again.done
        assert "INC-1-R1" in again.message


async def test_one_request_delivered_twice_is_one(tmp_path: Path) -> None:
    """Slack may deliver a command again: the answer is the same run."""
    async with staged(tmp_path, REROUTE) as stage:
        first, second = [await asked(stage, "sensor-array", "a") for _ in range(2)]
        assert first == second == "INC-1-R1"


async def test_a_run_that_waits_does_not_begin_once_its_incident_is_closed(tmp_path: Path) -> None:
    """It stands in line behind another on the same link; resolved meanwhile, its incident takes no more acts."""
    hold = runbook("hold", throttle(**ASKED))
    async with staged(tmp_path, hold) as stage:
        first, second = await stage.incident("link", "ams-utr"), await stage.incident("link", "ams-utr")
        holder = await stage.run(first, "hold")
        await stage.happened(first, ApprovalAsked)
        waiting = await stage.run(second, "hold")
        assert (await stage.bellhop.desk.resolve(second, BOB, "over")).done
        await stage.happened(second, PostmortemPublished)
        assert (await stage.bellhop.desk.reject(holder, "throttle", BOB, plan_hash=None, key="no")).done
        refusal = await stage.happened(second, ActRefused, lambda body: body.run == waiting)
        assert (refusal.guard, refusal.reason) == ("incident", "INC-2 is postmortem published; open a new request")
        assert stage.acts == []


async def test_a_runbook_on_another_kind_of_place_is_refused_when_it_is_planned(tmp_path: Path) -> None:
    """A link is no flow; the input is named."""
    look = {"id": "look", "action": "flow.restore", "with": {"flow": "{{ inputs.flow }}"}, "timeout": "1m"}
    book = runbook("book", look, inputs={"flow": {"type": "flow", "default": "{{ incident.subject.id }}"}})
    async with staged(tmp_path, book) as stage:
        answer = await stage.bellhop.desk.run(await stage.incident("link", "ams-utr"), ALICE, "book")
        assert answer.message == "inputs of book: flow: ams-utr is no flow of the network; it is a link"
