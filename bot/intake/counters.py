"""What the alert doors have seen, for the bot's own /metrics."""

from collections import Counter


class IntakeCounters:
    """Counts since the process started."""

    def __init__(self) -> None:
        self.deliveries: Counter[str] = Counter()
        """By answer: accepted, duplicate, or the reason of the refusal."""
        self.alerts = 0
        self.put_aside = 0
        """Accepted deliveries that could have no effect and wait in the inbox for somebody to look at them."""

    def accepted(self, *, alerts: int) -> None:
        """A delivery is on disk."""
        self.deliveries["accepted"] += 1
        self.alerts += alerts

    def refused(self, reason: str) -> None:
        """A delivery was turned away."""
        self.deliveries[reason] += 1
