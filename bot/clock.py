"""Time comes in as an argument: the real clock, or one that runs faster for demonstrations."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of Bellhop may know about time."""

    def now(self) -> float:
        """Unix seconds, UTC."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """How long `seconds` of this clock last on the wall, for doors that take a real timeout."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Unix seconds, UTC."""
        return time.time()

    def real_seconds(self, seconds: float) -> float:
        """Seconds are seconds."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        await asyncio.sleep(max(0.0, seconds))


class FastClock:
    """A clock that starts at `start` (Unix seconds) and runs `speed` times as fast as the wall's.

    It can be stopped while a person thinks: simulated minutes would otherwise pass in real seconds.
    """

    def __init__(self, *, start: float, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._speed = speed
        self._base = start
        self._anchor: float | None = time.monotonic()

    @property
    def speed(self) -> float:
        """How many seconds of this clock pass in a real second."""
        return self._speed

    def now(self) -> float:
        """Unix seconds of the simulated day."""
        if self._anchor is None:
            return self._base
        return self._base + (time.monotonic() - self._anchor) * self._speed

    def stop(self) -> None:
        """Let time stand still; a stopped clock stays stopped."""
        self._base, self._anchor = self.now(), None

    def go(self) -> None:
        """Let time run on from where it stood."""
        if self._anchor is None:
            self._anchor = time.monotonic()

    def leap(self, seconds: float) -> None:
        """Skip `seconds` at once; time never goes back."""
        if seconds < 0:
            raise ValueError(f"time never goes back, not even by {-seconds} s")
        self._base += seconds

    def real_seconds(self, seconds: float) -> float:
        """Seconds of this clock on the wall."""
        return seconds / self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` of this clock have passed, pauses not counted."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:  # noqa: ASYNC110 - a stopped clock fires no event
            await asyncio.sleep(min(max(left / self._speed, 0.001), 0.1))
