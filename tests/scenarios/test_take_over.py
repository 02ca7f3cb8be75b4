"""Several servers on one store: the runs of a dead one go on elsewhere, those of a living one are left alone."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dbos import DBOSClient

from bot.flow.durable import PlainJson
from tests.scenarios.stored import until

SERVER = """
import asyncio, sys
from bot.flow.durable import DurableWorker

async def main(url, name, *dead):
    worker = DurableWorker(url, executor=name)

    async def tell():
        print("done by", name, flush=True)
        return {}

    async def workflow(argument):
        await worker.step("tell", tell)
        while await worker.receive(3600) is None:
            pass
        return {"by": name}

    async def gone(names):
        return tuple(each for each in names if each in dead)

    await worker.launch({"run": workflow})
    if name == "first":
        await worker.start("run", id="INC-1-R1", argument={})
    await worker.take_over(gone)
    print("took over", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
"""A server reduced to one workflow, and to which others it believes dead."""


@asynccontextmanager
async def server(url: str, name: str, *dead: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that has started and looked for dead servers once; it ends by being killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, url, name, *dead, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def heard(process: asyncio.subprocess.Process, words: str) -> None:
    """Wait until the process says this; AssertionError when it ends first."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            if words in line:
                return
    raise AssertionError(f"it ended without saying {words!r}")


async def test_only_the_runs_of_dead_servers_are_taken_over_and_steps_are_not_repeated(tmp_path: Path) -> None:
    """What the first server did stays done; the third ends the run with a message from outside.

    This is also the contract with DBOS: taking over goes through a function that its authors call internal.
    """
    url = f"sqlite:///{tmp_path / 'bellhop.db'}"
    client = DBOSClient(system_database_url=url, serializer=PlainJson())  # type: ignore[arg-type]
    async with server(url, "first") as first:
        await heard(first, "done by first")
        async with server(url, "second") as second:
            await heard(second, "took over")
            (run,) = await client.list_workflows_async()
            assert (run.status, run.executor_id) == ("PENDING", "first")
        first.kill()
    async with server(url, "third", "first", "second") as third:
        await heard(third, "took over")
        await client.send_async("INC-1-R1", {}, "ctl")

        async def ended() -> object:
            (run,) = await client.list_workflows_async()
            return run.output

        assert await until(ended, within_s=30) == {"by": "third"}
    client.destroy()
    assert third.stdout is not None
    assert b"done by" not in await third.stdout.read()
