"""Doors for alerts: on disk before the answer, parsed into the model, handed on through the inbox."""
