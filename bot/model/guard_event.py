"""What can happen to a run because of guards, modes and people in a hurry: immutable typed events like all others."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bot.model.guard import Mode

Verdict = Literal["justified", "not justified"]
LONGEST_REASON = 1000
"""Characters in which somebody says why the glass is broken, or how a review came out."""


class RunPaused(msgspec.Struct, frozen=True, kw_only=True, tag="run paused"):
    """The run stands still before an act, because no act is done now."""

    run: str
    step: str
    reason: str


class RunResumed(msgspec.Struct, frozen=True, kw_only=True, tag="run resumed"):
    """The run goes on with the act before which it stood still."""

    run: str
    step: str


class BreakerOpened(msgspec.Struct, frozen=True, kw_only=True, tag="breaker opened"):
    """A runbook failed so often in a row that nobody may run it until a person has looked at it."""

    runbook: str
    runs: tuple[str, ...]


class ShadowRecorded(msgspec.Struct, frozen=True, kw_only=True, tag="shadow recorded"):
    """What a run in the mode observe would have done at a step; nothing was done."""

    run: str
    runbook: str
    step: str
    would: str
    action: str = ""
    inputs: Mapping[str, Any] = {}


class ModeChanged(msgspec.Struct, frozen=True, kw_only=True, tag="mode changed"):
    """A runbook may do more or less by itself on a target from now on."""

    runbook: str
    target: str
    before: Mode
    after: Mode


class PromotionProposed(msgspec.Struct, frozen=True, kw_only=True, tag="promotion proposed"):
    """Predictions of a runbook on a target were met so often in a row that a person may let it do more by itself."""

    runbook: str
    target: str
    before: Mode
    after: Mode
    matches: int


class GlassBroken(msgspec.Struct, frozen=True, kw_only=True, tag="glass broken"):
    """One person let a step go ahead alone; the review of it is mandatory."""

    run: str
    step: str
    reason: str


class ReviewClosed(msgspec.Struct, frozen=True, kw_only=True, tag="review closed"):
    """Somebody else looked at a step that one person had let go ahead alone, and judged it."""

    run: str
    step: str
    verdict: Verdict
    note: str


class WishRefused(msgspec.Struct, frozen=True, kw_only=True, tag="wish refused"):
    """A person wanted to decide something and may not; nothing came of it."""

    run: str
    step: str
    wish: Literal["approve", "break the glass", "close the review", "skip"]
    reason: str


class SkipAsked(msgspec.Struct, frozen=True, kw_only=True, tag="skip asked"):
    """A person wants a step that has not begun to be passed over; it is never begun from here on."""

    run: str
    step: str
    reason: str
    verifies: bool = False
    """Whether the step would have looked whether the repair helped: that is reviewed afterwards."""
    stands: tuple[str, ...] = ()
    """Earlier steps that it would have taken back, such as a throttle: that is reviewed afterwards as well."""


GuardEvent = (
    RunPaused
    | RunResumed
    | BreakerOpened
    | ShadowRecorded
    | ModeChanged
    | PromotionProposed
    | GlassBroken
    | ReviewClosed
    | WishRefused
    | SkipAsked
)
