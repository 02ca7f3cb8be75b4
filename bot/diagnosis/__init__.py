"""What is wrong with a link: robust shifts of its telemetry, weighed by rules that are data."""
