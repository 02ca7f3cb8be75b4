"""All modes weighed for the links of one scene, each link once."""

from bot.diagnosis import posterior
from bot.diagnosis.posterior import Named
from bot.diagnosis.rules import Mode, Rules
from bot.diagnosis.scene import Scene
from bot.diagnosis.weigh import Case, case, glance
from bot.model.network import Link, Network, Subject


class Examination:
    """What the rules say of the links of a scene."""

    def __init__(self, scene: Scene, rules: Rules) -> None:
        self.scene = scene
        self.rules = rules
        self._cases: dict[tuple[str, str, str], Case] = {}
        self._glances: dict[str, list[Case]] = {}
        self._named: dict[str, list[Named]] = {}

    @property
    def network(self) -> Network:
        """The network that the scene shows."""
        return self.scene.network

    def case(self, mode: Mode, subject: Subject, link: Link) -> Case:
        """A mode of a subject, seen from a link."""
        key = mode.mode, subject.id, link.id
        if key not in self._cases:
            self._cases[key] = case(mode, subject, self.scene, link)
        return self._cases[key]

    def cases(self, link: Link) -> list[Case]:
        """Every mode of the link and of its two ends."""
        return [self.case(mode, subject, link) for mode in self.rules.modes for subject in subjects(mode, link)]

    def glances(self, link: Link) -> list[Case]:
        """The same with their required evidence only."""
        if link.id not in self._glances:
            self._glances[link.id] = [
                glance(mode, subject, self.scene, link) for mode in self.rules.modes for subject in subjects(mode, link)
            ]
        return self._glances[link.id]

    def named(self, link: Link) -> list[Named]:
        """The modes that are likelier than not, root cause first."""
        if link.id not in self._named:
            hopeful = [each for each in self.glances(link) if not each.missing and each.hope() > posterior.PLAUSIBLE]
            self._named[link.id] = posterior.name([self.case(each.mode, each.subject, link) for each in hopeful])
        return self._named[link.id]


def subjects(mode: Mode, link: Link) -> tuple[Subject, ...]:
    """What may have a mode that is seen on `link`."""
    if mode.subject == "link":
        return (Subject(kind="link", id=link.id),)
    return tuple(Subject(kind="node", id=end) for end in link.ends)
