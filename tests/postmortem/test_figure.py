"""Drawings of the deciding signals, read back as XML."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.diagnosis import Trace
from bot.model.network import Subject
from bot.postmortem.figure import HEIGHT, WIDTH, sparkline, svg

NAME = "{http://www.w3.org/2000/svg}"
VALUES = st.lists(st.none() | st.floats(-1e12, 1e12), min_size=1, max_size=150).filter(
    lambda values: any(value is not None for value in values)
)


def trace(values: list[float | None], *, link: str = "a-b", onset: float | None = None) -> Trace:
    """A trace that ends at 1000 s, a value every 10 s."""
    subject = Subject(kind="link", id=link)
    return Trace(signal="qber", subject=subject, end=1000.0, step=10.0, values=tuple(values), onset=onset)


@given(values=VALUES, onset=st.none() | st.floats(-1e4, 1e4))
def test_every_point_lies_within_its_panel(values: list[float | None], onset: float | None) -> None:
    """Whatever the values, gaps and onset: no coordinate leaves the picture, and each known value has its point."""
    picture = ET.fromstring(svg([trace(values, onset=onset)] * 2))
    points = [
        tuple(map(float, point.split(",")))
        for line in picture.iter(f"{NAME}polyline")
        for point in line.attrib["points"].split()
    ]
    assert all(0 <= x <= WIDTH and 0 <= y <= 2 * HEIGHT for x, y in points)
    assert len(points) >= 2 * sum(value is not None for value in values)


def test_a_gap_is_not_drawn_over() -> None:
    """Two runs of known values are two lines."""
    picture = ET.fromstring(svg([trace([1, 2, None, 3, 4])]))
    assert len(list(picture.iter(f"{NAME}polyline"))) == 2


def test_hostile_names_are_text() -> None:
    """A link's name cannot become markup."""
    picture = svg([trace([1.0], link="<script>alert(1)</script>")])
    assert "<script" not in picture
    assert "".join(ET.fromstring(picture).itertext()).count("<script>alert(1)</script>") == 1


@pytest.mark.parametrize(
    ("values", "line"),
    [([0.0, 1.0], "▁█"), ([5.0, 5.0], "▁▁"), ([None, 1.0, 2.0, 3.0], " ▁▅█"), ([None], " ")],
)
def test_a_sparkline_spans_from_the_lowest_to_the_highest(values: list[float | None], line: str) -> None:
    """Eight blocks, a space for what is not known."""
    assert sparkline(trace(values)) == line


def test_nothing_is_drawn_of_nothing() -> None:
    """No traces, no picture."""
    assert svg([]) == ""
