"""The report of an incident, drafted from its events alone: pure, and the same events give the same report."""

from bot.postmortem.draft import draft
from bot.postmortem.facts import Facts
from bot.postmortem.render import Format, render

__all__ = ["Facts", "Format", "draft", "render"]
