"""Each outside library has one door, and the simulated network is a far side."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOORS = {
    "slack_sdk": ("bot/chat/",),
    "slack_bolt": ("bot/chat/",),
    "prometheus_api_client": ("bot/telemetry/",),
    "sqlalchemy": ("bot/store/", "bot/flow/durable.py"),
    "alembic": ("bot/store/",),
    "dbos": ("bot/flow/", "bot/app.py"),
    "jmespath": ("remediation/controllers/mapping.py",),
    "kubernetes": ("remediation/controllers/kubernetes_client.py",),
    "bot.simulator": ("bot/simulator/", "bot/cli/"),
    "bot.cli": ("bot/cli/", "bot/__main__.py"),
}
"""Library or far side -> who may import it. flow/durable hands the store's open transaction to dbos."""


def sources() -> Iterator[Path]:
    """Every Python file that ships."""
    for package in ("bot", "remediation", "runbooks"):
        yield from sorted((ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("library", sorted(DOORS))
def test_only_its_door_imports_a_library(library: str) -> None:
    """Nobody else knows what stands behind the door."""
    trespassers = {
        place
        for file in sources()
        if not (place := file.relative_to(ROOT).as_posix()).startswith(DOORS[library])
        and any(name == library or name.startswith(f"{library}.") for name in imported(file))
    }
    assert trespassers == set()


def test_only_settings_read_the_environment() -> None:
    """One place reads it, beside the command line: a configuration can be understood from its file."""
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in sources()
        if any(
            isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        )
    }
    assert {reader for reader in readers if not reader.startswith("bot/cli/")} == {"bot/far_settings.py"}
