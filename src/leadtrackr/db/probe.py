"""Whether a database does its work: it is read, and written too where its last write failed.

What is written is the schema's version over itself: one row that every database has, changed by nobody else.
"""

from typing import Final

from sqlalchemy import Column, MetaData, Table, Text, select, update

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare

_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", Text))
_ASK: Final = prepare(select(_VERSION.c.version_num))
_TOUCH: Final = prepare(update(_VERSION).values(version_num=_VERSION.c.version_num))


def ask(tx: Tx) -> None:
    """Reads one row."""
    tx.first(_ASK)


def touch(tx: Tx) -> None:
    """Writes it as it is."""
    tx.run(_TOUCH)
