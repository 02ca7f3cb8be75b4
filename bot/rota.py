"""Who is on call: people in turn, from a first handover on."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AwareDatetime, Field

from bot.far_settings import Block, PositiveDuration


class RotaSettings(Block):
    """People by id, each on call for `every`; the first one from `start` on."""

    people: Annotated[tuple[str, ...], Field(min_length=1)]
    start: AwareDatetime
    every: PositiveDuration = 7 * 86400.0


def on_call(rota: RotaSettings, now: float) -> tuple[str, str, float]:
    """(who is on call, who comes next, when the handover is) at `now`; Unix seconds."""
    began = rota.start.timestamp()
    turn = int((now - began) // rota.every)
    people: Sequence[str] = rota.people
    return people[turn % len(people)], people[(turn + 1) % len(people)], began + (turn + 1) * rota.every
