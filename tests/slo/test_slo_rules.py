"""Rules that Prometheus itself accepts, and that fire when and only when the budget burns."""

import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from bot.__main__ import run
from bot.slo import BURN_WINDOWS, FAST, STEADY, alert_names, burn_threshold, rules, unreachable
from tests.support.incident_story import network


def promtool(*arguments: str) -> str:
    """Run promtool; its words on success, a failed test with its words otherwise."""
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("pace", [STEADY, FAST], ids=["steady", "fast"])
def test_promtool_accepts_the_rules(pace: object, tmp_path: Path) -> None:
    """2 budgets, 6 ratios (5 where two windows share one), 3 burns, 4 symptoms."""
    file = tmp_path / "rules.yaml"
    file.write_text(rules(network(), pace))  # type: ignore[arg-type]
    said = promtool("check", "rules", str(file))
    spans = {span for window in pace.windows for span in (window.long_s, window.short_s)}  # type: ignore[attr-defined]
    assert f"SUCCESS: {2 + len(spans) + 3 + 4} rules found" in said


def unit_test(file: Path, *, failed_a_minute: int, expect: bool) -> dict[str, object]:
    """Promtool's test: 100 transfers a minute on ams-rpt1, some of which fail, looked at after an hour and a half."""
    labels = {"severity": "critical", "link": "ams-rpt1", "window": "1h"}
    share = f"{failed_a_minute}%"
    alert = {
        "exp_labels": labels,
        "exp_annotations": {
            "summary": "Link ams-rpt1 spends its error budget over 14.4 times too fast",
            "description": f"Over 1h {share} of the logical transfers failed, and the last 5m are no better.",
        },
    }
    series = 'qnet_logical_transfers_total{link="ams-rpt1",result="%s",instance="a"}'
    return {
        "rule_files": [str(file)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": series % "success", "values": f"0+{100 - failed_a_minute}x120"},
                    {"series": series % "failure", "values": f"0+{failed_a_minute}x120"},
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "90m",
                        "alertname": "LogicalSuccessFastBurn",
                        "exp_alerts": [alert] if expect else [],
                    }
                ],
            }
        ],
    }


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize(("failed", "expect"), [(20, True), (14, False), (0, False)])
def test_fast_burn_fires_above_14_4_times_the_budget(failed: int, *, expect: bool, tmp_path: Path) -> None:
    """Objective 0.99: the limit is a failure ratio of 0.144, so 20 in 100 fires and 14 in 100 does not."""
    file = tmp_path / "rules.yaml"
    file.write_text(rules(network()))
    test = tmp_path / "test.yaml"
    test.write_text(yaml.safe_dump(unit_test(file, failed_a_minute=failed, expect=expect)))
    assert "SUCCESS" in promtool("test", "rules", str(test))


@pytest.mark.needs("prometheus")
def test_low_traffic_and_silence_are_not_a_burn(tmp_path: Path) -> None:
    """One failing transfer in an hour burns nothing; a link that is not heard of is named as absent."""
    file = tmp_path / "rules.yaml"
    file.write_text(rules(network()))
    labels = {"link": "rpt1-dlf", "severity": "warning"}
    summary = "Nothing is heard of rpt1-dlf: its promise cannot be judged"
    test = {
        "rule_files": [str(file)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'qnet_logical_transfers_total{link="ams-rpt1",result="failure"}', "values": "0x60 1x60"}
                ],
                "alert_rule_test": [
                    {"eval_time": "62m", "alertname": "LogicalSuccessFastBurn", "exp_alerts": []},
                    {
                        "eval_time": "62m",
                        "alertname": "LinkTelemetryAbsent",
                        "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"summary": summary}}],
                    },
                ],
            }
        ],
    }
    place = tmp_path / "test.yaml"
    place.write_text(yaml.safe_dump(test))
    assert "SUCCESS" in promtool("test", "rules", str(place))


def test_burn_factors_are_budget_share_times_period_over_window() -> None:
    """2% in 1 h, 5% in 6 h, 10% in 3 d of 30 days (Site Reliability Workbook, table 5-8)."""
    shares = [window.factor * window.long_s / (30 * 86400) for window in BURN_WINDOWS]
    assert shares == pytest.approx([0.02, 0.05, 0.10])


def test_objective_too_low_for_an_alert_is_said() -> None:
    """At 0.9 a burn of 14.4 would need a failure ratio of 1.44; 6 times needs 0.6, which can happen."""
    calm = network()
    link = calm.links["ams-rpt1"]
    loose = msgspec.structs.replace(link, slo=msgspec.structs.replace(link.slo, logical_success=0.9))
    net = msgspec.structs.replace(calm, links={loose.id: loose})
    assert burn_threshold(loose, BURN_WINDOWS[0]) == pytest.approx(1.44)
    assert len(unreachable(net)) == 1
    assert unreachable(calm) == ()


def test_command_writes_the_rules_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bellhop slo rules -o FILE` writes what the function gives; a missing network is one line and exit 2."""
    from bot.cli.init import template

    place = tmp_path / "network.yaml"
    place.write_text(template("network.yaml"))
    out = tmp_path / "rules.yaml"
    assert run(["slo", "rules", "--network", str(place), "-o", str(out), "--fast"]) == 0
    assert "LogicalSuccessFastBurn" in alert_names(out.read_text())
    assert run(["slo", "rules", "--network", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
