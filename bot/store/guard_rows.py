"""What guards remember, read and written within one transaction."""

from collections.abc import Collection, Iterable, Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.model.guard import Held, LedgerLine, ModeRow, Outage, Pause, RunRow
from bot.store.guard_tables import LEDGER, LOCKS, MODES, OUTAGES, PAUSES, RESETS, RUNS
from bot.store.tables import GUARD_TURN
from bot.store.transaction import Transaction

_encode = msgspec.json.Encoder().encode


class GuardRows:
    """The guards' tables in a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._connection = transaction.connection

    def turn(self) -> None:
        """Until this commit nobody else passes a guard, on any server; SQLite has one writer anyway."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(GUARD_TURN)))

    def held(self, resources: Collection[str] | None = None) -> tuple[Held, ...]:
        """Who holds which of `resources`, or of all."""
        query = sa.select(LOCKS).order_by(LOCKS.c.since, LOCKS.c.resource)
        if resources is not None:
            query = query.where(LOCKS.c.resource.in_(list(resources)))
        return tuple(Held(**row) for row in self._connection.execute(query).mappings())

    def take(self, resources: Iterable[str], *, run: str, runbook: str, at: float) -> None:
        """Give a run what nobody else holds, or what it holds already."""
        for resource in sorted(set(resources)):
            values = {"resource": resource, "run": run, "runbook": runbook, "since": at}
            self._put(LOCKS, ["resource"], values, replace=False)

    def release(self, run: str) -> None:
        """Give back all that a run holds."""
        self._connection.execute(LOCKS.delete().where(LOCKS.c.run == run))

    def began(self, row: RunRow) -> None:
        """Count a run; the same run again is one."""
        self._put(RUNS, ["run"], msgspec.to_builtins(row), replace=False)

    def ended(self, run: str, result: str) -> None:
        """How a run ended."""
        self._connection.execute(RUNS.update().where(RUNS.c.run == run).values(result=result))

    def runs_since(self, instant: float) -> tuple[RunRow, ...]:
        """Every run that began at or after an instant, oldest first."""
        return self._runs(sa.select(RUNS).where(RUNS.c.started_at >= instant).order_by(RUNS.c.started_at))

    def last_runs(self, runbook: str, limit: int) -> tuple[RunRow, ...]:
        """The latest runs of a runbook on any target that began after its last reset, latest first."""
        reset = sa.select(sa.func.max(RESETS.c.at)).where(RESETS.c.runbook == runbook)
        since = self._connection.execute(reset).scalar() or float("-inf")
        query = sa.select(RUNS).where(RUNS.c.runbook == runbook, RUNS.c.started_at > since)
        return self._runs(query.order_by(RUNS.c.started_at.desc()).limit(limit))

    def reset(self, runbook: str, *, by: str, at: float) -> None:
        """Forget, for the breaker, how a runbook's runs up to now ended."""
        self._connection.execute(RESETS.insert().values(runbook=runbook, by=by, at=at))

    def outages(self) -> tuple[Outage, ...]:
        """What acts have taken out of service."""
        rows = self._connection.execute(sa.select(OUTAGES).order_by(OUTAGES.c.place)).mappings()
        return tuple(Outage(**row) for row in rows)

    def take_out(self, outage: Outage) -> None:
        """Note that a place goes out of service."""
        self._put(OUTAGES, ["place"], msgspec.to_builtins(outage), replace=True)

    def put_back(self, place: str) -> None:
        """Note that a place is in service again."""
        self._connection.execute(OUTAGES.delete().where(OUTAGES.c.place == place))

    def paused(self) -> Pause | None:
        """The pause in force."""
        query = sa.select(PAUSES.c.paused_by, PAUSES.c.reason, PAUSES.c.paused_at).where(PAUSES.c.resumed_at.is_(None))
        row = self._connection.execute(query.order_by(PAUSES.c.id)).first()
        return None if row is None else Pause(by=row[0], reason=row[1], since=row[2])

    def pause(self, *, by: str, reason: str, at: float) -> bool:
        """Begin a pause; False when one is in force."""
        if self.paused() is not None:
            return False
        self._connection.execute(PAUSES.insert().values(paused_at=at, paused_by=by, reason=reason))
        return True

    def resume(self, *, by: str, at: float) -> bool:
        """End the pause; False when there is none."""
        ending = PAUSES.update().where(PAUSES.c.resumed_at.is_(None)).values(resumed_at=at, resumed_by=by)
        return self._connection.execute(ending).rowcount > 0

    def write(self, line: LedgerLine) -> None:
        """Add a line to the ledger; the first line of a run stays."""
        values = {"run": line.run, "runbook": line.runbook, "target": line.target, "at": line.at}
        self._put(LEDGER, ["run"], {**values, "line": _encode(line).decode()}, replace=False)

    def ledger(self, runbook: str | None = None, target: str | None = None) -> tuple[LedgerLine, ...]:
        """The lines of a runbook and target, or all, oldest first."""
        query = sa.select(LEDGER.c.line).order_by(LEDGER.c.at, LEDGER.c.run)
        if runbook is not None:
            query = query.where(LEDGER.c.runbook == runbook)
        if target is not None:
            query = query.where(LEDGER.c.target == target)
        return tuple(msgspec.json.decode(line, type=LedgerLine) for line in self._connection.execute(query).scalars())

    def mode(self, runbook: str, target: str) -> ModeRow | None:
        """Where a mode has been moved to."""
        query = sa.select(MODES.c.row).where(MODES.c.runbook == runbook, MODES.c.target == target)
        row = self._connection.execute(query).scalar()
        return None if row is None else msgspec.json.decode(row, type=ModeRow)

    def set_mode(self, row: ModeRow) -> None:
        """Move a mode."""
        values = {"runbook": row.runbook, "target": row.target, "row": _encode(row).decode()}
        self._put(MODES, ["runbook", "target"], values, replace=True)

    def _runs(self, query: sa.Select[tuple[object, ...]]) -> tuple[RunRow, ...]:
        return tuple(RunRow(**row) for row in self._connection.execute(query).mappings())

    def _put(self, table: sa.Table, key: list[str], values: Mapping[str, object], *, replace: bool) -> None:
        sqlite_ = self._connection.dialect.name == "sqlite"
        insert = (sqlite.insert(table) if sqlite_ else postgresql.insert(table)).values(**values)
        changed = {name: value for name, value in values.items() if name not in key}
        self._connection.execute(
            insert.on_conflict_do_update(index_elements=key, set_=changed)
            if replace
            else insert.on_conflict_do_nothing(index_elements=key)
        )
