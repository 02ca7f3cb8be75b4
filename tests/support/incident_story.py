"""One whole incident as events, told by hand: loss on ams-rpt1, an approved realignment, recovery."""

from collections.abc import Sequence
from pathlib import Path

from bot.model.alert import Alert
from bot.model.diagnosis import CapacityReport, Diagnosis, Evidence, Finding
from bot.model.event import (
    AlertAttached,
    AlertResolved,
    ApprovalAnswered,
    ApprovalAsked,
    DiagnosisMade,
    EffectMeasured,
    Event,
    EventBody,
    IncidentOpened,
    PlanProposed,
    RecoveryVerified,
    RunStarted,
    StateChanged,
)
from bot.model.network import Code, Errors, Flow, Link, Memory, Network, Node, Pool, Slo, Subject
from bot.model.step_event import RunEnded, StepEnded, StepStarted

START = 1_767_614_400.0
"""2026-01-05T12:00:00Z."""
LINK = Subject(kind="link", id="ams-rpt1")


def network() -> Network:
    """Two links, one critical flow over both, 8 logical qubits a second."""
    links = (_link("ams-rpt1", ("ams", "rpt-1")), _link("rpt1-dlf", ("rpt-1", "dlf")))
    flow = Flow(
        id="key-exchange",
        source="ams",
        target="dlf",
        route=("ams-rpt1", "rpt1-dlf"),
        priority="critical",
        demand_logical_per_s=8.0,
    )
    return Network(
        name="randstad",
        nodes={name: Node(id=name) for name in ("ams", "rpt-1", "dlf")},
        links={link.id: link for link in links},
        flows={flow.id: flow},
    )


def _link(name: str, ends: tuple[str, str], *, objective: float = 0.99) -> Link:
    return Link(
        id=name,
        ends=ends,
        length_km=21.0,
        attenuation_db_per_km=0.2,
        excess_loss_db=1.5,
        attempt_rate_hz=1e6,
        memory=Memory(t1_s=4.0, t2_s=1.2, storage_s=0.004),
        errors=Errors(gate=0.001, measurement=0.002),
        code=Code(family="surface", distance=5),
        decoder_budget_s=0.1,
        pool=Pool(capacity_pairs=5000),
        slo=Slo(logical_success=objective, window_s=30 * 86400.0),
    )


def alert(*, summary: str = "Logical success below its SLO") -> Alert:
    """The alert that opens the story."""
    return Alert(
        fingerprint="6822b9508f674ea8",
        name="LogicalSuccessBurn",
        status="firing",
        starts_at=START - 10,
        labels={"link": "ams-rpt1", "severity": "critical"},
        annotations={"summary": summary},
    )


def diagnosis() -> Diagnosis:
    """Excess loss, with its evidence."""
    finding = Finding(
        mode="F1",
        name="excess loss",
        confidence=0.94,
        subject=LINK,
        evidence=(
            Evidence(
                signal="physical_loss_ratio",
                subject=LINK,
                baseline=0.62,
                observed=0.81,
                onset=START - 60,
                why="loss rose and stayed up",
                weight=4.0,
            ),
            Evidence(signal="logical_success_ratio", baseline=0.995, observed=0.9, why="transfers fail"),
        ),
        against=(Evidence(signal="qber", why="no rise where an eavesdropper would cause one"),),
        runbook="f1-excess-loss",
    )
    return Diagnosis(
        link="ams-rpt1",
        at=START + 2,
        verdict="fault",
        summary="excess loss on ams-rpt1",
        findings=(finding,),
        rejected=("F4 is turned down: the pool drains because pairs are lost, not because demand rose",),
        capacity=CapacityReport(
            baseline={"logical_success_ratio": 0.995},
            now={"logical_success_ratio": 0.9},
            attribution={"loss": 0.91, "pool": 0.09},
        ),
    )


PLAN = {
    "steps": [
        {"id": "realign", "title": "Realign the link", "action": "link.realign", "risk": "reversible"},
    ],
}


def bodies(
    *, title: str = "Logical success on ams-rpt1 is falling", summary: str = ""
) -> Sequence[tuple[float, str, EventBody]]:
    """(seconds after the opening, who, what), in order."""
    step = {"run": "INC-1-R1", "step": "realign", "phase": "run", "attempt": 1}
    return (
        (0, "bellhop", IncidentOpened(title=title, severity="sev2", subject=LINK)),
        (0, "alertmanager", AlertAttached(alert=alert(summary=summary or "success is low"), reason="it opened it")),
        (2, "bellhop", DiagnosisMade(diagnosis=diagnosis())),
        (
            3,
            "bellhop",
            PlanProposed(
                run="INC-1-R1", runbook="f1-excess-loss", title="Realign a lossy link", plan_hash="9f2c", plan=PLAN
            ),
        ),
        (20, "slack:U1", StateChanged(before="triggered", after="acknowledged")),
        (21, "bellhop", RunStarted(run="INC-1-R1", runbook="f1-excess-loss", plan_hash="9f2c")),
        (21, "bellhop", StateChanged(before="acknowledged", after="mitigating")),
        (
            30,
            "bellhop",
            ApprovalAsked(
                run="INC-1-R1",
                step="realign",
                title="Realign the link",
                role="approver",
                count=1,
                plan_hash="9f2c",
                expires_at=START + 930,
            ),
        ),
        (450, "slack:U2", ApprovalAnswered(run="INC-1-R1", step="realign", decision="approved", plan_hash="9f2c")),
        (
            451,
            "bellhop",
            StepStarted(
                title="Realign the link",
                action="link.realign",
                inputs={"link": "ams-rpt1"},
                key="INC-1-R1:realign",
                **step,
            ),
        ),
        (511, "bellhop", StepEnded(outcome="succeeded", **step)),
        (
            540,
            "bellhop",
            RunEnded(run="INC-1-R1", runbook="f1-excess-loss", result="succeeded", reason="every step succeeded"),
        ),
        (541, "bellhop", StateChanged(before="mitigating", after="monitoring")),
        (
            560,
            "bellhop",
            EffectMeasured(
                run="INC-1-R1",
                quantity="logical_success_ratio",
                unit="ratio",
                before=0.9,
                predicted=0.995,
                measured=0.994,
            ),
        ),
        (590, "bellhop", RecoveryVerified(recovered=True, reason="logical_success_ratio held for 1m")),
        (595, "alertmanager", AlertResolved(episode=alert().episode, name="LogicalSuccessBurn", ended_at=START + 594)),
        (600, "bellhop", StateChanged(before="monitoring", after="resolved")),
    )


def events(count: int | None = None, **changes: str) -> tuple[Event, ...]:
    """The story's first `count` events, or all."""
    told = bodies(**changes)[:count]
    return tuple(
        Event(incident="INC-1", seq=place, at=START + at, by=by, body=body)
        for place, (at, by, body) in enumerate(told, start=1)
    )


def write_sample(folder: Path) -> None:
    """Lay the story's report down in all formats, to be read by eye."""
    from bot.postmortem import draft, render

    facts = draft(events(), network=network(), at=START + 700)
    for format_ in ("md", "html", "json"):
        (folder / f"sample.{format_}").write_text(render(facts, format_), encoding="utf-8")
