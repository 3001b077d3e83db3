"""Every table. Times are BIGINT microseconds UTC, money BIGINT cents, flags 0 or 1, JSON is text.

Only integers and text, so that both databases store the same and statements run without type processing.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _Id, ForeignKey(target), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _flag(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, server_default=text("0"))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that a condition picks; both databases know it."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


projects: Final = Table(
    "projects",
    metadata,
    _id(),
    Column("public_id", Text, nullable=False, unique=True),
    _text("name"),
    Column("currency", Text, nullable=False),
    Column("country", Text, nullable=True),
    Column("active", SmallInteger, nullable=False, server_default=text("1")),
    _time("created_at"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    Column("hash", Text, nullable=False, unique=True),
    _text("hint"),
    _time("created_at"),
    _time("revoked_at", nullable=True),
    Index(None, "project_id"),
)

users: Final = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True),
    _flag("is_admin"),
    _time("created_at"),
)

members: Final = Table(
    "members",
    metadata,
    Column("project_id", _Id, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True),
    _text("role"),
    _time("created_at"),
    Index(None, "user_id"),
)

login_links: Final = Table(
    "login_links",
    metadata,
    Column("hash", Text, primary_key=True),
    _ref("user_id", "users.id"),
    _time("created_at"),
    _time("expires_at"),
    _time("used_at", nullable=True),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    _ref("user_id", "users.id"),
    _time("created_at"),
    _time("expires_at"),
)

leads: Final = Table(
    "leads",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _time("created_at"),
    _time("updated_at"),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("stage", Text, nullable=False, server_default=text("'open'")),
    Column("label_id", _Id, nullable=True),
    *(_text(name, nullable=True) for name in ("first_name", "last_name", "email", "email_key", "phone", "phone_e164")),
    _text("company_name", nullable=True),
    _text("country", nullable=True),
    Column("price", BigInteger, nullable=True),
    *(_text(name, nullable=True) for name in ("note", "form_name", "unique_identifier", "unique_event_id")),
    *(_text(name, nullable=True) for name in ("ip_address", "user_agent")),
    *(_text(name) for name in ("form_data", "user_data", "attribution_data")),
    _text("channel_flow", nullable=True),
    *(_text(name, nullable=True) for name in ("gclid", "cid", "fbp", "fbc")),
    _text("search_text"),
    _text("door"),
    # A lead is pending by its job alone: docs/decisions/0011.
    CheckConstraint("status <> 'pending'", name="ck_leads_status"),
    Index("ix_leads_created", "project_id", "created_at", "id"),
    Index("ix_leads_status", "project_id", "status", "created_at", "id"),
    _partial("uq_leads_event", "project_id", "unique_event_id", where="unique_event_id IS NOT NULL", unique=True),
    _partial(
        "ix_leads_identifier",
        "project_id",
        "unique_identifier",
        "created_at",
        "id",
        where="unique_identifier IS NOT NULL",
    ),
    _partial("ix_leads_email", "project_id", "email_key", "created_at", "id", where="email_key IS NOT NULL"),
    _partial("ix_leads_phone_e164", "project_id", "phone_e164", "created_at", "id", where="phone_e164 IS NOT NULL"),
    _partial("ix_leads_phone", "project_id", "phone", "created_at", "id", where="phone IS NOT NULL"),
    _partial("ix_leads_form", "project_id", "form_name", "created_at", "id", where="form_name IS NOT NULL"),
    _partial("ix_leads_rated", "project_id", "created_at", "id", where="stage = 'rated'"),
    sqlite_autoincrement=True,
)

labels: Final = Table(
    "labels",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    Column("conversion_id", Text, nullable=False, unique=True),
    _text("name"),
    _text("kind"),
    Column("position", Integer, nullable=False),
    _flag("done"),
    _flag("convert_once"),
    _flag("take_back"),
    _text("after"),
    _text("path"),
    _time("created_at"),
    Index("uq_labels_name", "project_id", "name", unique=True),
    _partial("uq_labels_lost", "project_id", where="kind = 'lost'", unique=True),
)

label_events: Final = Table(
    "label_events",
    metadata,
    Column("label_id", _Id, ForeignKey("labels.id"), primary_key=True),
    Column("destination", Text, primary_key=True),
    _text("action"),
)

connections: Final = Table(
    "connections",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _text("destination"),
    _text("settings"),
    _text("secrets"),
    _text("state"),
    *(_text(name, nullable=True) for name in ("hold_reason", "hold_code", "hold_detail")),
    _time("held_at", nullable=True),
    _count("failures"),
    _time("failing_since", nullable=True),
    _time("paused_until", nullable=True),
    _text("pause_code", nullable=True),
    # How long its clock has stood still, microseconds: the time in which it was held or paused.
    Column("stood_still", BigInteger, nullable=False, server_default=text("0")),
    _time("token_ends_at", nullable=True),
    # How often a person has connected it anew, and until when a process renews its secrets by itself.
    _count("edition"),
    _time("renewing_until", nullable=True),
    _time("created_at"),
    _time("updated_at"),
    Index("uq_connections_destination", "project_id", "destination", unique=True),
    _partial("ix_connections_token", "token_ends_at", where="token_ends_at IS NOT NULL"),
)

oauth_flows: Final = Table(
    "oauth_flows",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _text("destination"),
    # Empty for whoever works on the command line of the server.
    _ref("user_id", "users.id", nullable=True),
    Column("state_hash", Text, nullable=False, unique=True),
    _text("redirect_uri"),
    _text("kept"),
    _time("created_at"),
    _time("expires_at"),
    _time("used_at", nullable=True),
    _time("granted_at", nullable=True),
    Index("ix_oauth_flows_project", "project_id", "destination"),
)

jobs: Final = Table(
    "jobs",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _ref("lead_id", "leads.id"),
    # Empty for a lead that was set to open: such a job is settled from the start.
    _ref("label_id", "labels.id", nullable=True),
    _text("state"),
    Column("remaining", Integer, nullable=False),
    _text("warnings"),
    _time("created_at"),
    _time("settled_at", nullable=True),
    _partial("uq_jobs_pending", "lead_id", where="state = 'pending'", unique=True),
    _partial("ix_jobs_pending", "project_id", "lead_id", where="state = 'pending'"),
    _partial("ix_jobs_passed", "remaining", where="state = 'pending' AND remaining = 0"),
    Index("ix_jobs_lead", "lead_id", "id"),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _ref("job_id", "jobs.id"),
    _ref("lead_id", "leads.id"),
    _ref("label_id", "labels.id"),
    _ref("connection_id", "connections.id"),
    _text("destination"),
    _text("account"),
    _text("action"),
    Column("event_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False, server_default=text("'conversion'")),
    _ref("takes_back", "deliveries.id", nullable=True),
    _text("sent_as", nullable=True),
    _time("happened_at"),
    Column("value_cents", BigInteger, nullable=True),
    _text("currency", nullable=True),
    _text("state"),
    _text("code", nullable=True),
    _text("detail", nullable=True),
    _text("field", nullable=True),
    _time("run_at"),
    _time("closes_at"),
    Column("behind", _Id, nullable=True),
    _flag("passed"),
    _count("tries"),
    # By the clock of its connection, as `stood_still` says it.
    _time("retry_until", nullable=True),
    _count("deaths"),
    _text("lease_token", nullable=True),
    _time("created_at"),
    _time("updated_at"),
    _time("settled_at", nullable=True),
    _partial("ix_deliveries_due", "run_at", where="state = 'waiting'"),
    _partial(
        "ix_deliveries_open",
        "connection_id",
        "state",
        "passed",
        "closes_at",
        "id",
        # Read with the rest, so that a claim steps over those that stand behind another without looking at their rows.
        "behind",
        where="state = 'queued' OR state = 'waiting' OR state = 'held'",
    ),
    _partial("ix_deliveries_takes_back", "takes_back", where="takes_back IS NOT NULL"),
    _partial("ix_deliveries_behind", "behind", where="behind IS NOT NULL"),
    Index("ix_deliveries_lead", "lead_id", "id"),
    Index("ix_deliveries_project", "project_id", "id"),
    Index("ix_deliveries_job", "job_id"),
    sqlite_autoincrement=True,
)

leases: Final = Table(
    "leases",
    metadata,
    Column("token", Text, primary_key=True),
    _ref("connection_id", "connections.id"),
    _text("owner"),
    _text("deliveries"),
    _time("until"),
    Index(None, "connection_id"),
    Index("ix_leases_until", "until"),
)

attempts: Final = Table(
    "attempts",
    metadata,
    _id(),
    _ref("delivery_id", "deliveries.id"),
    Column("number", Integer, nullable=False),
    _time("started_at"),
    _time("ended_at"),
    _text("kind"),
    _text("scope"),
    _text("code"),
    _text("detail"),
    _text("reference"),
    Column("http_status", Integer, nullable=True),
    _text("url"),
    Column("head", Text, nullable=False, server_default=text("''")),
    _text("request"),
    Index("ix_attempts_delivery", "delivery_id", "id"),
)

inquiries: Final = Table(
    "inquiries",
    metadata,
    _id(),
    _ref("connection_id", "connections.id"),
    _text("reference"),
    _text("deliveries"),
    _time("sent_at"),
    _time("next_at"),
    _count("times"),
    _text("state"),
    _text("note", nullable=True),
    Index("uq_inquiries_reference", "connection_id", "reference", unique=True),
    _partial("ix_inquiries_due", "next_at", where="state = 'open'"),
)

rate_buckets: Final = Table(
    "rate_buckets",
    metadata,
    Column("key", Text, primary_key=True),
    Column("period_s", Integer, primary_key=True),
    _time("full_until"),
)

incidents: Final = Table(
    "incidents",
    metadata,
    _id(),
    _ref("project_id", "projects.id"),
    _ref("connection_id", "connections.id"),
    _text("kind"),
    _text("code", nullable=True),
    _text("detail", nullable=True),
    _time("since_at"),
    _time("opened_at"),
    _time("recovered_at", nullable=True),
    _time("ends_at", nullable=True),
    _count("lost"),
    _time("opening_told_at", nullable=True),
    _time("recovery_told_at", nullable=True),
    _partial("uq_incidents_open", "connection_id", "kind", where="recovered_at IS NULL", unique=True),
    Index("ix_incidents_project", "project_id", "opened_at", "id"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("project_id", _Id, ForeignKey("projects.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    _text("body_hash"),
    Column("status", Integer, nullable=True),
    _text("answer", nullable=True),
    _time("created_at"),
    Index("ix_idempotency_keys_created", "created_at"),
)
