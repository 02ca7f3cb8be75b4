"""A run whose record the store refused waits for the store, in the process that had begun it."""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.flow.durable import DurableWorker, Json
from tests.scenarios.stored import until

RUN = "INC-1-R1"
_FULL_S = 0.5
"""Long enough for a record to be refused; what is refused is tried again after about a second."""


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow: a write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def nobody(names: object) -> tuple[str, ...]:
    """No other server has died."""
    del names
    return ()


async def test_a_run_whose_record_a_full_disk_refuses_waits_for_the_disk(tmp_path: Path) -> None:
    """Nothing is recorded as failed, nothing is done again, and the run ends once there is room."""
    worker = DurableWorker(f"sqlite:///{tmp_path / 'bellhop.db'}", executor="bellhop")
    done: list[str] = []
    go_on = asyncio.Event()

    async def first() -> Json:
        done.append("first")
        return {}

    async def second() -> Json:
        done.append("second")
        await go_on.wait()
        return {}

    async def workflow(argument: Json) -> Json:
        await worker.step("first", first)
        return await worker.step("second", second)

    await worker.launch({"run": workflow})
    try:
        await worker.start("run", id=RUN, argument={})
        await until(lambda: _held(done), within_s=20)
        with full_disk():
            go_on.set()
            await asyncio.sleep(_FULL_S)
            assert not await worker.finished(RUN)
        await until(lambda: _looked(worker), within_s=20)
        assert done == ["first", "second"]
        assert await worker.ended(before=time.time() + 60, limit=9) == (RUN,)
    finally:
        await worker.close()


async def _held(done: list[str]) -> bool | None:
    return done == ["first", "second"] or None


async def _looked(worker: DurableWorker) -> bool | None:
    await worker.take_over(nobody)
    return await worker.finished(RUN) or None


async def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    """However often its own server looks for what broke off."""
    worker = DurableWorker(f"sqlite:///{tmp_path / 'bellhop.db'}", executor="bellhop")
    done: list[str] = []
    go_on = asyncio.Event()

    async def act() -> Json:
        done.append("act")
        await go_on.wait()
        return {}

    async def workflow(argument: Json) -> Json:
        return await worker.step("act", act)

    await worker.launch({"run": workflow})
    try:
        await worker.start("run", id=RUN, argument={})
        for _ in range(5):
            await worker.take_over(nobody)
        go_on.set()
        await until(lambda: _looked(worker), within_s=20)
        assert done == ["act"]
    finally:
        await worker.close()
