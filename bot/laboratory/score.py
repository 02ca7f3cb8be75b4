"""Score answers that were made elsewhere, such as from windows that were kept: `Tally` and `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.laboratory.incidents import Incident
from bot.laboratory.judge import Mark, judge, said
from bot.laboratory.kinds import KINDS, Kind
from bot.laboratory.replay import window_of
from bot.laboratory.summary import confusion, summary
from bot.model.diagnosis import Diagnosis

__all__ = ["KINDS", "Tally", "report", "window_of"]


@dataclass(slots=True)
class Tally:
    """The marks of incidents of one kind, and the wrong answers in words."""

    marks: list[Mark] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Incident, answers: Sequence[Diagnosis]) -> None:
        """Mark one incident with the answers for all its links."""
        told = [said(answer) for answer in answers]
        (asked,) = (answer for answer in told if answer.link == case.link)
        mark = judge(case, asked, told)
        self.marks.append(mark)
        if not mark.right or mark.subject is False:
            named = [f"{each.mode}@{each.subject}" for each in asked.ranked]
            self.wrong.append(f"{case.seed} {case.name} {case.link}: {case.expected} -> {asked.verdict} {named}")
        for alarm in mark.alarms:
            names = [each.mode for each in alarm.ranked]
            self.wrong.append(f"{case.seed} {case.name} untouched {alarm.link}: {alarm.verdict} {names}")


def report(tallies: Mapping[Kind, Tally]) -> str:
    """The scores as text, a line for each kind and all, the confusion, and the wrong answers."""
    marks = {kind: tally.marks for kind, tally in tallies.items() if tally.marks}
    lines = [_line(kind, some) for kind, some in marks.items()]
    everything = [mark for some in marks.values() for mark in some]
    lines += [_line("all", everything)] if everything else []
    lines += [f"  {truth:8} -> {told:8} {count}" for (truth, told), count in sorted(confusion(everything).items())]
    lines += [f"    {text}" for tally in tallies.values() for text in tally.wrong]
    return "\n".join(lines)


def _line(kind: str, marks: Sequence[Mark]) -> str:
    told = summary(marks)
    exact, subject, error = told.exact or 0.0, told.subject or 0.0, told.calibration_error or 0.0
    return (
        f"{kind:10} n={told.incidents:4} top-1 {told.top_1:6.1%} top-2 {told.top_2:6.1%} exact {exact:6.1%} "
        f"subject {subject:6.1%} calibration {error:.3f} false alarms {told.false_alarms} of {told.untouched_links}, "
        f"unsure {told.unsure}"
    )
