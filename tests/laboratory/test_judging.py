"""How answers are judged and counted, on answers whose counts are worked out by hand."""

import pytest

from bot.laboratory.incidents import Incident, incident
from bot.laboratory.judge import Mark, Named, Said, judge
from bot.laboratory.summary import confusion, macro_f1, reliability, summary

CASE = incident("compound", 200)
(FIRST, PLACE), (SECOND, OTHER_PLACE) = CASE.expected
WRONG = next(mode for mode in ("F1", "F2", "F8") if mode not in {FIRST, SECOND})
CALM = next(link for link in CASE.network.links if link not in CASE.touched)


def answer(*named: tuple[str, str], link: str = CASE.link, confidence: float = 0.9) -> Said:
    """A fault with these modes and subjects, or healthy."""
    ranked = tuple(Named(mode, subject, confidence) for mode, subject in named)
    return Said(link=link, verdict="fault" if ranked else "healthy", ranked=ranked)


def mark(*, confidence: float, right: bool, delay_s: float | None = None) -> Mark:
    """A single fault F1 that was called F1, or F2."""
    said = Said(link="a-b", verdict="fault", ranked=(Named("F1" if right else "F2", "a-b", confidence),))
    return Mark(
        said=said, right=right, among_two=right, exact=right, subject=True if right else None, truth="F1", ages=10,
        delay_s=delay_s,
    )  # fmt: skip


def test_either_of_two_faults_first_is_right_and_both_are_exact() -> None:
    """The order of two independent faults is no error; one of them missing is no exact answer."""
    both = judge(CASE, answer((SECOND, OTHER_PLACE), (FIRST, PLACE)))
    assert (both.right, both.exact, both.subject, both.truth) == (True, True, True, SECOND)
    one = judge(CASE, answer((FIRST, PLACE)))
    assert (one.right, one.exact) == (True, False)


def test_the_right_mode_second_counts_for_top_two_only() -> None:
    """The confusion then has the root cause in its row."""
    late = judge(CASE, answer((WRONG, CASE.link), (FIRST, PLACE)))
    assert (late.right, late.among_two, late.subject, late.truth) == (False, True, None, FIRST)


def test_the_right_mode_at_the_wrong_place_is_right_with_the_wrong_subject() -> None:
    """Mode and subject are two questions."""
    assert judge(CASE, answer((FIRST, "elsewhere"))).subject is False


def test_a_fault_on_an_untouched_link_is_a_false_alarm_and_unknown_is_not() -> None:
    """Touched links may be answered in any way."""
    touched = next(iter(CASE.touched))
    others = [answer(("F1", CALM), link=CALM), answer(("F1", touched), link=touched)]
    assert [alarm.link for alarm in judge(CASE, answer(), others).alarms] == [CALM]
    unsure = judge(CASE, answer(), [Said(link=CALM, verdict="unknown")])
    assert (unsure.alarms, unsure.unsure, unsure.untouched) == ((), 1, 1)


def test_unknown_is_right_only_with_the_signal_that_is_lost() -> None:
    """Saying unknown for another reason is luck."""
    case = incident("missing", 200)
    named = Said(link=case.link, verdict="unknown", missing=(case.lacking,))
    assert judge(case, named).right
    assert not judge(case, Said(link=case.link, verdict="unknown", missing=("qber",))).right


@pytest.mark.parametrize(("verdict", "right"), [("healthy", True), ("unknown", True), ("fault", False)])
def test_a_change_that_no_mode_explains_is_any_answer_but_a_fault(verdict: str, right: bool) -> None:
    """T2 that steps down long after the firmware changed is not a firmware regression."""
    case = _unexplained()
    said = answer(("F5", "n00"), link=case.link) if verdict == "fault" else Said(link=case.link, verdict=verdict)  # type: ignore[arg-type]
    assert judge(case, said).right == right


def _unexplained() -> Incident:
    return next(
        case for case in (incident("confusable", seed) for seed in range(200, 210)) if case.verdict == "no fault"
    )


def test_the_calibration_error_is_the_mean_gap_between_confidence_and_truth() -> None:
    """Two bins: three answers at 0.9 of which two are right, one at 0.55 that is: (3·|2/3−0.9| + |1−0.55|) / 4."""
    marks = [mark(confidence=0.9, right=right) for right in (True, True, False)] + [mark(confidence=0.55, right=True)]
    assert [(each.answers, each.confidence) for each in reliability(marks)] == [(1, 0.55), (3, pytest.approx(0.9))]
    assert summary(marks).calibration_error == pytest.approx((3 * abs(2 / 3 - 0.9) + 0.45) / 4)


def test_a_false_alarm_counts_against_the_calibration() -> None:
    """An alarm at 0.9 on an untouched link is a claim that is wrong."""
    judged = judge(CASE, answer((FIRST, PLACE)), [answer(("F1", CALM), link=CALM)])
    (told,) = reliability([judged])
    assert (told.answers, told.right) == (2, 0.5)


def test_macro_f1_is_the_mean_over_the_classes_that_occur() -> None:
    """F1: 2 of 3 found, none wrongly: 0.8. F2: found once, once wrongly: 2/3. Their mean is 11/15."""
    assert macro_f1({("F1", "F1"): 2, ("F1", "F2"): 1, ("F2", "F2"): 1}) == pytest.approx(11 / 15)
    assert macro_f1({}) is None


def test_a_delay_among_the_unanswered_has_no_number() -> None:
    """Of ten faults eight are answered, the slowest after 80 s: the median is 60 s (higher of the middle two)."""
    delays = [10.0 * number for number in range(1, 9)] + [None, None]
    told = summary([mark(confidence=0.9, right=delay is not None, delay_s=delay) for delay in delays]).delay
    assert (told.asked, told.answered, told.median_s, told.p90_s) == (10, 8, 60.0, None)


def test_the_confusion_counts_every_incident_once() -> None:
    """Rows are the truth, columns what was said first."""
    marks = [mark(confidence=0.9, right=right) for right in (True, True, False)]
    assert confusion(marks) == {("F1", "F1"): 2, ("F1", "F2"): 1}
