"""Socket Mode over WebSocket: connections, envelopes out, acknowledgements in."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from tests.support.slack.answers import acknowledged
from tests.support.slack.delivery import Delivery
from tests.support.slack.state import APP_ID, Json, State

MOST_CONNECTIONS = 10


@dataclass(frozen=True)
class Connection:
    """One WebSocket of the app; numbers start at 1 and are not used again."""

    number: int
    socket: web.WebSocketResponse

    async def send(self, message: Json) -> None:
        """Send one JSON message."""
        await self.socket.send_str(json.dumps(message))


class SocketMode:
    """The app's connections; `announce` is awaited after each change."""

    def __init__(self, state: State, announce: Callable[[], Awaitable[None]]) -> None:
        self._state, self._announce = state, announce
        self._tickets: set[str] = set()
        self._turn = 0
        self.base = ""
        self.refusing: Callable[[], bool] = bool
        self.connections: list[Connection] = []
        self.deliveries: dict[str, Delivery] = {}
        self.unknown_acknowledgements: list[Json] = []

    def routes(self) -> list[web.RouteDef]:
        """Where it listens."""
        return [web.get("/link", self._serve)]

    def new_address(self) -> str:
        """An address that takes one connection, as apps.connections.open answers."""
        ticket = f"ticket-{self._state.next_number()}"
        self._tickets.add(ticket)
        return f"{self.base}/link?ticket={ticket}&app_id={APP_ID}"

    async def deliver(self, delivery: Delivery, connection: Connection | None = None) -> None:
        """Send an envelope through one connection, each in its turn unless one is named."""
        self.deliveries[delivery.envelope_id] = delivery
        if connection is None and not self.connections:
            delivery.failure = "dispatch_failed"
            return
        if connection is None:
            connection = self.connections[self._turn % len(self.connections)]
            self._turn += 1
        delivery.sent(connection.number)
        await connection.send(delivery.envelope())

    async def refresh(self) -> None:
        """Ask the app to change to new connections, as Slack does every few hours."""
        for connection in tuple(self.connections):
            message = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "applink-double"}}
            await connection.send(message)

    async def drop(self) -> None:
        """Close all connections without a word."""
        for connection in tuple(self.connections):
            await connection.socket.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self.refusing() or ticket not in self._tickets:
            return web.Response(status=503 if self.refusing() else 401)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(self._state.next_number(), socket)
        await self._converse(connection)
        return socket

    async def _converse(self, connection: Connection) -> None:
        if len(self.connections) >= MOST_CONNECTIONS:
            await connection.send({"type": "disconnect", "reason": "too_many_websockets"})
            await connection.socket.close()
            return
        self.connections.append(connection)
        await connection.send(self._hello())
        await self._announce()
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    await self._receive(json.loads(message.data), connection)
        finally:
            self.connections.remove(connection)
            await self._announce()

    def _hello(self) -> Json:
        about = {"host": "applink-double", "build_number": 10, "approximate_connection_time": 18060}
        connected = {"type": "hello", "num_connections": len(self.connections), "debug_info": about}
        return connected | {"connection_info": {"app_id": APP_ID}}

    async def _receive(self, message: Json, connection: Connection) -> None:
        delivery = self.deliveries.get(message.get("envelope_id", ""))
        if delivery is None:
            self.unknown_acknowledgements.append(message)
        else:
            first = not delivery.acknowledged
            delivery.received(message.get("payload"), connection.number)
            if first:
                acknowledged(self._state, delivery.payload, message.get("payload"))
        await self._announce()
