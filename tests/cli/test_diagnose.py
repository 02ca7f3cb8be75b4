"""`bellhop diagnose --batch` through its own door: faults of the file, order, a source that is away, silence."""

import io
import json
import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import run
from bot.model.time import parse_instant
from bot.simulator.scenarios import demo_network, demo_network_path
from tests.support.lab import BELLHOP
from tests.support.prometheus import Asked, Reply, far_side, free_port

LINKS = sorted(demo_network().links)
EMPTY = Reply(b'{"status":"success","data":{"resultType":"matrix","result":[]}}')


def configured(folder: Path, address: str, **telemetry: Any) -> Path:
    """A configuration on the demo network with Prometheus at `address`."""
    (folder / "network.yaml").write_bytes(demo_network_path().read_bytes())
    content = {
        "network": "network.yaml",
        "store": {"url": "sqlite:///bellhop.db"},
        "telemetry": telemetry or {"prometheus": {"url": address}},
    }
    config = folder / "bellhop.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config


def written(folder: Path, lines: Sequence[str | bytes | dict[str, Any]]) -> Path:
    """A file of questions."""
    file = folder / "questions.jsonl"
    texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    file.write_bytes(b"".join((text if isinstance(text, bytes) else text.encode()) + b"\n" for text in texts))
    return file


def ask(folder: Path, address: str, lines: Sequence[str | bytes | dict[str, Any]]) -> int:
    """The exit code of the command on these lines."""
    config, file = configured(folder, address), written(folder, lines)
    return run(["diagnose", "--batch", str(file), "--format", "jsonl", "--config", str(config)])


def test_every_fault_of_the_file_is_told_at_its_place_and_nothing_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns are those of the wrong values; good lines between bad ones do not run; exit 2."""
    lines: list[str | bytes | dict[str, Any]] = [
        {"id": "good", "link": "ams-rtm", "at": "2026-01-05T12:00:00Z"},
        '{"id": "q1", "link": "nowhere", "at": "yesterday"}',
        "not json",
        "",
        "[1, 2]",
        '{"at": "2026-01-05T12:00:00Z"}',
        '{"id": true, "link": 7, "at": 1767614400}',
        '{"id": "q2", "link": "ams-rtm", "at": "2026-13-05T12:00:00Z"}',
        '{"id": "q3", "link": "ams-rtm", "at": "2026-02-30T12:00:00Z"}',
        '{"id": NaN, "link": "ams-rtm"}',
        b'{"id": "\xff", "link": "ams-rtm"}',
        "[" * 100_000,
        '{"id": "q4", "link": "\\u001b[31m\\ud800"}',
    ]
    with far_side(lambda _: EMPTY) as prometheus:
        assert ask(tmp_path, prometheus.address, lines) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert prometheus.asked == []
    assert "\x1b" not in shown.err
    name = f"{tmp_path / 'questions.jsonl'}:"
    told = [line.removeprefix(name).split(": error: ") for line in shown.err.splitlines()]
    assert [place for place, _ in told] == [
        "2:22", "2:39", "3:1", "5:1", "6:1", "6:1", "7:8", "7:22", "7:31", "8:39", "9:39", "10:1", "11:9", "12:1",
        "13:22",
    ]  # fmt: skip
    reasons = [reason for _, reason in told]
    assert reasons[0] == "link: the network has no link 'nowhere'"
    assert reasons[1] == "at: 'yesterday' is not an RFC 3339 time such as 2026-01-05T12:00:00Z"
    assert reasons[4:6] == ["id: is missing", "link: is missing"]


def test_answers_stand_in_the_order_of_the_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Instants over a year in random order, text and numbers as ids: a line each, in order, with its own instant."""
    draw = random.Random(2)
    instants = [f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}T12:00:07Z" for _ in range(12)]
    lines = [
        {"id": number if number % 2 else f"q{number}", "link": draw.choice(LINKS), "at": at}
        for number, at in enumerate(instants)
    ]
    with far_side(lambda _: EMPTY) as prometheus:
        assert ask(tmp_path, prometheus.address, lines) == 0
    shown = capsys.readouterr()
    answers = [json.loads(line) for line in shown.out.splitlines()]
    assert [{key: answer[key] for key in ("id", "link", "at")} for answer in answers] == lines
    assert {answer["verdict"] for answer in answers} == {"unknown"}
    assert all("physical_loss_ratio" in answer["missing"] for answer in answers)
    assert shown.err == ""


def test_questions_without_an_instant_mean_the_same_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One instant, one set of queries, whether `at` is left out or null."""
    lines = [{"id": link, "link": link} if number % 2 else {"id": link, "link": link, "at": None}
             for number, link in enumerate(LINKS)]  # fmt: skip
    with far_side(lambda _: EMPTY) as prometheus:
        assert ask(tmp_path, prometheus.address, lines) == 0
    assert len({json.loads(line)["at"] for line in capsys.readouterr().out.splitlines()}) == 1
    assert len({asked.form["end"] for asked in prometheus.asked}) == 1
    assert len(prometheus.queries) == len(set(prometheus.queries))


def test_prometheus_that_is_down_is_one_line_and_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No half answers, no traceback."""
    assert ask(tmp_path, f"http://127.0.0.1:{free_port()}", [{"id": "q", "link": "ams-rtm"}]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert "cannot be reached" in shown.err


def test_prometheus_that_goes_away_is_told_with_how_far_it_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first day is answered, the second refused: whole lines, then one line of error, exit 1."""
    lines = [{"id": day, "link": "ams-rtm", "at": f"2026-01-0{day}T12:00:00Z"} for day in range(1, 4)]
    first_day = f"{parse_instant('2026-01-01T12:00:00Z'):.3f}"

    def answering(asked: Asked) -> Reply:
        return EMPTY if asked.form["end"] == first_day else Reply(status=503)

    with far_side(answering) as prometheus:
        assert ask(tmp_path, prometheus.address, lines) == 1
    shown = capsys.readouterr()
    assert [json.loads(line)["id"] for line in shown.out.splitlines()] == [1]
    (told,) = (line for line in shown.err.splitlines() if line.startswith("bellhop: "))
    assert "503" in told
    assert told.endswith("only the first 1 of 3 questions are answered")


def test_no_questions_are_no_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file asks nothing and is no mistake."""
    with far_side(lambda _: EMPTY) as prometheus:
        assert ask(tmp_path, prometheus.address, ["", "   "]) == 0
    assert prometheus.asked == []
    assert capsys.readouterr().out == ""


def test_embedded_telemetry_has_no_history_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No server has left one: said in one line, exit 2."""
    config = configured(tmp_path, "", source="embedded", exporters=["http://127.0.0.1:9"])
    file = written(tmp_path, [{"id": "q", "link": "ams-rtm"}])
    assert run(["diagnose", "--batch", str(file), "--config", str(config)]) == 2
    assert "needs Prometheus" in capsys.readouterr().err


def test_link_and_batch_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither, both, and --at beside --batch are wrong usage."""
    file = str(written(tmp_path, []))
    for words in ([], ["ams-rtm", "--batch", file], ["--batch", file, "--at", "2026-01-05T12:00:00Z"]):
        assert run(["diagnose", *words]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_questions_come_through_a_pipe_too_and_progress_stays_silent_in_one(tmp_path: Path) -> None:
    """`-` is standard input; nothing but answers on standard output, nothing at all on standard error."""
    with far_side(lambda _: EMPTY) as prometheus:
        config = configured(tmp_path, prometheus.address)
        done = subprocess.run(
            [BELLHOP, "diagnose", "--batch", "-", "--config", config],
            input=b'{"id": "q", "link": "ams-rtm"}\n',
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["id"] == "q"


def test_progress_shows_on_a_terminal(tmp_path: Path) -> None:
    """Answers go to a file, standard error is a terminal: how many of how many are done is to be seen there."""
    file = written(tmp_path, [{"id": link, "link": link} for link in LINKS])
    with far_side(lambda _: EMPTY) as prometheus:
        config = configured(tmp_path, prometheus.address)
        terminal, inner = os.openpty()
        words = [BELLHOP, "diagnose", "--batch", file, "--config", config]
        with (tmp_path / "answers.jsonl").open("wb") as answers:
            code = subprocess.run(
                words, stdout=answers, stderr=inner, check=False, timeout=60, env={**os.environ, "TERM": "xterm"}
            ).returncode
        os.close(inner)
        seen = drained(terminal)
    assert code == 0
    assert f"/{len(LINKS)}" in seen
    assert len((tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()) == len(LINKS)


def drained(terminal: int) -> str:
    """All that was written to a terminal whose other end is closed."""
    seen = io.BytesIO()
    try:
        while part := os.read(terminal, 65536):
            seen.write(part)
    except OSError:
        pass  # Linux says so when nobody holds the other end any more
    os.close(terminal)
    return seen.getvalue().decode()
