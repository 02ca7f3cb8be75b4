"""The tree is the diagram: every package of the design stands, none beside them, and files stay small."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "bot": {
        "cli", "model", "intake", "incidents", "telemetry", "capacity", "diagnosis", "flow", "chat", "web",
        "postmortem", "store", "simulator", "laboratory",
    },
    "remediation": {"actions", "controllers"},
}  # fmt: skip
"""The packages of the design's layout."""
TOP = ("pyproject.toml", "README.md", "Dockerfile", "Makefile", "LICENSE", "CHANGELOG.md", "deploy", "benchmarks")


def test_every_stage_has_its_package_and_no_other_stands_beside() -> None:
    """The folder listing reads as the design does."""
    for top, expected in PACKAGES.items():
        found = {each.parent.name for each in (ROOT / top).glob("*/__init__.py")}
        assert found == expected, top


def test_the_top_level_is_complete() -> None:
    """What a newcomer looks for is there."""
    assert [name for name in TOP if not (ROOT / name).exists()] == []


def test_no_file_is_longer_than_300_lines() -> None:
    """A longer file holds two nouns."""
    long = {
        file.relative_to(ROOT).as_posix(): lines
        for top in PACKAGES
        for file in (ROOT / top).rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
