"""A small world for tests of the delivery engine: one project, labels, connections and leads on a database of choice.

Everything goes through the rooms' own services. The clock stands still until it is moved, and ids are seeded.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Table, bindparam, select

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import claim as claims
from leadtrackr.conversions import connections, housekeeping, outcomes, service
from leadtrackr.conversions.model import Claimed, Connection, Result, State, StatusChange
from leadtrackr.conversions.record import Recorded, record
from leadtrackr.db import tables
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.open import open_database
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.kit.clock import SECOND, Clock, ManualClock
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label
from leadtrackr.leads import service as leads
from leadtrackr.leads.model import Door
from tests.destinations import making

T = TypeVar("T")
START: Final = 1_795_435_200_000_000
"""2026-11-23T12:00:00Z in microseconds: when every world begins."""
LEASE_US: Final = 60 * SECOND
KEY: Final = "a key for tests that is long enough to be one"
SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    **making.SETTINGS,
    "google_ads": {
        "operating_account": "1234567890",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "0",
    },
    "ga4": {"measurement_id": "G-AB12CD34EF", "api_secret": "hush-ga4"},
    "meta": {"dataset_id": "123456789012345", "access_token": "hush-meta"},
    "microsoft": {
        "account_id": "123456789",
        "customer_id": "987654321",
        "developer_token": "hush-developer",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "click_age_hours": "0",
    },
}
ACTIONS: Final = making.ACTIONS
ATTRIBUTION: Final[Mapping[str, object]] = {
    "gclid": "Cj0KCQ_AbC-123",
    "cid": "123456789.1790000000",
    "fbp": "fb.1.1790000000000.1098115397",
    "msclkid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
}
ACCEPTED: Final = Outcome(kind=Kind.ACCEPTED, code="ok")
REJECTED: Final = Outcome(kind=Kind.REJECTED, code="unexpected", detail="no")
RETRY: Final = Outcome(kind=Kind.RETRY, code="NOT_FOUND", detail="later")
UNKNOWN: Final = Outcome(kind=Kind.UNKNOWN, code="unreadable", detail="?")
DOWN: Final = Outcome(kind=Kind.RETRY, code="server_error", detail="503", scope=Scope.DESTINATION)
HOLD: Final = Outcome(
    kind=Kind.HOLD, code="invalid_grant", detail="revoked", scope=Scope.DESTINATION, hold="credentials"
)


def seeded(seed: int) -> Ids:
    """Ids that are the same in every run of the same seed."""
    return Ids(random.Random(seed).randbytes)


_UNDER: Final = prepare(select(tables.deliveries.c.id).where(tables.deliveries.c.lease_token == bindparam("token")))


class World:
    """A database with a project in it. Use it as a context manager; it runs its own event loop."""

    def __init__(self, url: str, *, clock: Clock | None = None, seed: int = 1) -> None:
        self.url = url
        self.clock = ManualClock(START)
        self.ids = seeded(seed)
        self.box = SecretBox([KEY])
        self._runner = asyncio.Runner()
        self.db: Database = self.run(_open(url, clock or self.clock))
        self.project_ref = ""
        self.api_key = ""
        self.labels: dict[str, Label] = {}
        self.connections: dict[str, Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database and the loop."""
        self.run(self.db.close())
        self._runner.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs in, for threads that want something of it."""
        return self._runner.get_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end."""
        return self._runner.run(work)

    def write(self, work: Callable[[Tx], T]) -> T:
        """One transaction."""
        return self.run(self.db.write(work))

    def read(self, work: Callable[[Tx], T]) -> T:
        """One look."""
        return self.run(self.db.read(work))

    def rows(self, table: Table, **equal: object) -> list[Any]:
        """Rows of a table by id, for looking at what is really there."""
        statement = select(table).order_by(*table.primary_key.columns)
        for name, value in equal.items():
            statement = statement.where(table.c[name] == value)
        return self.read(lambda tx: tx.all(prepare(statement)))

    def step(self, microseconds: int) -> None:
        """Moves the clock."""
        self.clock.step(microseconds)

    # What there is

    def project(self, *, currency: str = "EUR") -> None:
        """Makes the project."""
        made = self.run(labels.start_project(self.db, self.ids, name="Shop", currency=currency, country="DE"))
        self.project_ref, self.api_key = made.project.public_id, made.api_key

    def label(
        self,
        name: str,
        *,
        after: Sequence[str] = (),
        done: bool = False,
        convert_once: bool = False,
        take_back: bool = False,
        on: Sequence[str] = tuple(ACTIONS),
    ) -> Label:
        """Makes a label with an event on each of these destinations."""
        new = labels.NewLabel(
            name=name,
            done=done,
            convert_once=convert_once,
            take_back=take_back,
            after=tuple(after),
            events={slug: ACTIONS[slug] for slug in on},
        )
        self.labels[name] = self.run(labels.create(self.db, self.ids, self.project_ref, new))
        return self.labels[name]

    def connect(self, *slugs: str, **settings: str) -> None:
        """Connects destinations with settings that are right."""
        for slug in slugs:
            values = {**SETTINGS[slug], **settings}
            self.connections[slug] = self.run(connections.connect(self.db, self.box, self.project_ref, slug, values))

    def lead(self, *, email: str | None = "erika@example.de", attribution: object = None) -> int:
        """A lead with everything that every destination needs, unless told otherwise; without an address, no name."""
        body: dict[str, object] = {
            "projectId": self.project_ref,
            "userData": {"email": email, "firstName": "Erika"} if email else {},
            "attributionData": dict(ATTRIBUTION) if attribution is None else attribution,
        }
        stored = self.run(leads.store(self.db, leads.Arrival(body=body, door=Door.WEB)))
        return stored.lead_id

    def furnish(self, *slugs: str) -> None:
        """The usual: a project, the label `Won` and one connection for each slug."""
        self.project()
        self.label("Won", done=True)
        self.connect(*slugs)

    # What happens

    def post(self, lead_id: int, conversion_id: str, price: object = None, key: str | None = None) -> service.Post:
        """A status change as a client asks for it; a label may be given by name."""
        named = self.labels.get(conversion_id)
        return service.Post(
            ref=leads.Ref(lead_id=lead_id),
            conversion_id=named.conversion_id if named else conversion_id,
            price=price,
            idempotency_key=key,
            body=repr((lead_id, conversion_id, price)).encode(),
        )

    def rate(self, lead_id: int, conversion_id: str, price: object = None, key: str | None = None) -> StatusChange:
        """Applies a label."""
        post = self.post(lead_id, conversion_id, price, key)
        return self.run(service.update_status(self.db, self.ids, self.api_key, post))

    def claim(self, slug: str, token: str = "t", most: int = 100, lease_us: int = LEASE_US) -> list[Claimed]:  # noqa: S107 - a lease's
        """Leases what a connection can send now."""
        connection_id = self.connections[slug].id
        return self.write(lambda tx: claims.lease(tx, connection_id, token=token, most=most, lease_us=lease_us))

    def record(
        self, slug: str, token: str, deliveries: Sequence[Claimed], outcome: Outcome | Sequence[Outcome] = ACCEPTED
    ) -> Recorded:
        """Records one outcome for all, or one for each."""
        each = [outcome] * len(deliveries) if isinstance(outcome, Outcome) else list(outcome)
        results = [result(one, said) for one, said in zip(deliveries, each, strict=True)]
        connection = self.connections[slug]

        def work(tx: Tx) -> Recorded:
            recorded = record(tx, connection, token, results, self.ids.fraction)
            if not tx.all(_UNDER, token=token):
                claims.end(tx, token)
            return recorded

        return self.write(work)

    def send(self, slug: str, outcome: Outcome = ACCEPTED) -> Recorded:
        """Claims everything that a connection can send now, and records one outcome for it."""
        token = self.ids.token()
        return self.record(slug, token, self.claim(slug, token), outcome)

    def sweep(self) -> housekeeping.Swept:
        """One round of housekeeping."""
        return self.write(housekeeping.sweep)

    # What came of it

    def deliveries(self, **equal: object) -> list[Any]:
        """Deliveries by id."""
        return self.rows(tables.deliveries, **equal)

    def takeovers(self) -> list[int]:
        """How often each delivery was taken over from a dead worker, in the order of the deliveries' ids."""
        found = Counter(row.delivery_id for row in self.rows(tables.attempts, code=outcomes.TAKEN_OVER))
        return [found[row.id] for row in self.deliveries()]

    def states(self, **equal: object) -> list[State]:
        """The states of deliveries by id."""
        return [State(row.state) for row in self.deliveries(**equal)]

    def jobs(self, **equal: object) -> list[Any]:
        """Jobs by id."""
        return self.rows(tables.jobs, **equal)

    def status(self, lead_id: int) -> str:
        """A lead's status, as whoever looks at the lead sees it."""
        project = self.read(lambda tx: accounts.find_project(tx, self.project_ref))
        return self.run(leads.get_of(self.db, project, lead_id)).status


def result(delivery: Claimed, outcome: Outcome) -> Result:
    """What the sender would hand over."""
    return Result(
        delivery=delivery, outcome=outcome, started_at=START, ended_at=START, http_status=200, url="", request=""
    )


async def _open(url: str, clock: Clock) -> Database:
    return open_database(url, clock)
