"""The ledger: predicted beside measured for every run that was verified, and what its lines do to a runbook's mode."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from bot.capacity.predicted import good_of
from bot.clock import Clock
from bot.flow.history import history_of
from bot.flow.modes import Modes
from bot.guard_settings import GuardSettings
from bot.model.event import EffectMeasured, Event
from bot.model.guard import MODES, Compared, LedgerLine, Verdict
from bot.model.guard_event import ModeChanged, PromotionProposed
from bot.model.incident import Incident
from bot.store import GuardRows, Transaction


class Ledger:
    """Writes lines; a miss takes a mode down by a step, a row of matches lets people be asked to raise it."""

    def __init__(self, *, modes: Modes, settings: GuardSettings, clock: Clock) -> None:
        self._modes = modes
        self._settings = settings
        self._clock = clock

    def close(
        self,
        transaction: Transaction,
        view: Incident,
        run: str,
        *,
        recovered: bool,
        predicted: Iterable[Mapping[str, Any]],
    ) -> list[ModeChanged | PromotionProposed]:
        """Write the line of a run whose recovery has been watched; what follows from it. Once for each run."""
        rows, known = GuardRows(transaction), view.runs[run]
        runbook, target = known.runbook, str(view.subject)
        lines = rows.ledger(runbook, target)
        if any(line.run == run for line in lines):
            return []
        quantities = compared(history_of(transaction, view.id, run), run, predicted)
        verdict, reason = judged(quantities, recovered=recovered, tolerance=self._settings.tolerance)
        line = LedgerLine(
            run=run,
            runbook=runbook,
            target=target,
            at=self._clock.now(),
            verdict=verdict,
            reason=reason,
            quantities=quantities,
        )
        rows.write(line)
        if verdict == "miss":
            return self._demoted(transaction, line)
        return self._proposed(transaction, (*lines, line)) if verdict == "match" else []

    def _demoted(self, transaction: Transaction, line: LedgerLine) -> list[ModeChanged | PromotionProposed]:
        before, after = self._modes.move(
            transaction, line.runbook, line.target, steps=-1, by="bellhop", why=line.reason, at=line.at
        )
        if before == after:
            return []
        return [ModeChanged(runbook=line.runbook, target=line.target, before=before, after=after)]

    def _proposed(self, transaction: Transaction, lines: Sequence[LedgerLine]) -> list[ModeChanged | PromotionProposed]:
        """At each full row of matches since the mode was last moved."""
        runbook, target = lines[-1].runbook, lines[-1].target
        moved = self._modes.moved(transaction, runbook, target)
        matches = streak([line for line in lines if moved is None or line.at > moved.at])
        mode = self._modes.now(transaction, runbook, target)
        if mode == MODES[-1] or matches == 0 or matches % self._settings.promote_after:
            return []
        after = MODES[MODES.index(mode) + 1]
        return [PromotionProposed(runbook=runbook, target=target, before=mode, after=after, matches=matches)]


def streak(lines: Sequence[LedgerLine]) -> int:
    """How many matches there are at the end, lines that could not be judged passed over."""
    count = 0
    for line in reversed(lines):
        if line.verdict == "miss":
            break
        count += line.verdict == "match"
    return count


def compared(events: Iterable[Event], run: str, predicted: Iterable[Mapping[str, Any]]) -> tuple[Compared, ...]:
    """What was measured after a run beside the plan's predictions."""
    bands = {item["quantity"]: (item.get("low"), item.get("high")) for item in predicted}
    bodies = (event.body for event in events)
    return tuple(
        Compared(
            quantity=body.quantity,
            unit=body.unit,
            before=body.before,
            predicted=body.predicted,
            measured=body.measured,
            low=bands.get(body.quantity, (None, None))[0],
            high=bands.get(body.quantity, (None, None))[1],
            good=good_of(body.quantity),
        )
        for body in bodies
        if isinstance(body, EffectMeasured) and body.run == run
    )


def judged(quantities: Iterable[Compared], *, recovered: bool, tolerance: float) -> tuple[Verdict, str]:
    """Whether measured agrees with predicted: everything that could be measured must, and the metrics be back.

    A link that is better off than predicted is no reason to trust a runbook less, so it counts as a match. The reason
    says so with both numbers: a prediction that everything beats is worth nothing, and people can see it.
    """
    if not recovered:
        return "miss", "the metrics did not recover"
    found: dict[_Finding, list[Compared]] = {"as predicted": [], "better": [], "worse": []}
    for each in quantities:
        if each.predicted is not None and each.measured is not None:
            found[_finding(each, tolerance)].append(each)
    if found["worse"]:
        return "miss", f"not as predicted: {_shown(found['worse'])}"
    met = ", ".join(each.quantity for each in found["as predicted"])
    said = (("as predicted", met), ("better than predicted", _shown(found["better"])))
    reason = "; ".join(f"{how}: {which}" for how, which in said if which)
    return ("match", reason) if reason else _UNJUDGED


_Finding = Literal["as predicted", "better", "worse"]
_UNJUDGED: tuple[Verdict, str] = ("unknown", "nothing that was predicted could be measured")


def _finding(each: Compared, tolerance: float) -> _Finding:
    """Where the measured value lies: on neither side of a quantity without a good one, far off is worse."""
    assert each.predicted is not None
    assert each.measured is not None
    if _met(each, each.predicted, each.measured, tolerance):
        return "as predicted"
    higher = each.measured > each.predicted
    return "better" if each.good == ("higher" if higher else "lower") else "worse"


def _shown(quantities: Iterable[Compared]) -> str:
    return ", ".join(
        f"{each.quantity} {each.measured:.4g} where {each.predicted:.4g} was predicted" for each in quantities
    )


def _met(each: Compared, predicted: float, measured: float, tolerance: float) -> bool:
    """In the predicted interval, or off by less than a share of the value or of the change, whichever is larger."""
    if each.low is not None and each.high is not None and each.low <= measured <= each.high:
        return True
    change = abs(predicted - each.before) if each.before is not None else 0.0
    scale = max(abs(predicted), abs(measured), change)
    return abs(measured - predicted) <= tolerance * scale
