"""Pages and JSON API for people and programs, and the doors that tell how the bot itself fares."""

from bot.web.health import Check, Counter, health_routes
from bot.web.ports import Desk
from bot.web.routes import web_routes

__all__ = ["Check", "Counter", "Desk", "health_routes", "web_routes"]
