"""A project of the running program with people around it, and a browser without a screen."""

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import quote, urlsplit

from sqlalchemy import insert

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Role
from leadtrackr.conversions import connections
from leadtrackr.conversions.model import UNSETTLED, State
from leadtrackr.dashboard.addresses import login_link
from leadtrackr.dashboard.visit import COOKIE
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label
from tests.destinations.making import SETTINGS
from tests.support.program import Answer, Program
from tests.support.tables import execute

_VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img"})


class Element:
    """An element of a page with what is inside it."""

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.inside: list[Element | str] = []

    @property
    def text(self) -> str:
        """What a person reads, with single blanks."""
        return " ".join(" ".join(self._words()).split())

    def _words(self) -> Sequence[str]:
        return [word for one in self.inside for word in ([one] if isinstance(one, str) else one._words())]

    def all(self, tag: str, class_: str = "") -> list["Element"]:
        """Every element of that tag (and class) inside, in order."""
        found: list[Element] = []
        for one in self.inside:
            if isinstance(one, Element):
                if one.tag == tag and (not class_ or class_ in one.attributes.get("class", "").split()):
                    found.append(one)
                found += one.all(tag, class_)
        return found

    def one(self, tag: str, class_: str = "") -> "Element":
        """The only such element."""
        (found,) = self.all(tag, class_)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.tag == tag, f"<{closed.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read(body: bytes) -> Element:
    """The page as a tree; every element must be closed where it was opened."""
    reader = _Reader()
    reader.feed(body.decode())
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    return reader.open[0]


class Browser:
    """Keeps the session's cookie and says what browsers say of where a form was sent from."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.session: str | None = None

    def get(self, path: str) -> Answer:
        """Opens a page; a redirect is not followed."""
        return self._send("GET", path, {})

    def page(self, path: str) -> Element:
        """Opens a page, which must be there."""
        answer = self.get(path)
        assert answer.status == 200, (path, answer.status)
        return read(answer.body)

    def post(self, path: str, **headers: str) -> Answer:
        """Sends a form of a page of ours, unless headers say otherwise."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send("POST", path, named or {"Sec-Fetch-Site": "same-origin"})

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        cookie = {} if self.session is None else {"Cookie": f"{COOKIE}={self.session}"}
        answer = self._program.send(method, path, headers={"Accept": "text/html,*/*", **cookie, **headers})
        set_cookie = answer.headers.get("set-cookie", "")
        if set_cookie.startswith(f"{COOKIE}="):
            self.session = set_cookie.partition("=")[2].partition(";")[0].strip('"') or None
        return answer


class Site:
    """A project with a label, and whatever a test puts into it."""

    def __init__(self, program: Program, name: str = "Bakery", currency: str = "EUR") -> None:
        self.program = program
        made = program.run(
            labels.start_project(program.parts.db, program.parts.ids, name=name, currency=currency, country="NL")
        )
        self.number, self.id, self.key = made.project.id, made.project.public_id, made.api_key
        self.won = self.label("Deal signed", done=True)
        self.connections: dict[str, int] = {}

    @property
    def leads(self) -> str:
        """The path of the list."""
        return f"/projects/{self.id}/leads"

    # People

    def link(self, email: str, *, admin: bool = False, role: Role | None = None) -> str:
        """The path of a new login link for a person; with a role, a member of this project."""
        parts, refs = self.program.parts, [] if role is None else [self.id]
        made = self.program.run(
            accounts.invite(parts.db, parts.ids, email=email, admin=admin, project_refs=refs, role=role or Role.MEMBER)
        )
        url = urlsplit(login_link("", made.token))
        return f"{url.path}?{url.query}"

    def browser(self, email: str, *, admin: bool = False, role: Role | None = None) -> Browser:
        """The browser of somebody who has signed in."""
        browser = Browser(self.program)
        assert browser.post(self.link(email, admin=admin, role=role)).status == 303
        assert browser.session
        return browser

    def owner(self) -> Browser:
        """Alice owns the project."""
        return self.browser(f"alice-{self.id}@example.com", role=Role.OWNER)

    def member(self) -> Browser:
        """Bob is a member of it."""
        return self.browser(f"bob-{self.id}@example.com", role=Role.MEMBER)

    def stranger(self) -> Browser:
        """Charlie is nobody here."""
        return self.browser(f"charlie-{self.id}@example.com")

    def admin(self) -> Browser:
        """Ada runs the server."""
        return self.browser("ada@example.com", admin=True)

    # What is there

    def label(self, name: str, *, done: bool = False) -> Label:
        """Makes a label without events."""
        parts = self.program.parts
        return self.program.run(labels.create(parts.db, parts.ids, self.id, labels.NewLabel(name=name, done=done)))

    def connect(self, *slugs: str) -> None:
        """Connects destinations."""
        parts = self.program.parts
        for slug in slugs:
            made = self.program.run(connections.connect(parts.db, parts.box, self.id, slug, SETTINGS[slug]))
            self.connections[slug] = made.id

    def lead(self, **body: Any) -> int:
        """Posts a lead."""
        answer = self.program.post("createLead", {"projectId": self.id, "userData": {"firstName": "Jan"}, **body})
        assert answer.status == 201, answer.body
        return int(answer.json["leadId"])

    def put(self, lead_id: int, *, stage: str = "open", status: str = "open", price: int | None = None) -> None:
        """Gives a lead the status and stage that it has once nothing of it is pending."""
        label = None if status == "open" else self.won.id
        sql = "UPDATE leads SET stage = ?, status = ?, label_id = ?, price = ? WHERE id = ?"
        execute(self.program.database_url, sql, stage, status, label, price, lead_id)

    def rated(self, lead_id: int, label: Label | None = None, *, pending: bool = False, to_open: bool = False) -> int:
        """Writes a settled job, or one that something is still to be sent of; its number."""
        now = self._now
        label_id = None if to_open else (label or self.won).id
        values: dict[str, object] = {"project_id": self.number, "lead_id": lead_id, "label_id": label_id}
        values |= {"state": "pending" if pending else "settled", "remaining": int(pending)}
        values |= {"created_at": now, "settled_at": None if pending else now}
        return self._insert("jobs", **values, warnings="[]")

    def delivery(
        self, job_id: int, lead_id: int, slug: str, state: State, code: str | None = None, **columns: object
    ) -> int:
        """Writes a delivery as it stands in the given state; its number."""
        now = self._now
        values: dict[str, object] = {
            "project_id": self.number,
            "job_id": job_id,
            "lead_id": lead_id,
            "label_id": self.won.id,
            "connection_id": self.connections[slug],
            "destination": slug,
            "account": "1234567890",
            "action": "987654321",
            "event_id": self.program.parts.ids.event_id(),
            "happened_at": now,
            "state": state.value,
            "code": code,
            "run_at": now + 5 * MINUTE,
            "closes_at": now + 7 * DAY,
            "created_at": now,
            "updated_at": now,
            "settled_at": None if state in UNSETTLED else now + HOUR,
            "passed": 1,
        }
        if state != State.SENDING:
            return self._insert("deliveries", **{**values, **columns})
        token = self.program.parts.ids.token()
        made = self._insert("deliveries", **{**values, **columns, "lease_token": token})
        lease = {"token": token, "connection_id": self.connections[slug], "owner": "a worker", "until": now + HOUR}
        add = prepare(insert(tables.leases).values(**lease, deliveries=f"[{made}]"))
        self.program.run(self.program.parts.db.write(lambda tx: tx.run(add)))
        return made

    def attempt(self, delivery_id: int, number: int, kind: str, code: str, **columns: object) -> int:
        """Writes an attempt."""
        at = self._now + number * MINUTE
        values: dict[str, object] = {
            "delivery_id": delivery_id,
            "number": number,
            "started_at": at,
            "ended_at": at + SECOND // 4,
            "kind": kind,
            "scope": "event",
            "code": code,
            "detail": "",
            "reference": "",
            "http_status": 200,
            "url": "https://graph.facebook.com/v25.0/123/events",
            "request": "",
        }
        return self._insert("attempts", **{**values, **columns})

    def inquiry(self, slug: str, reference: str, delivery_id: int, *, times: int) -> int:
        """Writes an open question of what became of a request."""
        now = self._now
        values = {"connection_id": self.connections[slug], "reference": reference, "deliveries": f"[{delivery_id}]"}
        times_of = {"sent_at": now, "next_at": now + 30 * MINUTE, "times": times, "state": "open"}
        return self._insert("inquiries", **values, **times_of)

    @property
    def _now(self) -> int:
        return self.program.parts.clock.now()

    def _insert(self, table: str, **values: object) -> int:
        known = tables.metadata.tables[table]
        statement = prepare(insert(known).values(**values).returning(known.c.id))

        def work(tx: Tx) -> int:
            row = tx.first(statement)
            assert row is not None
            return int(row.id)

        return self.program.run(self.program.parts.db.write(work))


def search(site: Site, tab: str, text: str) -> str:
    """The path of a search in a list."""
    return f"{site.leads}?list={tab}&search={quote(text)}"
