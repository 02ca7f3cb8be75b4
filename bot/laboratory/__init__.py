"""Labelled incidents made from the telemetry contract alone, to examine the diagnosis with."""
