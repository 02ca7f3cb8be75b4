"""The store locked, full or restarted in the middle of a run: the run waits, nothing is lost or done again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PATIENCE_S = 120.0
SUCCEEDED = "f4-entanglement-exhaustion succeeded: flow.throttle, entanglement.replenish, flow.unthrottle"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("locked", "after insert events done:INC-1-R1:replenish"),
        ("full", "after insert events done:INC-1-R1:replenish"),
        pytest.param("restarted", "before insert events done:INC-1-R1:throttle", marks=pytest.mark.needs("postgres")),
    ],
)
def test_a_run_waits_for_a_store_in_trouble_and_ends_as_it_would_have(kind: str, point: str) -> None:
    """Two seconds of trouble begin just before an outcome is written, or the engine's own record of it.

    The bot is not restarted; each operation reached the controller once, and no workflow is left behind.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.crash.troubles", kind, point],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["struck"]
    assert told["violations"] == [], told["account"]
    assert told["result"] == SUCCEEDED, told["reasons"]
