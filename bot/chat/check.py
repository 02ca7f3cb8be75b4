"""What `bellhop doctor` says about Slack: tokens, scopes and the channel, each tried for real."""

import re

from slack_sdk.web.async_client import AsyncWebClient

from bot.chat.client import reached, web_client
from bot.chat.manifest import SCOPES
from bot.errors import BellhopError, ChatUnavailableError
from bot.settings import SlackSettings

_CHANNEL_ID = re.compile(r"^[CGD][A-Z0-9]+$")


async def check_slack(settings: SlackSettings) -> str:
    """One line on what works; raises BellhopError naming the token, scope or channel that does not."""
    web = web_client(settings)
    identity = await reached(web.auth_test)
    _require_scopes(identity.headers.get("x-oauth-scopes"))
    told = [f"{identity.get('user')} in {identity.get('team')}", await _mode(settings, web)]
    told.append(await _channel(settings.channel, web))
    return ", ".join(told)


def _require_scopes(header: str | None) -> None:
    granted = {scope.strip() for scope in (header or "").split(",")}
    missing = [f"{scope} ({why})" for scope, why in SCOPES.items() if scope not in granted]
    if missing:
        raise BellhopError(
            f"the bot token lacks the scopes {', '.join(missing)}",
            hint="install the app again from slack-manifest.yaml",
        )


async def _mode(settings: SlackSettings, web: AsyncWebClient) -> str:
    if settings.mode == "http":
        if settings.signing_secret is not None:
            settings.signing_secret.read()
        return "HTTP mode"
    token = settings.app_token.read() if settings.app_token is not None else ""
    try:
        await reached(lambda: web.apps_connections_open(app_token=token))
    except ChatUnavailableError:
        raise
    except BellhopError as error:
        raise BellhopError(
            f"the app token is refused: {error.message}",
            hint="slack.app_token wants an app-level token (xapp-...) with the scope connections:write",
        ) from None
    return "Socket Mode"


async def _channel(channel: str, web: AsyncWebClient) -> str:
    if not _CHANNEL_ID.match(channel):
        return f"channel {channel} (name it by its id, so that messages are found again after a crash)"
    await reached(lambda: web.conversations_history(channel=channel, limit=1))
    return f"channel {channel}"
