"""The blocks of bellhop.yaml that say how far runbooks may go: guards and modes."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from remediation.duration import Duration
from remediation.schema import MaxRuns

Share = Annotated[float, Field(ge=0, le=1)]
Place = Annotated[str, Field(pattern=r"^(link|node|flow):[^\s:]+$")]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaintenanceWindow(_Block):
    """Planned work: no runbook but those named acts on these targets, nor on the links of a node among them."""

    targets: Annotated[tuple[Place, ...], Field(min_length=1)]
    start: AwareDatetime
    end: AwareDatetime
    reason: str = ""
    runbooks: tuple[str, ...] = ()
    """The runbooks that are this maintenance."""

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must come after start")
        return self


class RateSettings(_Block):
    """How often runs may begin."""

    max_runs: MaxRuns | None = None
    cooldown: Annotated[Duration, Field(gt=0)] | None = None


class GuardSettings(_Block):
    """What holds for every runbook, beside its own guard."""

    pause_file: Path | None = None
    """While this file is there no act is done; its first line is the reason."""
    per_target: RateSettings = RateSettings()
    network_wide: RateSettings = RateSettings(max_runs=MaxRuns(count=30, per=3600.0))
    max_share_out: Share = 0.4
    """Share of the network's links that may be out of service at once; one link always may."""
    failures_in_a_row: Annotated[int, Field(ge=1)] | None = 3
    """So many runs of a runbook that go wrong switch it off until a person resets it; null: never."""
    pool_reserve: Share = 0.2
    """Share of a pool that a measurement must leave."""
    half_width: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """How well a measurement that uses pairs up knows a fidelity, where the check does not say."""
    promote_after: Annotated[int, Field(ge=1)] = 5
    """So many predictions met in a row let Bellhop propose to a person that a runbook do more by itself."""
    tolerance: Annotated[float, Field(gt=0)] = 0.2
    """How far a measured value may be from the predicted, as a share of the larger, or within its 5-95% interval."""
    maintenance: tuple[MaintenanceWindow, ...] = ()


class ModeSettings(_Block):
    """How far runbooks may go on targets; `*` in a name stands for anything. The last entry that fits counts."""

    runbook: str = "*"
    target: str = "*"
    mode: Literal["observe", "suggest", "approve", "auto"]
