"""A Slack, a store and settings that fit them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.settings import SlackSettings
from bot.store import Store
from tests.chat.workplace import open_store, slack_settings
from tests.support.slack.state import Channel
from tests.support.slack.workspace import Workspace, running_workspace


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A Slack workspace."""
    async with running_workspace() as workspace:
        yield workspace


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(tmp_path) as store:
        yield store


@pytest.fixture
def channel(workspace: Workspace) -> Channel:
    """The incident channel, with Ann (U1, no roles) and Bob (U2, approver) in it."""
    return workspace.add_channel("incidents", workspace.add_user("ann"), workspace.add_user("bob"))


@pytest.fixture
def settings(workspace: Workspace, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> SlackSettings:
    """Socket Mode."""
    return slack_settings(workspace, monkeypatch, channel.id)
