"""The Slack app manifest: what a workspace must grant, and no more."""

from collections.abc import Mapping
from typing import Any

import yaml

SCOPES: Mapping[str, str] = {
    "chat:write": "post and update incident messages",
    "commands": "slash commands",
    "channels:history": "find a message again after a crash, in a public channel",
    "groups:history": "the same in a private channel",
}
"""Bot scope -> what it is for."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "/bellhop": ("Incidents, runbooks, approvals of the quantum network", "help"),
    "/diagnose": ("What is wrong with a link, with evidence", "LINK"),
    "/runbook": (
        "List, run, abort or retry runbooks",
        "list | run INCIDENT [NAME] | abort RUN [reason] | skip RUN STEP [why] | retry RUN [STEP]",
    ),
    "/postmortem": ("The report of an incident as it stands", "INCIDENT"),
}
"""Slash command -> what it does, and its arguments."""

_HEADER = """\
# The Slack app of Bellhop: https://api.slack.com/apps > Create New App > From a manifest.
# Then: install it to the workspace (bot token, xoxb-...), create an app-level token with the scope
# connections:write (app token, xapp-...) for Socket Mode, and invite the bot to the incident channel.
# For HTTP mode set socket_mode_enabled to false and give each command, and interactivity, the address
# https://YOUR-HOST/slack/events (`url` and `request_url`).
"""


def manifest_yaml() -> str:
    """The manifest to create the Slack app from, with how to go on as comments."""
    return _HEADER + yaml.safe_dump(manifest(), sort_keys=False, width=110)


def manifest() -> dict[str, Any]:
    """The manifest as plain data."""
    return {
        "display_information": {
            "name": "Bellhop",
            "description": "Incident response for quantum networks",
            "background_color": "#1d2733",
        },
        "features": {
            "bot_user": {"display_name": "Bellhop", "always_online": True},
            "slash_commands": [
                {"command": command, "description": description, "usage_hint": hint, "should_escape": False}
                for command, (description, hint) in COMMANDS.items()
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
