"""Paths in bellhop.yaml count from that file, in every block, wherever the command was started."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot.settings import Settings, load_settings

TLS = {"ca_file": "tls/ca.pem", "cert_file": "tls/own.pem", "key_file": "tls/own.key"}
LINK = {"links": {"ams-utr": "QKDL-7"}}
PATCH = {"deployment": "decoder", "patch": {"ca_file": "left/as/it.is"}}


def secret(name: str) -> dict[str, str]:
    """A secret in a file."""
    return {"file": f"secrets/{name}"}


def far(name: str, **more: Any) -> dict[str, Any]:
    """A far side with every file that one can have."""
    return {"url": "https://far.example", "bearer_token": secret(name), **TLS, **more}


def basic(name: str) -> dict[str, Any]:
    """A far side that wants a password."""
    return {"url": "https://far.example", "basic": {"user": "bell", "password": secret(name)}}


def whole() -> dict[str, Any]:
    """Every block that names files, and every kind of controller; each name once."""
    keys = far("key-manager", peers={"ams-utr": "SAE-2"})
    cluster = {"kind": "kubernetes", "operations": {"decoder.scale": PATCH}}
    return {
        "network": "network.yaml",
        "store": {"url": "sqlite:///data/bellhop.db", "password": secret("store")},
        "intake": {
            "alertmanager": {"bearer_token": secret("alerts"), "api": far("alertmanager")},
            "grafana": {"signing_secret": secret("grafana")},
            "pagerduty": {"secrets": [secret("pagerduty-old"), secret("pagerduty-new")]},
            "generic": {"bearer_token": secret("generic")},
        },
        "telemetry": {"prometheus": far("prometheus"), "history_file": "data/history.npz"},
        "controller": far("mapped", kind="http", mapping="mapping.yaml"),
        "controllers": [
            {"controller": basic("simulator")},
            {"controller": far("node", kind="restconf", node="ams", **LINK, key_manager=keys)},
            {"controller": far("quantnet", kind="quantnet")},
            {"controller": {**cluster, "api": far("cluster")}},
            {"controller": {**cluster, "kubeconfig": "kubeconfig"}},
        ],
        "slack": {"bot_token": secret("bot"), "app_token": secret("app"), "channel": "C1"},
        "web": {"tokens": [{"name": "alice", "token": secret("alice"), "roles": ["viewer"]}]},
        "runbooks": {"directory": "runbooks", "rules": "rules"},
        "guards": {"pause_file": "pause"},
        "postmortems": "postmortems",
    }


def loaded(folder: Path, content: Mapping[str, Any]) -> Settings:
    """These settings from a file in this folder."""
    file = folder / "bellhop.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return load_settings(file)


def paths_in(value: object) -> Iterator[Path]:
    """Every path in settings, at any depth."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        yield from paths_in(dict(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from paths_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from paths_in(each)


def names_in(value: object) -> Iterator[str]:
    """Every file that the content above names."""
    kinds = {*TLS, "file", "network", "mapping", "kubeconfig", "history_file", "directory", "rules", "pause_file"}
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str) and name in {*kinds, "postmortems"}:
                yield each
            elif name != "patch":
                yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)


def test_every_file_that_settings_name_counts_from_their_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets and TLS files of every block too, started from another folder; what is sent on is left alone."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = loaded(tmp_path, whole())
    expected = sorted(tmp_path / name for name in names_in(whole()))
    assert sorted(paths_in(settings)) == expected
    assert settings.store.url == f"sqlite:///{tmp_path / 'data' / 'bellhop.db'}"
    assert "left/as/it.is" in repr(settings.controllers)


def test_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    """A secret of the machine, and a database elsewhere."""
    secret = {"file": "/run/secrets/token"}
    content = {**whole(), "store": {"url": "sqlite:////var/lib/bellhop.db"}, "slack": None, "web": None}
    settings = loaded(tmp_path, {**content, "controller": {"url": "http://127.0.0.1:9", "bearer_token": secret}})
    assert settings.controller is not None
    assert Path("/run/secrets/token") in set(paths_in(settings.controller))
    assert settings.store.url == "sqlite:////var/lib/bellhop.db"


def test_secret_beside_the_configuration_is_read_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its value, not that of a file with the same name where the command was started."""
    (tmp_path / "started-here").mkdir()
    (tmp_path / "token").write_text("right", encoding="utf-8")
    (tmp_path / "started-here" / "token").write_text("wrong", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "started-here")
    settings = loaded(tmp_path, {**whole(), "intake": {"generic": {"bearer_token": {"file": "token"}}}})
    assert settings.intake.generic is not None
    assert settings.intake.generic.bearer_token.read() == "right"


def test_defaults_count_from_the_folder_too(tmp_path: Path) -> None:
    """Of the settings that need no word: the database, its history beside it, and the postmortems."""
    telemetry = {"source": "embedded", "exporters": ["http://127.0.0.1:9"]}
    settings = loaded(tmp_path, {"network": "network.yaml", "telemetry": telemetry})
    assert settings.store.url == f"sqlite:///{tmp_path / 'bellhop-data' / 'bellhop.db'}"
    assert settings.postmortems == tmp_path / "postmortems"
    assert settings.telemetry.history_file == tmp_path / "bellhop-data" / "telemetry-history.npz"
