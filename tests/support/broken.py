"""A database whose transactions fail after a chosen statement, to see that nothing of them stays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from leadtrackr.db.database import Database, Tx
from leadtrackr.db.spread import Spread
from leadtrackr.db.statement import Insertion, Prepared

T = TypeVar("T")


class Broken(Exception):
    """What the work fails with."""


class BreakingDatabase:
    """Fails each transaction after its nth statement; `statements` says how many the last one ran."""

    def __init__(self, db: Database, after: int) -> None:
        self._db = db
        self._after = after
        self.statements = 0

    @property
    def dialect(self) -> str:
        return self._db.dialect

    @property
    def alone(self) -> bool:
        return self._db.alone

    async def write(self, work: Callable[[Tx], T], *, durable: bool = True) -> T:
        return await self._db.write(lambda tx: work(_BreakingTx(tx, self)), durable=durable)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._db.read(work)

    async def ready(self) -> None:
        await self._db.ready()

    async def close(self) -> None:
        await self._db.close()

    def count(self) -> None:
        self.statements += 1
        if self.statements == self._after:
            raise Broken


class _BreakingTx:
    def __init__(self, tx: Tx, owner: BreakingDatabase) -> None:
        self._tx = tx
        self._owner = owner

    @property
    def dialect(self) -> str:
        return self._tx.dialect

    @property
    def serial(self) -> bool:
        return self._tx.serial

    def now(self) -> int:
        return self._tx.now()

    def all(self, statement: Prepared, /, **values: Any) -> list[Any]:
        found = self._tx.all(statement, **values)
        self._owner.count()
        return found

    def first(self, statement: Prepared, /, **values: Any) -> Any | None:
        found = self._tx.first(statement, **values)
        self._owner.count()
        return found

    def run(self, statement: Prepared, /, **values: Any) -> int:
        found = self._tx.run(statement, **values)
        self._owner.count()
        return found

    def insert(self, statement: Insertion, /, **values: Any) -> int:
        made = self._tx.insert(statement, **values)
        self._owner.count()
        return made

    def try_insert(self, statement: Insertion, /, **values: Any) -> int | None:
        made = self._tx.try_insert(statement, **values)
        self._owner.count()
        return made

    def together(self, statement: Insertion, rows: Sequence[Mapping[str, Any]], /) -> None:
        self._tx.together(statement, rows)
        self._owner.count()

    def lock(self, statement: Prepared, /, **values: Any) -> None:
        self._tx.lock(statement, **values)
        self._owner.count()

    def spread(self, statement: Spread, rows: Sequence[tuple[int, str]], /, **shared: Any) -> None:
        self._tx.spread(statement, rows, **shared)
        self._owner.count()

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]], /) -> None:
        self._tx.many(statement, rows)
        self._owner.count()
