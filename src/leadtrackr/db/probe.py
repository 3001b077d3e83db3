"""Whether a database does its work: it is read, and written too where its last write failed."""

from time import monotonic
from typing import Final

from sqlalchemy import Column, MetaData, Table, Text, select, update

from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import prepare
from leadtrackr.kit.errors import Unavailable

UNWRITABLE: Final = "The database cannot be written at the moment. Try again shortly."
QUIET_S: Final = 5.0
"""How long after a failed write its database is not ready, unless another write has succeeded."""

_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", Text))
_ASK: Final = prepare(select(_VERSION.c.version_num))
# The schema's version over itself: one row that every database has, and that nobody else changes.
_TOUCH: Final = prepare(update(_VERSION).values(version_num=_VERSION.c.version_num))


class Health:
    """Remembers whether the last write failed."""

    def __init__(self) -> None:
        self._failed_at: float | None = None

    def failed(self) -> None:
        """A write has failed for a reason of the database's own."""
        self._failed_at = monotonic()

    def succeeded(self) -> None:
        """Something is on disk."""
        self._failed_at = None

    async def check(self, db: Database) -> None:
        """Reads, and after a failed write writes too: nobody else might, once this server is taken out of service.

        Unavailable while one of them fails. On a full disk one row may still fit in, so for a while that is not enough.
        """
        await db.read(_ask)
        failed_at = self._failed_at
        if failed_at is None:
            return
        await db.write(_touch)
        if monotonic() < failed_at + QUIET_S:
            self._failed_at = failed_at
            raise Unavailable(UNWRITABLE)


def _ask(tx: Tx) -> None:
    tx.first(_ASK)


def _touch(tx: Tx) -> None:
    tx.run(_TOUCH)
