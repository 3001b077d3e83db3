"""SQLAlchemy Core statements, compiled once per dialect and run on the driver's own connection.

Compiling a statement at each call costs more than running it. Columns hold integers, text and bytes only, so the
driver's values need no processing on the way in or out.
"""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any, Final, Self, TypeVar
from weakref import WeakSet

import msgspec
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    Insert,
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

T = TypeVar("T")
_make_sqlite: Any = sqlite.dialect
_make_postgresql: Any = postgresql.dialect
DIALECTS: Final[Mapping[str, Dialect]] = {
    "sqlite": _make_sqlite(paramstyle="named"),
    "postgresql": _make_postgresql(paramstyle="pyformat"),
}


class IdsIn(ColumnElement[bool]):
    """`column IN (a list of integers)` with the list as one bind value, whatever its length."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[int], name: str) -> None:
        self.column = column
        self.bind: BindParameter[Any] = bindparam(name)

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Stays as it is: as a Boolean it would be written `… = 1`, and SQLite would read the whole table for it."""
        return self


@compiles(IdsIn, "sqlite")
def _ids_in_sqlite(element: IdsIn, compiler: SQLCompiler, **kw: Any) -> str:
    column, bind = compiler.process(element.column, **kw), compiler.process(element.bind, **kw)
    return f"{column} IN (SELECT value FROM json_each({bind}))"  # noqa: S608 - both parts come from the compiler


@compiles(IdsIn, "postgresql")
def _ids_in_postgresql(element: IdsIn, compiler: SQLCompiler, **kw: Any) -> str:
    column, bind = compiler.process(element.column, **kw), compiler.process(element.bind, **kw)
    return f"{column} = ANY (CAST({bind} AS BIGINT[]))"


class _Packed(FunctionElement[str]):
    """All rows of a query as one JSON text: an array of arrays, in the order of the query."""

    inherit_cache = False
    type = Text()


@compiles(_Packed, "sqlite")
def _packed_sqlite(element: _Packed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **kw)}))"


@compiles(_Packed, "postgresql")
def _packed_postgresql(element: _Packed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **kw)})) AS TEXT)"


class _Joined(FunctionElement[str]):
    """A column of JSON texts as one JSON array, each as it is: nothing is quoted for it, and nothing unquoted."""

    inherit_cache = False
    type = Text()


@compiles(_Joined, "sqlite")
def _joined_sqlite(element: _Joined, compiler: SQLCompiler, **kw: Any) -> str:
    return f"'[' || group_concat({compiler.process(element.clauses, **kw)}, ',') || ']'"


@compiles(_Joined, "postgresql")
def _joined_postgresql(element: _Joined, compiler: SQLCompiler, **kw: Any) -> str:
    return f"'[' || string_agg({compiler.process(element.clauses, **kw)}, ',') || ']'"


class _Pairs(FunctionElement[str]):
    """The keys and the values, all text, of one JSON object, as a table."""

    inherit_cache = False


@compiles(_Pairs, "postgresql")
def _pairs_postgresql(element: _Pairs, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each_text(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


def pairs(name: str) -> TableValuedAlias:
    """A bind value that is the JSON text of an object with text values, as a table with `key` and `value`."""
    return _Pairs(bindparam(name, type_=Text())).table_valued("key", "value")


class IdsOf(ColumnElement[bool]):
    """`column IN (a select of integers)` that reads the list first and then looks each id up, on both databases.

    PostgreSQL chooses otherwise by how long it believes the list to be, and of a queue it never knows.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[int], ids: Select[tuple[int]]) -> None:
        self.column = column
        self.ids = ids.scalar_subquery()

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Stays as it is, as `IdsIn` does."""
        return self


@compiles(IdsOf, "sqlite")
def _ids_of_sqlite(element: IdsOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} IN {compiler.process(element.ids, **kw)}"


@compiles(IdsOf, "postgresql")
def _ids_of_postgresql(element: IdsOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY (ARRAY{compiler.process(element.ids, **kw)})"


def _row_maker(columns: list[str]) -> Any:
    """What turns a driver's tuple into one with names; the names are known only when the statement is."""
    row: Any = namedtuple("Row", columns, rename=True)  # type: ignore[misc] # noqa: PYI024
    return row._make


_prepared: "Final[WeakSet[Prepared]]" = WeakSet()


class Prepared:
    """A statement with its SQL for each dialect. Rows come back as named tuples of its columns."""

    __slots__ = ("__weakref__", "_compiled", "_statement", "only")

    def __init__(self, statement: ClauseElement, *, only: str | None = None) -> None:
        self._statement = statement
        self.only = only
        """The dialect that it is for; None: both."""
        self._compiled: dict[str, tuple[str, dict[str, Any], Any]] = {}
        _prepared.add(self)

    def sql(self, dialect: str) -> tuple[str, dict[str, Any], Any]:
        """The SQL, the values that the statement carries itself, and the row's type (None without rows)."""
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = self._compile(dialect)
        return found

    def _of(self, dialect: str) -> ClauseElement:  # noqa: ARG002 - most statements are the same on both
        return self._statement

    def _compile(self, dialect: str) -> tuple[str, dict[str, Any], Any]:
        statement = self._of(dialect)
        compiled: Any = statement.compile(dialect=DIALECTS[dialect])
        named = {name for name, bind in compiled.binds.items() if bind.required}
        if named and compiled.post_compile_params:
            raise ValueError("a statement with named values takes its lists by IdsIn, or spelt out by `constant`")
        if not named:
            compiled = statement.compile(dialect=DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
            own = dict(compiled.params)
        else:
            own = {name: bind.effective_value for name, bind in compiled.binds.items() if name not in named}
        columns = list(getattr(statement, "exported_columns", {}).keys())
        return str(compiled), own, _row_maker(columns) if columns else None


class Insertion(Prepared):
    """An INSERT of one row whose id is wanted. SQLite's driver knows it, so that nothing has to be returned for it."""

    __slots__ = ("_returning", "_table", "_together")

    def __init__(self, statement: Insert) -> None:
        super().__init__(statement)
        self._table = statement.table.description
        self._returning = statement.returning(statement.table.c.id)
        self._together: dict[int, tuple[str, list[str]]] = {}

    def _of(self, dialect: str) -> ClauseElement:
        return self._statement if dialect == "sqlite" else self._returning

    def together(self, rows: int) -> tuple[str, list[str]]:
        """For SQLite: the statement for so many rows at once, and the names of a row's values in their order.

        For a statement whose values are all named and are columns: each costs less without its name.
        """
        found = self._together.get(rows)
        if found is None:
            compiled: Any = self._statement.compile(dialect=DIALECTS["sqlite"])
            names = [name for name, bind in compiled.binds.items() if bind.required]
            row = f"({', '.join('?' * len(names))})"
            sql = f"INSERT INTO {self._table} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our names
            found = self._together[rows] = (sql, names)
        return found


def compile_all(dialect: str) -> None:
    """Compiles every statement there is, for a program that starts: else whoever is the first to need one waits."""
    for one in list(_prepared):
        if one.only in (None, dialect):
            one.sql(dialect)


def constant(value: str) -> ColumnElement[str]:
    """A word of our own spelt out in the SQL. A partial index is used only for a condition without bind values."""
    if not value.isidentifier():
        raise ValueError(f"{value!r} is not a word")
    return literal_column(f"'{value}'", Text)


def prepare(statement: ClauseElement) -> Prepared:
    """Keeps a statement for many calls. Its bind values are given by name at each call."""
    return Prepared(statement)


def packed(statement: Select[Any], *, json: str = "") -> Prepared:
    """A query whose rows come as one JSON text, in the column `rows`, for `unpack`.

    `json` names a column that holds JSON texts: it is left out of the rows and comes as a JSON array of its own, in the
    column `texts`, in the order of the rows.

    SQLite's driver hands the interpreter over twice for each row that it fetches: with thousands of rows, the thread
    that fetches them waits for the others most of the time.
    """
    columns = statement.subquery().c
    found = [_Packed(*(column for column in columns if column.name != json)).label("rows")]
    if json:
        found.append(_Joined(columns[json]).label("texts"))
    return Prepared(select(*found))


def counted(statement: Select[Any]) -> Prepared:
    """How many rows a query has, in the column `n`: for one whose rows are wanted for their locks or their number."""
    return Prepared(select(func.count().label("n")).select_from(statement.subquery()))


def unpack(decoder: msgspec.json.Decoder[list[T]], row: Any) -> list[T]:
    """The rows of a `packed` query. Without any PostgreSQL gives NULL."""
    return decoder.decode(row.rows or "[]")


def fit_lists(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """SQLite takes a list of integers as JSON text."""
    return {name: msgspec.json.encode(v).decode() if type(v) is list else v for name, v in values.items()}
