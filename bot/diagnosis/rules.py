"""Failure modes as data: what must be seen, what speaks for and against, and what a mode explains away.

One YAML file per mode in `bot/diagnosis/rules/`; a user's folder adds more. Weights are natural log-likelihood
ratios: +3 means that the observation is twenty times as likely under the mode as without it.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.diagnosis.features import EXCESS_FAILURE, FEATURES, NAMES, SIGNALS
from remediation import source
from remediation.errors import Fault, FileFaultsError

Direction = Literal["up", "down", "steady", "above", "below"]
"""How the present compares with the baseline; `above` and `below` compare it with `by` itself, in the signal's unit."""


_PLACES = {
    ("link", "link"): ("subject", "siblings"),
    ("link", "node"): ("ends",),
    ("node", "node"): ("subject", "siblings"),
    ("node", "link"): ("links",),
}
"""(subject of a mode, owner of a feature) -> where the feature may be looked at."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(_Block):
    """One observation: a feature that moved (or did not), by how much, and what that says of the mode."""

    feature: str
    is_: Annotated[Direction, Field(alias="is")]
    by: Annotated[float, Field(gt=0)]
    """Half of a sure observation, on the feature's scale (`bot/diagnosis/features.py`); a level for above and below."""
    weight: float
    otherwise: float = 0.0
    """Weight when it is surely not seen."""
    where: Literal["subject", "links", "ends", "siblings"] = "subject"
    """`links`: all links of a node, taken together; `ends`: the nodes of a link; `siblings`: other links of the same
    nodes, or the nodes at the far ends of a node's links."""
    shape: Literal["any", "step", "drift"] = "any"
    beyond: float | None = None
    """A level, in the signal's own unit, that the present value must also be past."""
    one_of: str = ""
    """Of the evidence with the same word here one is enough: the weightiest that could be seen counts."""
    crossed: bool = False
    """For `above` and `below`: the baseline must lie on the other side."""
    beyond_budget: bool = False
    """The present value must also be above the link's decoder budget."""
    why: str

    @field_validator("feature")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in NAMES:
            raise ValueError(f"{name} is no feature; there are {', '.join(sorted(NAMES))}")
        return name


class Change(_Block):
    """An event that the mode needs: a firmware change on the node, close to the onset of its required evidence."""

    signal: Literal["firmware_version"] = "firmware_version"
    within: Annotated[float, Field(gt=0)] = 240.0
    """Seconds between change and onset."""
    weight: float
    otherwise: float
    why: str


class Mode(_Block):
    """A failure mode."""

    mode: Annotated[str, Field(pattern=r"^F[0-9]{1,3}$")]
    name: str
    subject: Literal["link", "node"]
    runbook: str
    prior: Annotated[float, Field(le=0)] = -4.0
    """Natural log of the odds that a link which somebody asks about has it."""
    required: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    speaks_for: tuple[Evidence, ...] = Field(default=(), alias="for")
    against: tuple[Evidence, ...] = ()
    change: Change | None = None
    explains: tuple[str, ...] = ()
    """Features that move as a consequence: beside this mode they are no evidence for another."""

    @field_validator("explains")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such feature; there are {', '.join(sorted(NAMES))}")
        return names

    @model_validator(mode="after")
    def _placed(self) -> Self:
        for item in (*self.required, *self.speaks_for, *self.against):
            of = "link" if item.feature == EXCESS_FAILURE else FEATURES[item.feature].of
            fitting = _PLACES[self.subject, of]
            if item.where not in fitting:
                raise ValueError(f"{item.feature} is a {of}'s; in a {self.subject}'s mode its where is {fitting[0]}")
        if self.change is not None and self.subject != "node":
            raise ValueError("change is for modes of nodes")
        return self


@dataclass(frozen=True, slots=True)
class Rules:
    """All modes, by file name."""

    modes: tuple[Mode, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """Every signal that the rules and the capacity model ask for."""
        return SIGNALS

    def mode(self, name: str) -> Mode:
        """One mode; raises KeyError."""
        return next(mode for mode in self.modes if mode.mode == name)


def load_rules(extra: Path | None = None) -> Rules:
    """The shipped rules and those of a user's folder; a user's file replaces a shipped mode of the same number.

    Raises FileFaultsError with every fault of every file.
    """
    modes, faults = _read(Path(str(resources.files("bot.diagnosis").joinpath("rules"))))
    if extra is not None:
        own, more = _read(extra)
        if not own and not more:
            more = [Fault(str(extra), 0, 0, f"has no rules ({source.wanted()})")]
        modes, faults = {**modes, **own}, [*faults, *more]
    if faults:
        raise FileFaultsError(tuple(faults))
    return Rules(tuple(modes[name] for name in sorted(modes)))


def _read(folder: Path) -> tuple[dict[str, Mode], list[Fault]]:
    modes: dict[str, Mode] = {}
    places: dict[str, str] = {}
    faults: list[Fault] = []
    for path in source.files_in(folder):
        try:
            document = source.read(path)
            mode = document.check(Mode)
        except FileFaultsError as error:
            faults += error.faults
            continue
        if mode.mode in modes:
            faults.append(document.fault(("mode",), f"{mode.mode} is also in {places[mode.mode]}"))
        modes[mode.mode], places[mode.mode] = mode, document.file
    return modes, faults
