"""The migrations lead to the tables, on both databases, and what the hot paths ask is answered by an index."""

import re
import sqlite3
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from leadtrackr.db import migrate
from leadtrackr.db.open import ensure_schema
from leadtrackr.db.tables import metadata
from leadtrackr.kit.errors import SettingError
from tests.support.postgres import Server

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"


def _create_all(url: str) -> None:
    engine = create_engine(migrate.sqlalchemy_url(url))
    metadata.create_all(engine)
    engine.dispose()


def _sqlite_schema(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'alembic%'"
    ).fetchall()
    connection.close()
    # Column and constraint order differ between the two ways of writing a table; what each line says must not.
    return {name: "\n".join(sorted(re.split(r",?\s*\n\s*", re.sub(r"[ \t]+", " ", sql)))) for name, sql in rows}


def _postgres_schema(url: str) -> dict[str, set[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        ).fetchall()
        indices = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        constraints = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass"
            " AND contype IN ('p', 'u', 'f', 'c')"
        ).fetchall()
    return {"columns": set(columns), "indices": set(indices), "constraints": set(constraints)}


def test_sqlite_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    fresh, migrated = tmp_path / "fresh.db", tmp_path / "migrated.db"
    _create_all(f"sqlite:///{fresh}")
    migrate.upgrade(f"sqlite:///{migrated}")
    assert _sqlite_schema(migrated) == _sqlite_schema(fresh)


def test_postgres_migrations_lead_to_the_tables(postgres_server: Server) -> None:
    fresh, migrated = postgres_server.create("fresh"), postgres_server.create("migrated")
    migrate.upgrade(migrated)
    with psycopg.connect(fresh) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
    _create_all(fresh)
    assert _postgres_schema(migrated) == _postgres_schema(fresh)


def test_alembic_sees_no_difference(database_url: str) -> None:
    engine = create_engine(migrate.sqlalchemy_url(database_url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_hot_tables_are_cleaned_early_and_have_room_where_an_update_stays_on_its_page(
    postgres_server: Server,
) -> None:
    with psycopg.connect(postgres_server.fresh()) as connection:
        stored = connection.execute(
            "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
    options = {name: dict(one.split("=") for one in said or []) for name, said in stored}
    large = {"threshold": "1000", "cost_delay": "1"}
    small = {"threshold": "50", "cost_delay": "0"}
    for name, expected in {
        "deliveries": large,
        "jobs": large,
        "leads": large,
        "leases": small,
        "connections": {**small, "fillfactor": "70"},
        "rate_buckets": {**small, "fillfactor": "50"},
    }.items():
        assert options.pop(name) == {
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_vacuum_threshold": expected["threshold"],
            "autovacuum_analyze_scale_factor": "0.02",
            "autovacuum_analyze_threshold": expected["threshold"],
            "autovacuum_vacuum_cost_delay": expected["cost_delay"],
            **({"fillfactor": expected["fillfactor"]} if "fillfactor" in expected else {}),
        }, name
    assert not any(options.values())


@pytest.mark.parametrize(
    ("table", "write"),
    [
        ("rate_buckets", "UPDATE rate_buckets SET full_until = full_until + 1"),
        ("connections", "UPDATE connections SET failures = 1, paused_until = 5, updated_at = 6 WHERE id % 4 = 0"),
    ],
    ids=["rate_buckets", "connections"],
)
def test_an_update_of_full_pages_touches_no_index(postgres_server: Server, table: str, write: str) -> None:
    with psycopg.connect(postgres_server.fresh()) as connection:
        connection.execute(
            "INSERT INTO projects (id, public_id, name, currency, created_at) VALUES (1, 'p', 'Shop', 'EUR', 1)"
        )
        connection.execute(
            "INSERT INTO connections (project_id, destination, settings, secrets, state, created_at, updated_at)"
            " SELECT 1, n::text, repeat('s', 200), repeat('s', 200), 'active', 1, 1 FROM generate_series(1, 400) n"
        )
        connection.execute(
            "INSERT INTO rate_buckets SELECT lpad(n::text, 64, '0'), 1, 1 FROM generate_series(1, 400) n"
        )
        updated = connection.execute(write).rowcount
        hot = connection.execute("SELECT pg_stat_get_xact_tuples_hot_updated(%s::regclass)", (table,)).fetchone()
    assert hot == (updated,)


def test_head_is_the_newest_migration() -> None:
    revisions = sorted(path.name.split("_")[0] for path in VERSIONS.glob("0*.py"))
    assert revisions[-1] == migrate.HEAD


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    assert migrate.current(database_url) == migrate.HEAD
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.HEAD


def test_sqlite_is_migrated_by_itself(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    ensure_schema(url)
    assert migrate.current(url) == migrate.HEAD


def test_postgres_with_an_old_schema_stops_the_start_and_says_what_to_run(postgres_server: Server) -> None:
    url = postgres_server.create("old_schema")
    with pytest.raises(SettingError, match="leadtrackr migrate"):
        ensure_schema(url)
