"""What the rooms see of a database: transactions in which plain functions run. Which of the two it is, they don't know.

A piece of work is a synchronous function of a transaction. It must not wait for anything but the database, and may be
run on another thread. Either all that it wrote is on disk when `write` returns, or nothing is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from leadtrackr.db.spread import Spread
from leadtrackr.db.statement import Insertion, Prepared

T = TypeVar("T")


class Tx(Protocol):
    """One open transaction."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""

    @property
    def serial(self) -> bool:
        """Whether nobody else can write while this transaction does: what it has read is still so."""

    def now(self) -> int:
        """Microseconds UTC by the clock that all processes share: the database's, where it has one."""

    def all(self, statement: Prepared, /, **values: Any) -> list[Any]:
        """Every row, as named tuples."""

    def first(self, statement: Prepared, /, **values: Any) -> Any | None:
        """The first row or None."""

    def run(self, statement: Prepared, /, **values: Any) -> int:
        """Runs a statement; returns how many rows it touched."""

    def insert(self, statement: Insertion, /, **values: Any) -> int:
        """Writes one row; returns its id."""

    def try_insert(self, statement: Insertion, /, **values: Any) -> int | None:
        """The same for a statement that does nothing where there is such a row already: None then."""

    def together(self, statement: Insertion, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Writes rows, each with all of the statement's values; there may be none."""

    def lock(self, statement: Prepared, /, **values: Any) -> None:
        """Takes the locks of a SELECT … FOR UPDATE, whose rows nobody wants; nothing where one alone writes."""

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Runs a statement once for each set of values."""

    def spread(self, statement: Spread, rows: Sequence[tuple[int, str]], /, **shared: Any) -> None:
        """Inserts a row for each number and text, with the same other values."""


class Database(Protocol):
    """Either database, open."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""

    @property
    def alone(self) -> bool:
        """Whether no other process can be at work on this database: what one left behind is surely abandoned."""

    async def write(self, work: Callable[[Tx], T], *, durable: bool = True) -> T:
        """Runs work in a transaction and returns when it is on disk. Unavailable when the database is away.

        Not `durable`: a power cut may undo it, as if it had never been, until the next that is; the end of this program
        never does. For what nobody outside was told and would only be done again.
        """

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Runs work that only reads, on one consistent view."""

    async def ready(self) -> None:
        """Asks whether the database does its work; Unavailable when it cannot be read, or still not be written after a
        write has failed."""

    async def close(self) -> None:
        """Finishes what has begun and lets go of everything."""
