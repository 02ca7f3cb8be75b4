"""A Slack that behaves: reached over HTTP and WebSocket by the real libraries."""

from tests.support.slack.delivery import Delivery, signed_headers
from tests.support.slack.state import Channel, Message, User, UserGroup, View
from tests.support.slack.workspace import Workspace, running_workspace

__all__ = [
    "Channel",
    "Delivery",
    "Message",
    "User",
    "UserGroup",
    "View",
    "Workspace",
    "running_workspace",
    "signed_headers",
]
