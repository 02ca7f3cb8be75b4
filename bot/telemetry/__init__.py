"""Telemetry: the signals of the contract as one table, read from Prometheus or from exporters directly."""
