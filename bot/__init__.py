"""Bellhop: incident response for quantum networks, from an alert to a published postmortem."""

__version__ = "0.1.0"
