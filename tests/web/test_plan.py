"""What the pages show to somebody who must decide: what is done to what, what it changes, and that all is paused."""

import re

from msgspec.structs import replace

from bot.model.diagnosis import SecurityGate
from bot.model.guard import Pause
from tests.support.desk import MemoryDesk
from tests.support.incident_story import START, diagnosis
from tests.support.planned import realignment
from tests.web.visitor import Client, sign_in

HOSTILE = "<script>alert(1)</script>"
ASKS = {"required": True, "role": "approver+security", "count": 1}
REALIGN = {**realignment(note=HOSTILE), "approval": ASKS}
TELL = {"id": "tell", "title": "Tell", "action": "notify.message", "risk": "reversible", "parameters": {}}


def planning() -> MemoryDesk:
    """An incident whose plan has parameters, one of them hostile."""
    desk = MemoryDesk()
    run = replace(desk.view.runs["INC-1-R1"], plan={"steps": [REALIGN, TELL]})
    desk.view = replace(desk.view, runs={"INC-1-R1": run})
    return desk


async def test_the_one_who_approves_sees_target_parameters_and_predicted_effect(client: Client) -> None:
    """In the question itself, and again in the plan; a step without a prediction says so; hostile words are words."""
    web = client(planning())
    await sign_in(web, "alice")
    page = (await web.get("/incidents/INC-1")).text
    question = page[page.index('aria-label="Approval"') : page.index("Break glass")]
    for part in (question, page[page.index("Plan and runs") :]):
        assert "link.set_power link:ams-rpt1 gain_db=3" in part
        assert "entanglement_rate 135.2 → 1269 pairs/s" in part
        assert "asks 1 × approver and security" in part
    assert "no prediction" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


async def test_a_pause_is_seen_on_the_list_and_on_the_incident(client: Client) -> None:
    """Since when, by whom, why; and nothing while runs may act."""
    desk = MemoryDesk()
    web = client(desk)
    await sign_in(web, "carol")
    assert "PAUSED" not in (await web.get("/")).text
    desk.pause = Pause(by="slack:U1", reason=HOSTILE, since=START)
    for place in ("/", "/incidents/INC-1"):
        page = (await web.get(place)).text
        assert "PAUSED since 2026-01-05T12:00:00Z by slack:U1: &lt;script&gt;" in page
        assert HOSTILE not in page


async def test_the_list_says_unknown_and_that_an_intrusion_is_not_excluded(client: Client) -> None:
    """And the page asks people to quarantine keys instead of saying that they are."""
    gate = SecurityGate(reason="qber rose", onset=START, links=("ams-rpt1",))
    desk = MemoryDesk()
    desk.view = replace(desk.view, diagnosis=replace(diagnosis(), verdict="unknown", findings=(), security=gate))
    web = client(desk)
    await sign_in(web, "carol")
    assert "unknown, intrusion not excluded" in (await web.get("/")).text
    page = (await web.get("/incidents/INC-1")).text
    assert "Keys of ams-rpt1 made since 2026-01-05T12:00:00Z must not be used: quarantine them" in page
    assert "are quarantined" not in page


GUIDE = """# Flood

**Swim** to `rtm`, see [control plane](control-plane-lost.md) and [the manual](https://example.org/manual).

- first
- second

| who | does |
|:---|---|
| ann | swims |

<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](https://example.org/x.png)
[bad](javascript:alert(1)) [up](../../signout) [data](data:text/html,x) [odd](//example.org/x.md)
"""


class Guided(MemoryDesk):
    """A desk whose playbook somebody hostile wrote."""

    async def guide(self, name: str) -> str | None:
        """The same under every name."""
        return GUIDE


async def test_a_playbook_is_a_page_with_headings_lists_tables_and_links(client: Client) -> None:
    """Links lead to other playbooks and to the web; everything else in it is text: no script, image or strange link."""
    web = client(Guided())
    await sign_in(web, "carol")
    page = (await web.get("/playbooks/flood")).text
    for part in (
        "<h1>Flood</h1>",
        "<strong>Swim</strong>",
        "<code>rtm</code>",
        "<li>first</li>",
        "<th>who</th>",
        '<a href="/playbooks/control-plane-lost">control plane</a>',
        '<a href="https://example.org/manual" rel="noreferrer noopener">the manual</a>',
        "&lt;script&gt;",
    ):
        assert part in page
    guide = page[page.index("<article") : page.index("</article>")]
    assert not re.search(r"<(script|img)|style=|<[^>]*onerror", guide)
    assert set(re.findall(r'href="([^"]*)"', guide)) == {
        "/playbooks/control-plane-lost",
        "https://example.org/manual",
        "https://example.org/x.png",
    }
