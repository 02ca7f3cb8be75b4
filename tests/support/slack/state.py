"""What the double remembers: people, channels, messages, views, and what was asked of it."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM_ID, TEAM_DOMAIN, APP_ID = "T1", "qnet", "A1"
BOT_USER_ID, BOT_ID, BOT_NAME = "U0", "B0", "bellhop"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-of-the-double", "xapp-of-the-double", "signing-secret-of-the-double"
BOT_SCOPES = frozenset(
    {"chat:write", "commands", "channels:read", "channels:history", "groups:read", "groups:history", "im:read"}
    | {"im:history", "users:read", "usergroups:read", "reactions:read"}
)


@dataclass
class User:
    """A member of the workspace."""

    id: str
    name: str
    real_name: str = ""
    bot: bool = False

    def as_json(self) -> Json:
        """As users.info shows it."""
        profile = {"real_name": self.real_name or self.name, "display_name": self.name}
        return {
            "id": self.id, "team_id": TEAM_ID, "name": self.name, "real_name": profile["real_name"],
            "deleted": False, "is_bot": self.bot, "tz": "Etc/UTC", "tz_offset": 0, "profile": profile,
        }  # fmt: skip


@dataclass
class UserGroup:
    """A user group, such as the people on call."""

    id: str
    handle: str
    users: list[str]


@dataclass
class Channel:
    """A conversation; `kind` is channels (public), groups (private) or im (direct message)."""

    id: str
    name: str
    kind: str = "channels"
    members: set[str] = field(default_factory=set)
    archived: bool = False

    def as_json(self) -> Json:
        """As conversations.info shows it."""
        return {
            "id": self.id, "name": self.name, "is_channel": self.kind == "channels", "is_group": False,
            "is_im": self.kind == "im", "is_private": self.kind != "channels", "is_archived": self.archived,
            "is_member": BOT_USER_ID in self.members, "num_members": len(self.members),
        }  # fmt: skip


@dataclass
class Message:
    """A message as it stands now; `versions` keeps the JSON of each version before it, oldest first."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    deleted: bool = False
    ephemeral_to: str | None = None

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread below another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def elements(self) -> Iterator[tuple[str, Json]]:
        """Each interactive element with the id of its block, in reading order."""
        for block in self.blocks:
            accessory = [block["accessory"]] if "accessory" in block else []
            for element in [*(block.get("elements") or []), *accessory]:
                if "action_id" in element:
                    yield block["block_id"], element

    @property
    def action_ids(self) -> list[str]:
        """The action ids of its interactive elements, in reading order."""
        return [element["action_id"] for _, element in self.elements()]

    @property
    def everything_said(self) -> str:
        """The text and every text of its blocks, one per line."""
        return "\n".join([self.text, *texts_of(self.blocks)])

    def as_json(self, *, metadata: bool = False) -> Json:
        """As the Web API and interaction payloads show it."""
        shown: Json = {"type": "message", "ts": self.ts, "user": self.user, "team": TEAM_ID, "text": self.text}
        if self.user == BOT_USER_ID:
            shown |= {"bot_id": BOT_ID, "app_id": APP_ID}
        optional: Json = {"blocks": self.blocks, "attachments": self.attachments, "edited": self.edited}
        optional |= {"thread_ts": self.thread_ts, "metadata": self.metadata if metadata else None}
        optional["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
        ]
        return copy.deepcopy(shown | {name: value for name, value in optional.items() if value})


@dataclass
class View:
    """A modal; `state` is open, submitted or closed, `errors` what the app said to its last submission."""

    id: str
    user: str
    content: Json
    state: str = "open"
    errors: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        """As views.open answers and view_submission carries it."""
        defaults = {"private_metadata": "", "callback_id": "", "state": {"values": {}}, "external_id": ""}
        added = {"id": self.id, "team_id": TEAM_ID, "app_id": APP_ID, "bot_id": BOT_ID, "root_view_id": self.id}
        return copy.deepcopy(defaults | self.content | added)


@dataclass
class Trigger:
    """What lets an app open one modal, for three seconds."""

    user: str
    issued_at: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Where an app may answer an interaction five times within half an hour; `posts` are the bodies it sent."""

    url: str
    user: str
    channel: str
    source: Message | None
    issued_at: float
    posts: list[Json] = field(default_factory=list)


@dataclass
class ApiCall:
    """One call of the Web API; `error` is empty if it succeeded."""

    method: str
    arguments: Json
    status: int = 200
    error: str = ""


def texts_of(part: Any) -> Iterator[str]:
    """Every `text` string within blocks, in order."""
    if isinstance(part, list):
        for each in part:
            yield from texts_of(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts_of(value)


@dataclass
class State:
    """Everything that the workspace holds; `clock` gives seconds since 1970."""

    clock: Callable[[], float]
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: list[ResponseUrl] = field(default_factory=list)
    calls: list[ApiCall] = field(default_factory=list)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    _last_microsecond: int = 0
    _count: int = 0

    def next_ts(self) -> str:
        """A timestamp in Slack's form, later than all before it."""
        self._last_microsecond = max(int(self.clock() * 1_000_000), self._last_microsecond + 1)
        return f"{self._last_microsecond // 1_000_000}.{self._last_microsecond % 1_000_000:06d}"

    def next_number(self) -> int:
        """A number that was not given before."""
        self._count += 1
        return self._count

    def channel_named(self, name: str) -> Channel | None:
        """The channel with this id or name, with or without its #."""
        by_name = (channel for channel in self.channels.values() if channel.name == name.removeprefix("#"))
        return self.channels.get(name) or next(by_name, None)

    def message_at(self, channel: str, ts: str) -> Message | None:
        """The message that stands there and was not deleted."""
        found = (each for each in self.messages if (each.channel, each.ts, each.deleted) == (channel, ts, False))
        return next(found, None)

    def new_trigger(self, user: str) -> str:
        """Issue a trigger id to what this person did."""
        identity = f"{self.next_number()}.2.x"
        self.triggers[identity] = Trigger(user, self.clock())
        return identity

    def new_response_url(self, base: str, kind: str, user: str, channel: str, source: Message | None) -> str:
        """Issue a response URL; `kind` is commands or actions."""
        url = f"{base}/{kind}/{TEAM_ID}/{self.next_number()}/x"
        self.response_urls.append(ResponseUrl(url, user, channel, source, self.clock()))
        return url
