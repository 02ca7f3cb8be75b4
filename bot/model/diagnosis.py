"""What Bellhop thinks is wrong, with the evidence for and against it. Instants are Unix seconds."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from bot.model.alert import Change
from bot.model.network import Subject
from bot.model.time import format_instant

Verdict = Literal["fault", "healthy", "unknown"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One observation that speaks for or against a failure mode, in numbers and in words."""

    signal: str
    why: str
    subject: Subject | None = None
    baseline: float | None = None
    observed: float | None = None
    onset: float | None = None
    weight: float = 0.0
    """Log-likelihood ratio, nats; positive speaks for the mode."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A failure mode with its confidence (0..1) and reasons."""

    mode: str
    name: str
    confidence: float
    subject: Subject
    evidence: tuple[Evidence, ...]
    against: tuple[Evidence, ...] = ()
    runbook: str

    @property
    def sureness(self) -> str:
        """The confidence in percent; nothing is ever quite certain."""
        return "over 99%" if self.confidence > 0.99 else f"{self.confidence:.0%}"


class CapacityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the model expects of the link at its baseline and now, and what explains the drop.

    Both sides map quantity name to value (units in `bot.capacity.link`); `attribution` maps parameter to
    its share of the drop, summing to 1 where there is a drop. `assumed` names signals that were not measured: what
    the network file promises stands in for them on both sides.
    """

    baseline: Mapping[str, float]
    now: Mapping[str, float]
    attribution: Mapping[str, float]
    assumed: tuple[str, ...] = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A signal up to the diagnosis, to be drawn: `values` every `step` s up to `end`, None where nothing is known.

    `low`..`high` is the band that the signal kept before its `onset`.
    """

    signal: str
    subject: Subject
    end: float
    step: float
    values: tuple[float | None, ...]
    low: float | None = None
    high: float | None = None
    onset: float | None = None


class SecurityGate(msgspec.Struct, frozen=True, kw_only=True):
    """Errors rose for no technical reason: an eavesdropper is not excluded until `role` has looked.

    The keys that `links` made since `onset` (Unix seconds) are to be quarantined.
    """

    reason: str
    onset: float
    links: tuple[str, ...]
    role: Literal["security"] = "security"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one link at one instant; `findings` is ranked, root cause first, empty unless a fault."""

    link: str
    at: float
    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...] = ()
    rejected: tuple[str, ...] = ()
    """One sentence for each neighbouring mode that was considered and turned down."""
    missing: tuple[str, ...] = ()
    """Signals that were missing or stale and would have decided."""
    capacity: CapacityReport | None = None
    traces: tuple[Trace, ...] = ()
    """The deciding signals over time; empty where many links are asked about at once."""
    changes: tuple[Change, ...] = ()
    """What was done to the link's devices within the window, by telemetry; whether it is the cause or not."""
    security: SecurityGate | None = None
    """What people of the security role must decide, whatever the verdict."""

    @property
    def playbook(self) -> str:
        """The guide for people where no runbook can decide; empty where one can."""
        if self.security is not None:
            return "suspected-intrusion"
        return "unknown-mode" if self.verdict == "unknown" else ""


def diagnosis_line(question: str, diagnosis: Diagnosis) -> dict[str, Any]:
    """One line of the interfaces contract's JSON for the question with the id `question`."""
    return {
        "id": question,
        "link": diagnosis.link,
        "at": format_instant(diagnosis.at),
        "verdict": diagnosis.verdict,
        "summary": diagnosis.summary,
        "missing": list(diagnosis.missing),
        "diagnoses": [_finding_line(finding) for finding in diagnosis.findings],
        "rejected": list(diagnosis.rejected),
        "capacity": msgspec.to_builtins(diagnosis.capacity),
        "playbook": diagnosis.playbook,
        "security": None if diagnosis.security is None else _security_line(diagnosis.security),
    }


def _security_line(gate: SecurityGate) -> dict[str, Any]:
    return {
        "reason": gate.reason,
        "onset": format_instant(gate.onset),
        "links": list(gate.links),
        "role": gate.role,
    }


def _finding_line(finding: Finding) -> dict[str, Any]:
    return {
        "mode": finding.mode,
        "name": finding.name,
        "confidence": round(finding.confidence, 4),
        "subject": msgspec.to_builtins(finding.subject),
        "evidence": [_evidence_line(item) for item in finding.evidence],
        "against": [_evidence_line(item) for item in finding.against],
        "runbook": finding.runbook,
    }


def _evidence_line(item: Evidence) -> dict[str, Any]:
    return {
        "signal": item.signal,
        "baseline": item.baseline,
        "observed": item.observed,
        "onset": None if item.onset is None else format_instant(item.onset),
        "why": item.why,
    }
