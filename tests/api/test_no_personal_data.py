"""Nothing personal in the log, the figures or an error's body, whatever goes wrong."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog

from leadtrackr.kit import log
from tests import bodies
from tests.api.conftest import Api, start
from tests.support import tables
from tests.support.program import Answer, Program

MARKS = {
    "firstName": "Wilhelmina",
    "lastName": "Recognisable",
    "email": "wilhelmina.recognisable@mail.example",
    "phone": "+31687654321",
    "companyName": "Unmistakable Bakery",
    "gclid": "GCLIDrecognisable0123456789",
    "fbp": "fb.1.1790000000123.777777777",
    "cid": "777777777.888888888",
    "ipAddress": "203.0.113.177",
    "userAgent": "RecognisableBrowser/1.0",
    "formName": "Unmistakable form",
    "message": "My recognisable question",
    "uniqueEventId": "evt-recognisable",
    "uniqueIdentifier": "crm-recognisable",
}
USER = {name: MARKS[name] for name in ("firstName", "lastName", "email", "phone", "companyName")}
LEAD: dict[str, object] = {
    "userData": USER,
    "attributionData": {name: MARKS[name] for name in ("gclid", "fbp", "cid")},
    "deviceData": {"ipAddress": MARKS["ipAddress"], "userAgent": MARKS["userAgent"]},
    "formData": {name: MARKS[name] for name in ("formName", "message", "uniqueEventId")},
    "uniqueIdentifier": MARKS["uniqueIdentifier"],
}
SPELLINGS = {
    *MARKS.values(),
    *(value.lower() for value in MARKS.values()),
    "31687654321",
    "0687654321",
    "wilhelmina.recognisable%40mail.example",
    "%2B31687654321",
}


@contextmanager
def logged(form: str) -> Iterator[io.StringIO]:
    """What every logger of the process writes in the meantime, as `serve` sets them up, with everything turned on."""
    root, tamed = logging.getLogger(), ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    before, level = root.handlers, root.level
    stream = io.StringIO()
    log.set_up(form, "debug", stream=stream)
    try:
        yield stream
    finally:
        root.handlers, root.level = before, level
        for name in tamed:
            logging.getLogger(name).filters = []
        structlog.reset_defaults()


def provoke(api: Api, other: Api) -> list[Answer]:
    """Every kind of refusal, each time with the lead's data in the request."""
    lead_id = api.create(**LEAD)
    program = api.program
    named = {"email": MARKS["email"], "phone": MARKS["phone"], "uniqueIdentifier": MARKS["uniqueIdentifier"]}
    raw = bodies.wire({**LEAD, "projectId": api.number})
    found = [
        api.post("createLead", {**LEAD, "uniqueIdentifier": MARKS["uniqueIdentifier"] * 20}),
        api.post("createLead", {**LEAD, "projectId": MARKS["email"]}),
        program.post("createLead", LEAD),
        program.post("createLead", raw[:-1]),
        program.post("createLead", raw + b"\xff"),
        program.post("createLead", bodies.wire({"x": "y" * 1_100_000, **LEAD})),
        api.post("createServerSideLead", LEAD),
        api.post("createServerSideLead", LEAD, MARKS["email"]),
        api.post("createCTLead", LEAD, other.key),
        api.rate({**named, "conversionId": MARKS["firstName"]}),
        api.rate({"email": f"other.{MARKS['email']}", "conversionId": "lost"}),
        api.rate({"leadId": MARKS["phone"], "conversionId": "lost"}),
        api.rate({**named, "conversionId": "lost", "price": MARKS["phone"]}),
        api.rate({**named, "conversionId": "lost"}),
        api.rate({**named, "conversionId": "open"}),
        api.get(email=f"other.{MARKS['email']}"),
        api.get(leadId=MARKS["phone"]),
        program.get("getLead", None, **named),
        program.post("/api/connections/pause", {"id": MARKS["phone"]}, api.key),
        program.post("/api/connections/resume", {"id": 1, MARKS["email"]: True}, api.key),
        program.post("/api/conversions/validate", {**named, "conversionId": MARKS["firstName"]}, api.key),
        program.post("/api/conversions/cancel", {"filter": {MARKS["email"]: "x"}}, api.key),
        *(
            api.list(**{name: MARKS["email"]})
            for name in ("limit", "page", "status", "createdAt__gte", "createdAt__lte", "sort", "gclid__exists")
        ),
        api.list(search=MARKS["firstName"] * 60),
        program.send("PUT", f"/api/leads/getLead?email={MARKS['email']}", raw),
        program.send("GET", f"/{MARKS['email']}/{MARKS['firstName']}?phone={MARKS['phone']}"),
        program.send("POST", f"/api/leads/createLead/{MARKS['phone']}", raw, {"X-Request-ID": MARKS["email"]}),
    ]
    other.switch_off()
    found.append(other.post("createLead", LEAD))
    assert lead_id > 0
    return found


def break_it(api: Api) -> list[Answer]:
    """Faults of the database in whose words the row stands, and of a table that has gone."""
    if api.url.startswith("postgresql"):
        tables.execute(api.url, "ALTER TABLE leads ADD CONSTRAINT broken CHECK (first_name <> 'Wilhelmina') NOT VALID")
    else:
        tables.execute(
            api.url,
            "CREATE TRIGGER broken BEFORE INSERT ON leads BEGIN "
            "INSERT INTO api_keys SELECT id, project_id, hash, hint, created_at, NULL FROM api_keys; END",
        )
    without = {**LEAD, "formData": {}}
    found = [api.post("createLead", without), api.post("createServerSideLead", without, api.key)]
    tables.execute(api.url, "ALTER TABLE leads RENAME TO gone")
    found += [api.get(email=MARKS["email"]), api.list(search=MARKS["firstName"]), api.post("createLead", LEAD)]
    tables.execute(api.url, "ALTER TABLE gone RENAME TO leads")
    if api.url.startswith("postgresql"):
        # Its database is emptied for the next test, not made anew.
        tables.execute(api.url, "ALTER TABLE leads DROP CONSTRAINT broken")
    assert {answer.status for answer in found} == {500}
    return found


def hits(text: str) -> list[str]:
    return sorted(mark for mark in SPELLINGS if mark in text)


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_personal_in_log_figures_and_errors(alone: Callable[..., Program], form: str) -> None:
    with logged(form) as stream:
        program = alone()
        api, other = start(program, "Qualified"), start(program)
        refused = provoke(api, other)
        program.deliver()
        broken = break_it(api)
        figures = program.send("GET", "/metrics")
        program.close()
    text = stream.getvalue()
    errors = [answer for answer in refused + broken if answer.status >= 400]
    assert {answer.status for answer in errors} == {400, 401, 403, 404, 405, 409, 413, 500}
    assert len(text.splitlines()) >= len(errors), "the log was not caught"
    assert "request_failed" in text
    assert b"leadtrackr_requests_total" in figures.body
    assert hits(text) == []
    assert hits(figures.body.decode()) == []
    assert hits(b"".join(answer.body for answer in errors).decode()) == []
    assert api.key not in text


def test_log_of_a_refusal_says_what_was_wrong(alone: Callable[..., Program]) -> None:
    with logged("json") as stream:
        api = start(alone())
        api.program.post("createLead", b"{", X_Request_ID="find-me")
    assert "not valid JSON" in stream.getvalue()
    assert '"request_id": "find-me"' in stream.getvalue()
