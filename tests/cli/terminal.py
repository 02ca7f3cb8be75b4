"""A person at a terminal, on a store in which an incident already is."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import yaml

from bot.__main__ import run
from bot.model.event import Entry, EventBody
from bot.simulator.scenarios import demo_network_path
from bot.store import Store
from tests.support.incident_story import START

PEOPLE = [
    {"id": "cli:ada", "name": "Ada", "roles": ["approver", "operator"]},
    {"id": "cli:dave", "name": "Dave", "roles": ["viewer"]},
]


def configured(folder: Path, **more: object) -> Path:
    """A configuration with an empty store."""
    content = {
        "network": str(demo_network_path()),
        "store": {"url": f"sqlite:///{folder / 'bellhop.db'}"},
        "telemetry": {"source": "embedded", "exporters": ["http://127.0.0.1:9"]},
        "postmortems": str(folder),
        "people": PEOPLE,
        **more,
    }
    config = folder / "bellhop.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config


async def put(folder: Path, *bodies: EventBody) -> str:
    """An incident with these events; its id."""
    store = Store(f"sqlite:///{folder / 'bellhop.db'}")
    await store.open()
    entries = [Entry(at=START + at, by="bellhop", body=body, key=str(at)) for at, body in enumerate(bodies)]
    try:
        return await store.transact(lambda transaction: transaction.open_incident(entries))
    finally:
        await store.close()


def typed(*words: str) -> tuple[int, str]:
    """What a person types; the exit code and everything that was said."""
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = run(list(words))
    return code, " ".join(said.getvalue().split())
