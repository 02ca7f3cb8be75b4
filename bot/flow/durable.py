"""Workflows that survive a killed process: the one door to DBOS.

`DurableClient` enqueues runs and sends them messages from any process that can reach the store, inside the
caller's own transaction. `DurableWorker` also executes them. What crosses a workflow's border is plain JSON.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol

from dbos import DBOS, DBOSClient, DBOSConfig, SetWorkflowID, StepOptions
from sqlalchemy import Connection

from bot.errors import BellhopError, StoreUnavailableError
from bot.store.engine import open_durable_engine
from bot.store.trouble import StoreDownError, UnfitDataError

Json = dict[str, Any]
Effect = Callable[..., Coroutine[Any, Any, Json]]
Workflow = Callable[[Json], Coroutine[Any, Any, Json]]
Dead = Callable[[Iterable[str]], Awaitable[tuple[str, ...]]]
"""Which of some executor ids no living process holds."""

APPLICATION = "bellhop"
APPLICATION_VERSION = "1"
"""Fixed, so that runs survive a deploy; raise it only with a change that old runs cannot follow."""
TOPIC = "ctl"
RUN_QUEUE = "runbooks"
RUN_WORKFLOW = "run"
PUBLISH_WORKFLOW = "publish again"
PUBLISH_ID = "publish"
"""How the ids of publications begin, before a colon."""
_POLL_S = 0.2
_RECOVERY_ATTEMPTS = 1000
"""Every restart counts, also while a run only waits for people; so many are a loop of crashes, not a life."""
_STORE_RETRIES = 1000
_FAILED = {
    "ERROR": "its workflow broke off, and that could not be told here",
    "CANCELLED": "its workflow was cancelled from outside Bellhop",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": f"{_RECOVERY_ATTEMPTS} restarts did not bring its workflow to an end",
}
_ENDED = ("SUCCESS", *_FAILED)


class PlainJson:
    """DBOS's serialiser interface on JSON: pickle would let whoever can write the database run code."""

    def serialize(self, data: object) -> str:
        """Write plain data as JSON."""
        return json.dumps(data if not isinstance(data, BaseException) else {"error": str(data)})

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - JSON is of any shape
        """Read JSON."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """The name stored beside each value."""
        return "bellhop_json"


class Outbox(Protocol):
    """What a transaction offers here: its SQLAlchemy connection."""

    @property
    def connection(self) -> Connection:
        """Open, inside a transaction."""
        ...


class Outages(Protocol):
    """What is done about a store that takes no writes."""

    async def sit_out(self, workflow: str) -> bool:
        """Wait, for this workflow, until the store is back; False at once where it is not known to be down."""
        ...

    def note(self, error: StoreDownError) -> None:
        """The workflow engine itself could not write; called from its threads."""
        ...


def prepare(url: str) -> None:
    """Make the workflow engine's tables, for the sake of clients of a store that no server opened before."""
    DBOS.migrate(url)


class DurableClient:
    """Starts runs and talks to them, inside the caller's transaction."""

    def __init__(self, url: str) -> None:
        self._client = DBOSClient(system_database_url=url, serializer=PlainJson(), lazy=True)  # type: ignore[arg-type]

    def enqueue_run(self, transaction: Outbox, *, run: str, target: str, argument: Json) -> None:
        """Queue a runbook run; it starts once the transaction commits, one at a time per `target`.

        The same run id twice is one run. Raises BellhopError without a target: such a run would wait for ever.
        """
        if not target:
            raise BellhopError(f"run {run} has no target to take its turn at")
        self._enqueue(transaction, RUN_WORKFLOW, id=run, turn=target, argument=argument)

    def enqueue_publication(self, transaction: Outbox, *, incident: str, cause: str, review: str = "") -> None:
        """Queue that a postmortem is written once the transaction commits; again, where that is because of a review.

        The same cause twice is one; those of one incident take turns.
        """
        argument = {"incident": incident, "review": review, "cause": cause}
        id_, turn = f"{PUBLISH_ID}:{cause}", f"{PUBLISH_ID}:{incident}"
        self._enqueue(transaction, PUBLISH_WORKFLOW, id=id_, turn=turn, argument=argument)

    def _enqueue(self, transaction: Outbox, workflow: str, *, id: str, turn: str, argument: Json) -> None:  # noqa: A002
        self._client.enqueue_in_transaction(
            transaction.connection,
            {
                "queue_name": RUN_QUEUE,
                "workflow_name": workflow,
                "workflow_id": id,
                "queue_partition_key": turn,
                "app_version": APPLICATION_VERSION,
                "application_name": APPLICATION,
            },
            argument,
        )

    def send(self, transaction: Outbox, *, run: str, message: Json, key: str) -> None:
        """Tell a run something once the transaction commits; the same key again is the same message."""
        self._client.send_in_transaction(transaction.connection, run, message, TOPIC, f"{run}:{key}")

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()


class DurableWorker:
    """Executes workflows in this process and takes up those that a killed process left behind."""

    def __init__(self, url: str, *, executor: str, outages: Outages | None = None) -> None:
        self._outages = outages
        self._engine = open_durable_engine(url, outages.note if outages else None)
        self._config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": url,
            "system_database_engine": self._engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor,
            "serializer": PlainJson(),  # type: ignore[typeddict-item]
            "notification_listener_polling_interval_sec": _POLL_S,
            "enable_otlp": False,
            "log_level": "WARNING",
        }
        self._workflows: dict[str, Workflow] = {}
        self.closing = False
        """Whether this process stops executing: what breaks off now has not failed, it goes on at the next start."""

    async def launch(self, workflows: Mapping[str, Workflow]) -> None:
        """Begin to execute; call it on the event loop's thread, so that workflows share its connections."""
        logging.getLogger("dbos").setLevel(logging.WARNING)
        DBOS(config=self._config)
        for name, function in workflows.items():
            self._workflows[name] = DBOS.workflow(name=name, max_recovery_attempts=_RECOVERY_ATTEMPTS)(_plain(function))
        DBOS.launch()
        await DBOS.register_queue_async(
            RUN_QUEUE,
            partition_concurrency=1,
            polling_interval_sec=_POLL_S,
            on_conflict="always_update",
        )

    async def take_over(self, dead: Dead) -> None:
        """Go on with the workflows of executors that died; raises what `dead` raises.

        A workflow is handed over in one atomic step, so several servers may do this at the same time.
        """
        pending = await DBOS.list_workflows_async(
            status="PENDING", app_version=APPLICATION_VERSION, load_input=False, load_output=False
        )
        gone = await dead(sorted({each.executor_id for each in pending if each.executor_id}))
        if gone:
            await asyncio.to_thread(DBOS._recover_pending_workflows, list(gone))

    async def start(self, workflow: str, *, id: str, argument: Json) -> None:  # noqa: A002 - DBOS's own word
        """Start a workflow here and now; the same id twice is one workflow."""
        with SetWorkflowID(id):
            await DBOS.start_workflow_async(self._workflows[workflow], argument)

    async def step(self, name: str, function: Effect, *arguments: object) -> Json:
        """Run an effect once: its outcome is recorded and replayed. A store that is down is waited for."""
        options: StepOptions = {
            "name": name,
            "retries_allowed": True,
            "interval_seconds": 0.5,
            "backoff_rate": 1.0,
            "max_attempts": _STORE_RETRIES,
            "should_retry": can_wait,
        }
        return await DBOS.run_step_async(options, self._patient(function), *arguments)

    def _patient(self, function: Effect) -> Effect:
        """The effect, begun again after each outage of the store, however long; anything else is DBOS's to retry."""

        async def patient(*arguments: object) -> Json:
            while True:
                try:
                    return await function(*arguments)
                except StoreUnavailableError:
                    if self._outages is None or not await self._outages.sit_out(DBOS.workflow_id or ""):
                        raise

        return patient

    async def receive(self, timeout_s: float) -> Json | None:
        """The next message to this workflow, or None after `timeout_s` real seconds; survives restarts."""
        message: Json | None = await DBOS.recv_async(TOPIC, timeout_seconds=timeout_s)
        return message

    async def sleep(self, seconds: float) -> None:
        """Wait real seconds; a restart waits only for what is left."""
        await DBOS.sleep_async(seconds)

    async def finished(self, id: str) -> bool:  # noqa: A002
        """Whether a workflow with this id has ended."""
        status = await DBOS.get_workflow_status_async(id)
        return status is not None and status.status not in ("PENDING", "ENQUEUED", "DELAYED")

    async def failed(self) -> dict[str, str]:
        """The ids of workflows that came to no good end, and what became of them."""
        found = await DBOS.list_workflows_async(status=list(_FAILED), load_input=False, load_output=False)
        return {each.workflow_id: _FAILED[each.status] for each in found}

    async def ended(self, *, before: float, limit: int, offset: int = 0) -> tuple[str, ...]:
        """The ids of workflows that ended before an instant (Unix seconds), oldest first."""
        found = await DBOS.list_workflows_async(
            status=list(_ENDED),
            completed_before=datetime.fromtimestamp(before, UTC).isoformat(),
            limit=limit,
            offset=offset,
            load_input=False,
            load_output=False,
        )
        return tuple(each.workflow_id for each in found)

    async def delete(self, ids: Sequence[str]) -> None:
        """Forget workflows with all their steps and messages; an id of them would then be a new workflow."""
        if ids:
            await DBOS.delete_workflows_async(list(ids))

    async def close(self) -> None:
        """Stop executing; what is under way goes on at the next start.

        DBOS makes its threads the event loop's own and takes them along; the loop gets new ones.
        """
        self.closing = True
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        if self._engine is not None:
            self._engine.dispose()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="bellhop"))


def _plain(function: Workflow) -> Workflow:
    """A function of its own, because DBOS marks what it registers and a bound method cannot be marked."""

    async def workflow(argument: Json) -> Json:
        return await function(argument)

    return workflow


def can_wait(error: BaseException) -> bool:
    """Whether the same again may pass later: the store is down or busy, and has not said that it never will."""
    return isinstance(error, StoreUnavailableError) and not isinstance(error, UnfitDataError)
