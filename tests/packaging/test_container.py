"""The image is small, runs as nobody in particular, and holds no secret."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (INSTRUCTION, arguments), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def test_image_is_built_in_stages_from_the_wheel() -> None:
    """The last stage takes an installed environment from the first and no source."""
    parsed = instructions()
    stages = [rest for name, rest in parsed if name == "FROM"]
    assert len(stages) == 2
    last = parsed[max(place for place, (name, _) in enumerate(parsed) if name == "FROM") :]
    copies = [rest for name, rest in last if name == "COPY"]
    assert copies
    assert all(rest.startswith("--from=") for rest in copies)


def test_image_runs_as_a_numbered_user_with_a_health_check_and_a_volume() -> None:
    """Kubernetes' runAsNonRoot needs a number; data has a place of its own, so the root can be read-only."""
    parsed = dict(instructions())
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", parsed["USER"])
    assert "/healthz" in parsed["HEALTHCHECK"]
    assert parsed["VOLUME"] == '["/data"]'
    assert parsed["ENTRYPOINT"] == '["bellhop"]'


def test_image_holds_no_secret() -> None:
    """No build argument or variable that could carry one, and no copy of a whole folder."""
    for name, rest in instructions():
        assert not (name in ("ARG", "ENV") and re.search(r"(?i)token|secret|password|key", rest)), rest
        assert not (name in ("COPY", "ADD") and rest.split()[0] == "."), rest


def test_compose_file_keeps_the_root_read_only() -> None:
    """Read-only root, no capabilities, no new privileges, data in a volume."""
    service = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["bellhop"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert any(volume.endswith(":/data") for volume in service["volumes"])
