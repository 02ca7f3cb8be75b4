"""Leave out tests whose programs are not on this machine, and say so in the last lines."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

PROGRAMS = {
    "prometheus": ("prometheus", "promtool"),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "postgres": ("postgres",),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "apache": ("apache2",),
    "openssl": ("openssl",),
}
"""What `needs(name)` looks for: all of them for prometheus, any of them for the rest."""


WAITING = {"scenarios", "packaging", "laboratory", "flow"}
"""Folders of tests with whole processes."""


def _present(name: str) -> bool:
    found = [bool(shutil.which(program) or shutil.which(program, path="/usr/sbin")) for program in PROGRAMS[name]]
    if name == "postgres":
        return any(found) or any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return all(found) if name == "prometheus" else any(found)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what waits in real time, so that no worker ends with it alone; skip what needs a program not here."""
    items.sort(key=lambda item: not WAITING & set(item.path.parts))
    for item in items:
        for mark in item.iter_markers("needs"):
            name = str(mark.args[0])
            if name not in PROGRAMS:
                raise pytest.UsageError(f"{item.nodeid}: needs({name!r}) is not one of {', '.join(PROGRAMS)}")
            if not _present(name):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not on this machine"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The closing lines: how many tests were left out, and why."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[str(reason).removeprefix("Skipped: ")] += 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"left out: {count} test{'' if count == 1 else 's'}: {reason}")
