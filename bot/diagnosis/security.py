"""Whether errors rose for a technical reason: if none is found, an eavesdropper is not excluded."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.diagnosis.phrases import share
from bot.diagnosis.scene import Look, Scene
from bot.diagnosis.shifts import SIGNIFICANT
from bot.model.diagnosis import SecurityGate
from bot.model.network import Link
from bot.model.time import format_instant
from remediation import source

_LATER_S = 120.0
"""A reason may be seen this much after the rise that it explains: rate windows blur."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rise(_Block):
    feature: Literal["qber"]
    by: Annotated[float, Field(gt=0, lt=0.5)]
    why: str


class _Reason(_Block):
    feature: Literal["loss", "readout_variance", "temperature", "t1", "t2"]
    where: Literal["subject", "ends"] = "subject"
    is_: Annotated[Literal["up", "down"], Field(alias="is")]
    by: Annotated[float, Field(gt=0)]
    why: str


class SecurityRule(_Block):
    """`security.yaml`: how large a rise asks for a reason, and what is one."""

    rise: _Rise
    unless: tuple[_Reason, ...]
    dark_counts: Annotated[float, Field(ge=1)]
    change_within: Annotated[float, Field(gt=0)]


@cache
def security_rule() -> SecurityRule:
    """The shipped rule; raises FileFaultsError."""
    return source.read(Path(str(resources.files("bot.diagnosis").joinpath("security.yaml")))).check(SecurityRule)


def gate(link: Link, scene: Scene) -> SecurityGate | None:
    """What the security role must decide about a link, or None: no rise, or one with a reason."""
    rule = security_rule()
    rise = _unexplained(link, scene, rule)
    if rise is None or rise.onset is None:
        return None
    neighbours = {other.id: other for end in link.ends for other in scene.network.links_of(end)}
    also = tuple(
        other.id
        for other in neighbours.values()
        if other.id != link.id and _unexplained(other, scene, rule) is not None
    )
    return SecurityGate(reason=_reason(rise, rule, link), onset=rise.onset, links=(link.id, *sorted(also)))


def _unexplained(link: Link, scene: Scene, rule: SecurityRule) -> Look | None:
    rise = scene.look(rule.rise.feature, link.id)
    if rise is None or rise.onset is None or rise.size < rule.rise.by or rise.significance < SIGNIFICANT:
        return None
    if any(_explains(reason, rise, link, scene, rule) for reason in rule.unless):
        return None
    changes = [change[0] for end in link.ends if (change := scene.version_change(end)) is not None]
    return None if any(abs(rise.onset - at) <= rule.change_within for at in changes) else rise


def _explains(reason: _Reason, rise: Look, link: Link, scene: Scene, rule: SecurityRule) -> bool:
    sign = 1.0 if reason.is_ == "up" else -1.0
    for place in (link.id,) if reason.where == "subject" else link.ends:
        look = scene.look(reason.feature, place)
        if look is None or sign * look.size < reason.by or look.significance < SIGNIFICANT:
            continue
        late = look.onset is not None and rise.onset is not None and look.onset > rise.onset + _LATER_S
        if late or (reason.feature == "loss" and rise.size > _by_dark_counts(look, rise, rule)):
            continue
        return True
    return False


def _by_dark_counts(loss: Look, rise: Look, rule: SecurityRule) -> float:
    """The largest rise that fewer photons explain: were all usual errors dark counts, over the light that is left."""
    return float(rule.dark_counts * rise.baseline * (10 ** (loss.size / 10) - 1))


def _reason(rise: Look, rule: SecurityRule, link: Link) -> str:
    since = "" if rise.onset is None else f" since {format_instant(rise.onset)[11:19]} UTC"
    return (
        f"{rule.rise.why} from {share(rise.baseline)} to {share(rise.observed)}{since}, and neither loss, readout, "
        f"temperature, coherence nor firmware of {link.id} explains it: intrusion not excluded"
    )
