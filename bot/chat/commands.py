"""What slash commands do: words in, one reply out. Knows nothing of Slack's wire."""

import difflib
from collections.abc import Mapping

from bot.chat.asked import Asked, Words, Work
from bot.chat.blocks import incident_blocks, incident_text
from bot.chat.decisions import approve, reject, review, settle
from bot.chat.ports import Desk
from bot.chat.reply import Reply, answered, refused, said, shown
from bot.chat.reports import (
    capacity_blocks,
    diagnosis_blocks,
    incident_line,
    pause_block,
    postmortem_blocks,
    runbook_blocks,
    shelf_blocks,
    status_blocks,
)
from bot.chat.text import escape, header, moment, plural, sections
from bot.errors import BellhopError, UsageError
from bot.model.person import Answer, Person
from remediation.duration import parse_duration


async def answer(desk: Desk, asked: Asked, command: str, text: str) -> Reply:
    """The reply to `/bellhop ...` or one of its short forms; what is wrong or refused is said in one line."""
    words = Words(_unescaped(text).split())
    name, rest = (words[0].lower(), Words(words[1:])) if command == "/bellhop" and words else (command[1:], words)
    work, usage = COMMANDS.get("help" if name == "bellhop" else name, (None, ""))
    if work is None:
        return refused(f"there is no /bellhop {name}; {_nearest(name)}")
    try:
        return await work(desk, asked, rest)
    except UsageError as error:
        return refused(f"{error}; usage: /bellhop {usage}")
    except BellhopError as error:
        return refused(error)


async def _help(desk: Desk, asked: Asked, words: Words) -> Reply:
    del desk, words
    roles = ", ".join(asked.by.roles) or "none: you can look, acknowledge and note"
    lines = [f"• `/bellhop {escape(usage)}`" for _, usage in COMMANDS.values()]
    lines.append("Short forms: `/diagnose`, `/runbook`, `/postmortem`")
    lines.append(f"You are {escape(asked.by.id)}, roles: {escape(roles)}")
    return shown("What Bellhop can do", [header("Bellhop"), *sections(lines)])


async def _status(desk: Desk, asked: Asked, words: Words) -> Reply:
    del asked, words
    views = await desk.incidents(open_only=True)
    pause = await desk.switches.paused()
    said_first = "PAUSED, " if pause is not None else ""
    blocks = status_blocks(views, await desk.reviews.owed(), pause)
    return shown(f"{said_first}{plural(len(views), 'open incident')}", blocks)


async def _diagnose(desk: Desk, asked: Asked, words: Words) -> Reply:
    del asked
    diagnosis = await desk.diagnose(_bare(words.need(0)))
    return shown(f"{diagnosis.verdict}: {escape(diagnosis.summary)}", diagnosis_blocks(diagnosis))


async def _capacity(desk: Desk, asked: Asked, words: Words) -> Reply:
    del asked
    diagnosis = await desk.diagnose(_bare(words.need(0)))
    return shown(f"Capacity of {escape(diagnosis.link)}", capacity_blocks(diagnosis))


async def _incident(desk: Desk, asked: Asked, words: Words) -> Reply:
    act = words[0].lower() if words else "list"
    if act == "list":
        views = await desk.incidents(open_only=False)
        pause = await desk.switches.paused()
        blocks = ([pause_block(pause)] if pause else []) + sections(map(incident_line, reversed(views[-20:])))
        return shown("Incidents", blocks) if views or pause else said("No incidents yet.")
    if act == "show":
        view = await desk.incident(words.id(1))
        return shown(incident_text(view), incident_blocks(view))
    if act in ("ack", "acknowledge"):
        return answered(await desk.acknowledge(words.id(1), asked.by))
    if act == "note":
        return answered(await desk.note(words.id(1), words.rest(2), asked.by))
    if act == "resolve":
        return answered(await desk.resolve(words.id(1), asked.by, words.rest(2)))
    if act == "escalate":
        return answered(await desk.escalate(words.id(1), asked.by, words.rest(2)))
    raise UsageError(f"incident knows no {act}")


async def _runbook(desk: Desk, asked: Asked, words: Words) -> Reply:
    act = words[0].lower() if words else "list"
    if act == "list":
        return await _runbooks(desk)
    if act in ("run", "abort", "skip", "retry"):
        return answered(await _steered(desk, asked.by, act, words))
    if act in ("lint", "plan", "test", "schema", "actions"):
        return refused(f"runbook {act} is for the command line: bellhop runbook {act}")
    return await _described(desk, words.need(1) if act == "show" else act)


async def _described(desk: Desk, name: str) -> Reply:
    """A playbook's text, or a runbook's steps and risks."""
    guide = await desk.guide(name)
    if guide is not None:
        return shown(guide.splitlines()[0].removeprefix("# "), postmortem_blocks(guide))
    runbooks = await desk.runbooks()
    found = next((each for each in runbooks if each.name == name), None)
    if found is not None:
        return shown(f"{escape(found.name)}: {escape(found.title)}", runbook_blocks(found))
    known = [each.name for each in runbooks] + [each.name for each in await desk.playbooks()]
    raise UsageError(f"there is no runbook or playbook {name}; there are {', '.join(known)}")


async def _steered(desk: Desk, by: Person, act: str, words: Words) -> Answer:
    if act == "run":
        name, inputs = words.run(2)
        return await desk.run(words.id(1), by, name, inputs)
    if act == "abort":
        return await desk.abort(words.id(1), by, words.rest(2))
    if act == "skip":
        return await desk.steering.skip(words.id(1), words.need(2), by, words.rest(3))
    return await desk.steering.retry(words.id(1), by, words[2] if len(words) > 2 else "")


async def _runbooks(desk: Desk) -> Reply:
    runbooks = await desk.runbooks()
    blocks = shelf_blocks(runbooks, await desk.playbooks())
    return shown(plural(len(runbooks), "runbook"), blocks)


async def _pause(desk: Desk, asked: Asked, words: Words) -> Reply:
    return answered(await desk.switches.pause(asked.by, words.rest(0)))


async def _resume(desk: Desk, asked: Asked, words: Words) -> Reply:
    del words
    return answered(await desk.switches.resume(asked.by))


async def _reset(desk: Desk, asked: Asked, words: Words) -> Reply:
    return answered(await desk.switches.reset(words.need(0), asked.by))


async def _postmortem(desk: Desk, asked: Asked, words: Words) -> Reply:
    del asked
    incident = words.id(0)
    report = await desk.postmortem(incident, "md")
    return shown(f"Postmortem of {escape(incident)}", postmortem_blocks(report))


async def _oncall(desk: Desk, asked: Asked, words: Words) -> Reply:
    del asked, words
    return said(desk.requests.on_call())


async def _replenish(desk: Desk, asked: Asked, words: Words) -> Reply:
    return answered(await desk.requests.replenish(_bare(words.need(0)), asked.by, key=asked.key))


async def _reroute(desk: Desk, asked: Asked, words: Words) -> Reply:
    flow, back = words.need(0).removeprefix("flow:"), words.rest(1).lower().lstrip("-—")
    if back not in ("", "back"):
        raise UsageError(f"{words.rest(1)} is nothing that reroute knows")
    return answered(await desk.requests.reroute(flow, asked.by, key=asked.key, back=bool(back)))


async def _maintenance(desk: Desk, asked: Asked, words: Words) -> Reply:
    if not words:
        works = await desk.requests.maintenance()
        lines = [
            f"• {escape(str(work.subject))} until {moment(work.ends_at)} by {escape(work.by)}: {escape(work.reason)}"
            for work in works
        ]
        return shown("Maintenance", sections(lines)) if lines else said("Nothing is under maintenance.")
    place = _bare(words.need(0)).removeprefix("node:")
    if words.need(1).lower() == "end":
        return answered(await desk.requests.end_maintenance(place, asked.by))
    try:
        seconds = parse_duration(words.need(1))
    except ValueError as error:
        raise UsageError(str(error)) from None
    return answered(await desk.requests.maintain(place, seconds, asked.by, words.rest(2)))


COMMANDS: Mapping[str, tuple[Work, str]] = {
    "help": (_help, "help"),
    "status": (_status, "status"),
    "diagnose": (_diagnose, "diagnose LINK"),
    "capacity": (_capacity, "capacity LINK"),
    "incident": (_incident, "incident list | show ID | ack ID | note ID text | resolve ID why | escalate ID why"),
    "runbook": (
        _runbook,
        (
            "runbook list | run INCIDENT [NAME] [INPUT=VALUE ...] | abort RUN|INCIDENT [why] | skip RUN STEP [why] | "
            "retry RUN [STEP] | NAME"
        ),
    ),
    "approve": (approve, "approve [RUN STEP [break-glass why]]"),
    "reject": (reject, "reject RUN STEP"),
    "review": (review, "review [RUN STEP justified|not-justified why]"),
    "settle": (settle, "settle RUN STEP happened|not-happened"),
    "pause": (_pause, "pause [reason]"),
    "resume": (_resume, "resume"),
    "reset": (_reset, "reset RUNBOOK"),
    "postmortem": (_postmortem, "postmortem INCIDENT"),
    "oncall": (_oncall, "oncall"),
    "reroute": (_reroute, "reroute FLOW [back]"),
    "replenish": (_replenish, "replenish LINK"),
    "maintenance": (_maintenance, "maintenance [LINK 2h reason | LINK end]"),
}
"""Subcommand -> what does it, and its usage."""


def _nearest(name: str) -> str:
    found = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"did you mean /bellhop {found[0]}?" if found else "try /bellhop help"


def _bare(word: str) -> str:
    return word.removeprefix("link:")


def _unescaped(text: str) -> str:
    """Slack escapes these three in what people type."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
