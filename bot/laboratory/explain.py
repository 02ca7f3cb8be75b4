"""How a diagnosis weighs one incident: `python -m bot.laboratory.explain single 41 F2 [LINK]`."""

import sys

from bot.diagnosis.rules import load_rules
from bot.diagnosis.scene import Look, Scene
from bot.diagnosis.weigh import case
from bot.laboratory.incidents import incident
from bot.laboratory.kinds import KINDS, Kind
from bot.laboratory.replay import window_of
from bot.model.network import Subject


def explain(kind: Kind, seed: int, modes: str, link: str = "") -> str:
    """Every rule of these modes (comma-separated, empty for all) with what was seen and what it weighs."""
    question, rules = incident(kind, seed), load_rules()
    scene = Scene(window_of(question, rules), question.network)
    asked = question.network.links[link or question.link]
    lines = [
        f"{kind} {seed} {question.name} on {asked.id}: {question.expected} lacking {question.lacking or 'nothing'}"
    ]
    for mode in rules.modes:
        if modes and mode.mode not in modes.split(","):
            continue
        places = (asked.id,) if mode.subject == "link" else asked.ends
        for place in places:
            weighed = case(mode, Subject(kind=mode.subject, id=place), scene, asked)
            lines.append(f"{mode.mode} {place}: {weighed.score():.2f}, change {weighed.change}, {weighed.missing}")
            for item in weighed.items:
                lines.append(
                    f"  {item.rule.feature:24} {item.weight:6.2f} {item.seen:5.2f} {_seen(item.look, question.at)}"
                )
    return "\n".join(lines)


def _seen(look: Look | None, at: float) -> str:
    if look is None:
        return "not measured"
    age = "-" if look.onset is None else f"{at - look.onset:.0f} s"
    return (
        f"size {look.size:.3f} spread {look.spread:.3f} sure {look.significance:.1f} steep {look.steepness:.2f} "
        f"{look.baseline:.4g} -> {look.observed:.4g} (settling {look.settling:.4g}) age {age}"
    )


if __name__ == "__main__":
    (kind,) = (each for each in KINDS if each == sys.argv[1])
    print(explain(kind, int(sys.argv[2]), *sys.argv[3:5]))  # noqa: T201
