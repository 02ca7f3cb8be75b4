"""What can happen to the steps of a run: intent before, outcome after, and the question when nobody knows."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Phase = Literal["run", "undo"]
StepOutcome = Literal["succeeded", "failed", "skipped", "refused", "unknown", "stopped"]
RunResult = Literal["succeeded", "failed", "stopped", "rejected", "rolled back", "unknown", "aborted"]


class StepStarted(msgspec.Struct, frozen=True, kw_only=True, tag="step started"):
    """Written before the act: intent. `key` is what the far side knows the act by, `before` what it changes."""

    run: str
    step: str
    title: str
    phase: Phase
    attempt: int
    action: str
    inputs: Mapping[str, Any]
    key: str
    before: Mapping[str, Any] = {}


class StepEnded(msgspec.Struct, frozen=True, kw_only=True, tag="step ended"):
    """Written after the act: outcome."""

    run: str
    step: str
    phase: Phase
    attempt: int
    outcome: StepOutcome
    output: Mapping[str, Any] = {}
    error: str = ""
    envelope: Mapping[str, Any] = {}
    """The whole outcome as `remediation` wrote it, so that a replay after a crash reads it from here."""


class AbortAsked(msgspec.Struct, frozen=True, kw_only=True, tag="abort asked"):
    """A person wants the run to end: no act is begun from here on, and an act that only looks is broken off."""

    run: str
    reason: str


class OutcomeAsked(msgspec.Struct, frozen=True, kw_only=True, tag="outcome asked"):
    """Nobody can tell whether the act happened or, where it only `looks`, what it would see: a person must say."""

    run: str
    step: str
    phase: Phase
    attempt: int
    reason: str
    looks: bool = False


class OutcomeTold(msgspec.Struct, frozen=True, kw_only=True, tag="outcome told"):
    """A person said whether the act happened or, where it only `looks`, whether what it looks for holds."""

    run: str
    step: str
    happened: bool
    looks: bool = False
    phase: Phase = "run"


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag="run ended"):
    """How a run ended and why."""

    run: str
    runbook: str
    result: RunResult
    reason: str
