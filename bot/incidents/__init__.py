"""Incidents as views of their events: replay, life cycle, and which alert belongs to which incident. Pure."""
