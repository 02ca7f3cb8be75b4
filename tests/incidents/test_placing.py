"""Which incident an alert belongs to, how bad it is, and what the incident is called."""

import unicodedata
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.incidents.grouping import Placement, place
from bot.incidents.replay import replay
from bot.incidents.severity import severity_of
from bot.incidents.subject import subject_of
from bot.incidents.title import LONGEST_TITLE, one_line, title_of
from bot.model.alert import Alert
from bot.model.event import AlertAttached, AlertResolved, Event, EventBody, IncidentOpened
from bot.model.incident import Incident
from bot.model.network import Flow, Network, Node, Subject
from tests.support.incident_story import START, network

WINDOW_S = 600.0
replace = msgspec.structs.replace


def wide_network() -> Network:
    """The story's network, ams - rpt-1 - dlf with its critical flow, and a quiet link beside it, utr - gro."""
    near = network()
    aside = replace(near.links["ams-rpt1"], id="utr-gro", ends=("utr", "gro"))
    flow = Flow(id="backup", source="utr", target="gro", route=("utr-gro",))
    nodes = {name: Node(id=name) for name in ("utr", "gro")}
    return replace(
        near,
        nodes={**near.nodes, **nodes},
        links={**near.links, aside.id: aside},
        flows={**near.flows, flow.id: flow},
    )


NETWORK = wide_network()


def alert(fingerprint: str = "a", *, starts_at: float = START, status: str = "firing", **labels: str) -> Alert:
    """An alert with labels."""
    return labelled(labels, fingerprint=fingerprint, starts_at=starts_at, status=status)


def labelled(
    labels: Mapping[str, str], *, fingerprint: str = "a", starts_at: float = START, status: str = "firing"
) -> Alert:
    """The same with the labels as a mapping."""
    return Alert(
        fingerprint=fingerprint,
        name="Low",
        status=status,  # type: ignore[arg-type]
        starts_at=starts_at,
        ends_at=starts_at + 30 if status == "resolved" else None,
        labels=labels,
    )


def incident(subject: Subject, *attached: Alert, opened_at: float = START, number: int = 1, over: bool = False) -> Incident:  # fmt: skip  # noqa: E501
    """An open incident about `subject` with its alerts; `over` says that they have ended."""
    opening = IncidentOpened(title="t", severity="sev2", subject=subject)
    told: list[EventBody] = [opening, *(AlertAttached(alert=each, reason="r") for each in attached)]
    if over:
        told += [AlertResolved(episode=each.episode, name=each.name, ended_at=START + 5) for each in attached]
    return replay(
        Event(incident=f"INC-{number}", seq=seq, at=opened_at, by="bellhop", body=body)
        for seq, body in enumerate(told, start=1)
    )


def about(kind: str, name: str) -> Subject:
    """A subject."""
    return Subject(kind=kind, id=name)  # type: ignore[arg-type]


def placed(alert_: Alert, *incidents: Incident, now: float = START + 60) -> Placement:
    """The decision."""
    return place(alert_, open_incidents=incidents, network=NETWORK, now=now, window_s=WINDOW_S)


@pytest.mark.parametrize(
    ("labels", "subject", "why"),
    [
        ({"link": "ams-rpt1"}, about("link", "ams-rpt1"), "the same link, ams-rpt1"),
        ({"node": "rpt-1"}, about("node", "rpt-1"), "the same node, rpt-1"),
        ({"flow": "key-exchange"}, about("flow", "key-exchange"), "the same flow, key-exchange"),
        ({"link": "ams-rpt1"}, about("node", "rpt-1"), "both touch node rpt-1"),
        ({"node": "rpt-1"}, about("link", "rpt1-dlf"), "both touch node rpt-1"),
        ({"link": "rpt1-dlf"}, about("flow", "key-exchange"), "both on the route of flow key-exchange"),
        ({"flow": "key-exchange"}, about("link", "ams-rpt1"), "both on the route of flow key-exchange"),
        ({}, about("network", "randstad"), "the same network, randstad"),
        ({"link": "unheard-of"}, about("network", "randstad"), "the same network, randstad"),
    ],
)
def test_alerts_on_the_same_link_node_or_route_join(labels: dict[str, str], subject: Subject, why: str) -> None:
    """Within the window, with the reason in words."""
    assert placed(labelled(labels), incident(subject)) == Placement(kind="join", incident="INC-1", reason=why)


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"link": "ams-rpt1"}, about("link", "rpt1-dlf")),
        ({"link": "ams-rpt1"}, about("link", "utr-gro")),
        ({"node": "ams"}, about("node", "rpt-1")),
        ({"node": "ams"}, about("link", "rpt1-dlf")),
        ({"link": "utr-gro"}, about("flow", "key-exchange")),
        ({"flow": "backup"}, about("flow", "key-exchange")),
        ({"link": "ams-rpt1"}, about("network", "randstad")),
        ({}, about("link", "ams-rpt1")),
    ],
)
def test_alerts_on_other_parts_open_an_incident_of_their_own(labels: dict[str, str], subject: Subject) -> None:
    """Two links with a common end are two troubles as long as no alert names the node."""
    assert placed(labelled(labels), incident(subject)).kind == "new"


def test_an_alert_never_disappears_in_what_a_person_asked_for() -> None:
    """A requested reroute is no trouble: the alert opens an incident of its own, even about the same link."""
    asked = replace(incident(about("link", "ams-rpt1")), asked=True)
    placement = place(alert(link="ams-rpt1"), open_incidents=[asked], network=NETWORK, now=START, window_s=WINDOW_S)
    assert placement.kind == "new"


def test_the_window_counts_from_the_opening_or_the_newest_alert() -> None:
    """600 s after it is in, a moment later is out; what an alert says about the future does not hold it open."""
    link = about("link", "ams-rpt1")
    quiet, renewed = incident(link), incident(link, alert("b", starts_at=START + 500, link="ams-rpt1"))
    early = incident(link, alert("c", starts_at=START + 10_000_000, link="ams-rpt1"))
    for view, last in ((quiet, START), (renewed, START + 500), (early, START)):
        assert placed(alert(link="ams-rpt1"), view, now=last + WINDOW_S).kind == "join"
        assert placed(alert(link="ams-rpt1"), view, now=last + WINDOW_S + 0.001).kind == "new"


def test_a_known_episode_is_a_duplicate_or_ends_however_late() -> None:
    """Outside the window too; ending twice is a duplicate; a later firing of the same rule is another episode."""
    firing = alert(link="ams-rpt1")
    open_, over = incident(about("link", "utr-gro"), firing), incident(about("link", "utr-gro"), firing, over=True)
    late = START + 10 * WINDOW_S
    ends = alert(link="ams-rpt1", status="resolved")
    assert [
        placed(firing, open_, now=late).kind,
        placed(ends, open_, now=late).kind,
        placed(ends, over, now=late).kind,
        placed(alert(link="ams-rpt1", starts_at=START + 1), open_).kind,
    ] == ["duplicate", "resolve", "duplicate", "new"]


def test_an_end_that_nobody_waits_for_is_ignored() -> None:
    """It opens nothing and joins nothing."""
    assert placed(alert(link="ams-rpt1", status="resolved"), incident(about("link", "ams-rpt1"))).kind == "ignore"
    assert placed(alert(link="ams-rpt1", status="resolved")).kind == "ignore"


@pytest.mark.parametrize(
    "gone", [about("link", "old"), about("node", "old"), about("flow", "old"), about("network", "x")]
)
def test_an_open_incident_about_what_has_left_the_network_file_stops_nothing(gone: Subject) -> None:
    """New alerts of every kind are still placed, an alert of the same vanished subject included."""
    every: list[dict[str, str]] = [{"link": "ams-rpt1"}, {"node": "rpt-1"}, {"flow": "key-exchange"}, {}]
    for labels in (*every, {str(gone.kind): gone.id}):
        assert placed(labelled(labels), incident(gone)).kind == "new"


def test_a_route_over_a_link_that_left_the_network_file_stops_nothing() -> None:
    """The flow's other links still count."""
    lacking = replace(NETWORK, links={name: link for name, link in NETWORK.links.items() if name != "rpt1-dlf"})
    views = (incident(about("flow", "key-exchange")),)
    found = place(alert(node="ams"), open_incidents=views, network=lacking, now=START, window_s=WINDOW_S)
    assert found.reason == "both touch node ams"


@pytest.mark.parametrize(
    ("labels", "severity", "reason"),
    [
        ({"link": "ams-rpt1", "severity": "critical"}, "sev1", "critical flow key-exchange"),
        ({"node": "rpt-1", "severity": "page"}, "sev1", "critical flow key-exchange"),
        ({"flow": "key-exchange", "severity": "CRITICAL"}, "sev1", "critical flow key-exchange"),
        ({"link": "ams-rpt1"}, "sev1", "critical flow key-exchange"),
        ({"severity": "critical"}, "sev1", "critical flow key-exchange"),
        ({"link": "utr-gro", "severity": "critical"}, "sev2", "severity is critical"),
        ({"link": "utr-gro"}, "sev2", "no known severity"),
        ({"link": "utr-gro", "severity": "purple"}, "sev2", "no known severity"),
        ({"link": "ams-rpt1", "severity": "warning"}, "sev3", "severity is warning"),
        ({"link": "ams-rpt1", "severity": "info"}, "sev4", "severity is info"),
    ],
)
def test_severity_comes_from_what_hangs_on_the_subject_and_then_from_the_label(
    labels: dict[str, str], severity: str, reason: str
) -> None:
    """As the contract: sev1 a critical flow, sev2 an objective burns; when unsure, the worse."""
    given_ = labelled(labels)
    judged = severity_of(given_, subject_of(given_, NETWORK).subject, NETWORK)
    assert judged.severity == severity
    assert reason in judged.reason


@pytest.mark.parametrize(
    ("labels", "subject", "reason"),
    [
        ({"link": "ams-rpt1", "node": "ams", "flow": "backup"}, about("link", "ams-rpt1"), "label link"),
        ({"link": "no", "node": "ams"}, about("node", "ams"), "label node"),
        ({"link": "no", "node": "", "flow": "never"}, about("network", "randstad"), "no link no and no flow never"),
        ({"team": "qnet"}, about("network", "randstad"), "names no link, node or flow"),
    ],
)
def test_the_subject_is_the_first_part_of_the_network_that_the_labels_name(
    labels: dict[str, str], subject: Subject, reason: str
) -> None:
    """Link before node before flow; what the network file lacks is told."""
    found = subject_of(labelled(labels), NETWORK)
    assert found.subject == subject
    assert reason in found.reason


def test_a_title_is_the_alerts_name_and_summary() -> None:
    """The name alone where there is no summary."""
    assert title_of(alert()) == "Low"
    assert title_of(replace(alert(), annotations={"summary": "success\nis \t low"})) == "Low: success is low"
    assert one_line("x" * 121) == "x" * 119 + "…"
    assert one_line("x" * 120) == "x" * 120


@given(st.text(max_size=700))
@settings(deadline=None, derandomize=True)
def test_a_hostile_title_is_one_short_printable_line(text: str) -> None:
    """No control, direction or format characters, no line breaks, no double spaces, at most 120 characters."""
    title = one_line(text)
    assert len(title) <= LONGEST_TITLE
    assert title.isprintable()
    assert title == " ".join(title.split())
    assert not {unicodedata.category(sign) for sign in title} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
