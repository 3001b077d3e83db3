"""An INSERT of many rows that share all values but two: a number and a text that each has of its own.

SQLite gets them as VALUES, a hundred rows a statement: to read a large JSON text takes it twice as long. PostgreSQL
gets them as one JSON object, in one statement and so in one round trip.
"""

from functools import cache
from typing import Final

from sqlalchemy import BigInteger, Table, bindparam, cast, insert, select

from leadtrackr.db.statement import Prepared, pairs

SIZES: Final = (100, 10, 1)
"""How many rows a statement takes, so that few different statements serve any number."""


class Spread:
    """Rows for a table: `number` and `text` name the two columns that differ; `id` is the database's to give."""

    def __init__(self, table: Table, *, number: str, text: str) -> None:
        shared = [column for column in table.columns if column.name not in {"id", number, text}]
        self.shared: Final = tuple(column.name for column in shared)
        """The other columns, in the order in which `sqlite` wants their values, before those of the rows."""
        self._table = table
        self._columns = (number, text, *self.shared)
        each = pairs("pairs")
        rows = select(cast(each.c.key, BigInteger), each.c.value, *(bindparam(c.name, type_=c.type) for c in shared))
        into = insert(table).from_select(self._columns, rows, include_defaults=False)
        self.postgresql: Final = Prepared(into, only="postgresql")
        """The statement for any number of rows, which come as the JSON object `pairs`."""
        self.sqlite: Final = cache(self._sqlite)
        """The statement for so many rows."""

    def _sqlite(self, rows: int) -> str:
        first = len(self.shared) + 1
        shared = ", ".join(f"?{place}" for place in range(1, first))
        values = ", ".join(f"(?{place}, ?{place + 1})" for place in range(first, first + 2 * rows, 2))
        into = f"{self._table.name} ({', '.join(self._columns)})"
        return f"INSERT INTO {into} SELECT column1, column2, {shared} FROM (VALUES {values})"  # noqa: S608 - our names
