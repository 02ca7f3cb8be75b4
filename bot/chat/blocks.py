"""An incident as one Block Kit message: what is wrong, what is planned, who must decide, and the buttons for it."""

from bot.chat.buttons import actions, asks_first, button
from bot.chat.reports import DOTS, approvals_text, diagnosis_text, plan_text, step_lines
from bot.chat.text import Block, clean, context, escape, header, moment, section, who, within_limits
from bot.model.incident import Incident, PendingApproval, PendingOutcome, Review, RunView
from bot.model.plan_wording import asked_steps
from bot.model.wording import doubt_words, settled_answers

_SHOWN_QUESTIONS = 8
_SHOWN_PARTS = 6
_LONGEST_PARTS = 2000
"""Characters, of the 3000 of a paragraph; the rest is for who is asked, until when and for which plan."""
_SHOWN_ALERTS = 5


def incident_blocks(view: Incident) -> list[Block]:
    """The incident's message as it stands now."""
    blocks = [header(f"{DOTS[view.severity]} {view.severity.upper()} · {view.state} · {view.id}"), _facts(view)]
    if view.diagnosis is not None:
        blocks.append(section(diagnosis_text(view.diagnosis)))
    run = _latest(view)
    if run is not None:
        blocks.append(section(f"{_run_line(run)}\n{plan_text(run.plan)}"))
    blocks += _questions(view)
    blocks += actions(*_main_buttons(view, run))
    blocks.append(context(f"as of event {view.last_seq} · `/bellhop incident show {escape(view.id)}`"))
    return within_limits(blocks)


def incident_text(view: Incident) -> str:
    """The same in one line, for notifications and screen readers."""
    return f"{view.severity.upper()} {escape(view.id)} {view.state}: {escape(view.title)} ({escape(view.subject)})"


def _facts(view: Incident) -> Block:
    lines = [f"*{escape(view.title)}*", f"{escape(view.subject)} · opened {moment(view.opened_at)}"]
    if view.acknowledged_by:
        lines.append(f"Acknowledged by {who(view.acknowledged_by)}")
    for alert in view.firing[:_SHOWN_ALERTS]:
        summary = alert.annotations.get("summary", "")
        lines.append(f"• {escape(alert.name)}{': ' + escape(summary) if summary else ''}")
    if len(view.firing) > _SHOWN_ALERTS:
        lines.append(f"… and {len(view.firing) - _SHOWN_ALERTS} more alerts")
    if view.postmortem:
        lines.append(f"Postmortem: {escape(view.postmortem)}")
    return section("\n".join(lines))


def _latest(view: Incident) -> RunView | None:
    """The run that is going, or else the last one."""
    runs = list(view.runs.values())
    going = [run for run in runs if run.is_running]
    chosen = going or runs
    return chosen[-1] if chosen else None


def _run_line(run: RunView) -> str:
    if run.result is not None:
        state = f"{run.result}: {escape(run.reason)}" if run.reason else run.result
    else:
        state = "running" if run.started_at is not None else "proposed"
    return f"*{escape(run.runbook)}* · {escape(run.title)} ({escape(run.run)}): {state}"


def _questions(view: Incident) -> list[Block]:
    blocks: list[Block] = []
    for approval in view.approvals[:_SHOWN_QUESTIONS]:
        blocks += _approval(view, approval)
    for outcome in view.outcomes[:_SHOWN_QUESTIONS]:
        blocks += _outcome(view, outcome)
    blocks += [_review(view, review) for review in view.reviews[:_SHOWN_QUESTIONS]]
    asked = (view.approvals, view.outcomes, view.reviews)
    left = sum(max(0, len(each) - _SHOWN_QUESTIONS) for each in asked)
    if left:
        blocks.append(context(f"… and {left} more questions: `/bellhop incident show {escape(view.id)}`"))
    return blocks


def _approval(view: Incident, ask: PendingApproval) -> list[Block]:
    text = (
        f"*Approval needed:* {escape(ask.title)} (`{escape(ask.run)}` step `{escape(ask.step)}`)\n"
        f"{approvals_text(ask)}\n"
        f"{_what(view, ask)}until {moment(ask.expires_at)} · plan `{escape(ask.plan_hash, 12)}`"
    )
    about = {"run": ask.run, "step": ask.step, "plan_hash": ask.plan_hash}
    name = clean(ask.title, 50)
    return [
        section(text),
        *actions(
            button(view, "approve", f"Approve: {name}", style="primary", about=about),
            button(view, "reject", f"Reject: {name}", style="danger", about=about),
            button(view, "break-glass", "Break glass …", about=about),
        ),
    ]


def _what(view: Incident, ask: PendingApproval) -> str:
    """What a yes lets happen: target, parameters and predicted effect, and how much more than is told here."""
    run = view.runs.get(ask.run)
    parts = asked_steps(run.plan if run is not None else {}, ask.step, ask.acts)
    told = ["".join(f"{line}\n" for line in step_lines(part)) for part in parts[:_SHOWN_PARTS]]
    while sum(map(len, told)) > _LONGEST_PARTS and len(told) > 1:
        told.pop()
    if left := len(parts) - len(told):
        told.append(f"… and {left} more; all of them: `bellhop incident show {escape(view.id)}`\n")
    return "".join(told)


def _review(view: Incident, owed: Review) -> Block:
    text = (
        f"*Review owed:* {escape(owed.title)} (`{escape(owed.run)}` step `{escape(owed.step)}`) went ahead on the word "
        f"of {who(owed.by)} alone, {moment(owed.opened_at)}: {escape(owed.reason, 500)}\n"
        f"Somebody else looks at it, an approver{_or_role(owed)}"
    )
    made = button(view, "review", "Review …", about={"run": owed.run, "step": owed.step})
    return section(text) | ({"accessory": made} if made else {})


def _or_role(owed: Review) -> str:
    roles = [role for role in owed.roles if role != "approver"]
    return f" or somebody with the role {escape(' or '.join(roles))}" if roles else ""


def _outcome(view: Incident, ask: PendingOutcome) -> list[Block]:
    text = (
        f"*{escape(doubt_words(ask.step, looks=ask.looks))}* `{escape(ask.run)}` ({escape(ask.phase)}, "
        f"attempt {ask.attempt}): {escape(ask.reason)}"
    )
    about, (yes, no) = {"run": ask.run, "step": ask.step}, settled_answers(looks=ask.looks)
    return [
        section(text),
        *actions(button(view, "happened", yes, about=about), button(view, "absent", no, about=about)),
    ]


def _main_buttons(view: Incident, run: RunView | None) -> list[dict[str, object] | None]:
    postmortem = button(view, "postmortem", "Postmortem")
    if not view.is_open:
        return [postmortem]
    resolve = asks_first(
        button(view, "resolve", "Resolve"), f"Resolve {view.id}?", "Whatever the metrics say.", "Resolve"
    )
    acknowledge = button(view, "acknowledge", "Acknowledge", style="primary") if not view.acknowledged_at else None
    return [acknowledge, _run_button(view, run), button(view, "escalate", "Escalate"), resolve, postmortem]


def _run_button(view: Incident, run: RunView | None) -> dict[str, object] | None:
    if run is not None and run.is_running:
        return None
    findings = view.diagnosis.findings if view.diagnosis else ()
    proposed = run is not None and run.started_at is None and run.result is None
    runbook = run.runbook if run is not None and proposed else findings[0].runbook if findings else ""
    if not runbook:
        return None
    about = {"run": run.run, "plan_hash": run.plan_hash} if run is not None and proposed else {}
    made = button(view, "run", f"Run {runbook}", about={"runbook": runbook, **about})
    return asks_first(made, f"Run {runbook}?", "It acts on the network; risky steps still ask for approval.", "Run")
