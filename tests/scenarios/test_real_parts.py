"""The main job with real parts: Prometheus' rule fires, Alertmanager posts, a signed Slack button approves."""

from pathlib import Path

import pytest

from tests.intake.alertmanager import running_alertmanager
from tests.support.lab import TOKEN, BotProcess, configuration, running_lab, shown, until
from tests.support.prometheus import running_prometheus
from tests.support.slack.workspace import running_workspace

LINK = "ein-ens"
RULES = """
groups:
  - name: promises
    rules:
      - alert: LogicalSuccessBurnsFast
        expr: |
          sum by (link) (rate(qnet_logical_transfers_total{result="failure"}[10s]))
            / sum by (link) (rate(qnet_logical_transfers_total[10s])) > 0.144
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.link }} spends its error budget at over 14.4 times the allowed rate"}
"""
"""The page threshold of a 99% promise (14.4 times 1%), over the lab's short rate window."""
BASELINE_S = 300
"""Simulated seconds of health before the fault: 30 real ones."""


@pytest.mark.needs("prometheus")
@pytest.mark.needs("alertmanager")
async def test_rule_to_postmortem_with_prometheus_alertmanager_and_a_slack_button(tmp_path: Path) -> None:
    """A rule fires, the webhook opens an incident, Slack shows it, a signed press approves, the network heals."""
    (tmp_path / "am").mkdir()
    async with running_lab() as lab, running_workspace() as slack:
        alice = slack.add_user("alice")
        channel = slack.add_channel("incidents", alice)
        content = configuration(tmp_path, lab)
        bot = BotProcess(tmp_path, content, {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SECRET": slack.signing_secret})
        webhook = f"{bot.address}/alerts/alertmanager"
        slack.request_url = f"{bot.address}/slack/events"
        target = lab.address.removeprefix("http://")
        async with running_alertmanager(tmp_path / "am", webhook=webhook, token=TOKEN, group_by=["link"]) as api:
            alertmanager = str(api.base_url).removeprefix("http://").rstrip("/")
            async with running_prometheus(
                tmp_path, targets=[target], rules=RULES, alertmanagers=[alertmanager]
            ) as prometheus:
                content["telemetry"] |= {"source": "prometheus", "exporters": [], "prometheus": {"url": prometheus}}
                content["slack"] = {
                    "mode": "http",
                    "bot_token": {"env": "SLACK_BOT_TOKEN"},
                    "signing_secret": {"env": "SLACK_SECRET"},
                    "channel": channel.id,
                    "api_url": slack.base_url,
                }
                content["people"] = [{"id": f"slack:{alice.id}", "name": "alice", "roles": ["approver"]}]
                await bot.start()
                try:
                    healthy_until = lab.simulation.time + BASELINE_S
                    await until(lambda: lab.simulation.time > healthy_until, "a baseline is there")
                    lab.simulation.inject("F7", LINK, severity=0.7)
                    await until(lambda: _offers(slack, "bellhop:approve"), "Slack offers the approval", log=_log(bot))
                    assert lab.done == []
                    pressed = await slack.press(alice, slack.messages(channel)[0], "bellhop:approve")
                    await until(lambda: pressed.acknowledged, "the press is acknowledged")
                    assert pressed.in_time
                    await shown(bot, "postmortem published")
                    assert lab.done.count("scheduler.set_slots") == 1
                    assert lab.simulation.faults == {}
                    report = (tmp_path / "postmortems" / "INC-1.md").read_text(encoding="utf-8")
                    assert "Cause: F7 resource starvation on link:ein-ens" in report
                    assert f"approved by slack:{alice.id}" in report
                    message = slack.messages(channel)[0]
                    await until(lambda: "postmortem" in _thread(slack, message), "the thread tells the end")
                    told = _thread(slack, message)
                    order = [told.index(word) for word in ("F7", "approved", "resolved", "postmortem")]
                    assert order == sorted(order)
                    assert bot.stop() == 0
                finally:
                    bot.kill()


def _offers(slack: object, action: str) -> bool:
    return any(action in message.action_ids for message in slack.messages())  # type: ignore[attr-defined]


def _thread(slack: object, message: object) -> str:
    return "\n".join(reply.everything_said for reply in slack.replies(message))  # type: ignore[attr-defined]


def _log(bot: BotProcess) -> Path:
    return bot.folder / "serve.log"
