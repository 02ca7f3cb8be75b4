"""The wheel carries everything, and tells the whole story from an empty environment."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def call(*command: str | Path, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a program away from the checkout; its words are the failure message."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release would."""
    out = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def data_files() -> set[str]:
    """Every file of the packages that is no Python source and no leftover."""
    return {
        file.relative_to(ROOT).as_posix()
        for top in ("bot", "remediation", "runbooks")
        for file in (ROOT / top).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix not in (".py", ".pyc")
    }


def test_wheel_carries_runbooks_rules_templates_and_migrations(wheel: Path) -> None:
    """Each data file of the checkout is in the wheel, and the kinds that matter are among them."""
    carried = set(zipfile.ZipFile(wheel).namelist())
    assert data_files() - carried == set()
    for folder, suffix in (
        ("runbooks/", ".yaml"),
        ("bot/diagnosis/rules/", ".yaml"),
        ("bot/postmortem/templates/", ".j2"),
        ("bot/web/templates/", ".j2"),
        ("bot/cli/templates/", ".yaml"),
    ):
        assert any(name.startswith(folder) and name.endswith(suffix) for name in carried), folder
    assert any("migrations" in name for name in carried)
    assert not any(name.startswith("tests/") for name in carried)


def test_demo_runs_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Install the wheel and nothing else, then let it find, heal and write up a fault by itself."""
    venv.create(tmp_path / "v", with_pip=True)
    bin_ = tmp_path / "v" / "bin"
    call(bin_ / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    assert "demo" in call(bin_ / "bellhop", "--help", cwd=tmp_path).stdout
    call(bin_ / "bellhop", "init", tmp_path / "start", cwd=tmp_path)
    told = call(bin_ / "bellhop", "demo", "--scenario", "f1", "--auto-approve", cwd=tmp_path, timeout=240).stdout
    assert "resolved" in told.lower()
