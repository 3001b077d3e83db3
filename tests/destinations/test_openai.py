"""OpenAI Ads: exact bytes, every answer of the table, and the way to the emulator over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Scope, Whole, Window
from leadtrackr.destinations.openai import DATA_TYPES, OPENAI
from leadtrackr.destinations.openai.codes import CODES
from leadtrackr.destinations.registry import validate_event_value
from tests.destinations.at_sandbox import flags, is_taken, sandbox_at, send
from tests.destinations.making import DAY, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha
from tests.sandbox.client import Client

MINUTE = 60_000_000
VALIDATION = OPENAI.validation
assert VALIDATION is not None


def sent(one: Any = None, **changes: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(OPENAI, one or event(slug="openai"), **changes)["events"][0]
    return found


def of(someone: LeadData, **changes: str) -> dict[str, Any]:
    """A lead's event."""
    return sent(event(someone, "openai"), **changes)


def test_the_whole_request() -> None:
    request = OPENAI.build([event(slug="openai")], SETTINGS["openai"], None)
    item = (
        '{"id":"lt-abcdefghijklmnopqrstuvwxyz","type":"lead_created","timestamp_ms":1795262400123,"action_source":"web",'
        '"data":{"type":"customer_action","amount":5000,"currency":"EUR"},"source_url":"https://example.de/kontakt",'
        '"oppref":"oppref_aB-1","opt_out":true,"user":{'
        f'"emails_sha256":["{sha("erika.mustermann@example.de")}"],"phone_numbers_sha256":["{sha("493012345678")}"],'
        f'"first_names_sha256":["{sha("erika")}"],"last_names_sha256":["{sha("mustermann")}"],"countries":["DE"],'
        '"obref":"obref_Cd-2","ip_address":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"events":[{item}]}}'.encode()
    assert (request.service, request.method) == ("openai", "POST")
    assert request.url == "https://bzr.openai.com/v1/events?pid=KBHCVX1dYePAFy31"
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-openai"}


@pytest.mark.parametrize(("action", "kind"), DATA_TYPES.items())
def test_each_event_has_the_data_that_belongs_to_it(action: str, kind: str) -> None:
    found = sent(event(slug="openai", action=action, value_cents=None))
    assert (found["type"], found["data"], "custom_event_name" in found) == (action, {"type": kind}, False)


def test_other_names_are_custom_events() -> None:
    name = validate_event_value(OPENAI, " Deal signed ")
    found = sent(event(slug="openai", action=name))
    assert (found["type"], found["custom_event_name"]) == ("custom", "Deal signed")
    assert found["data"] == {"type": "custom", "amount": 5000, "currency": "EUR"}


@pytest.mark.parametrize(("cents", "currency"), [(12999, "USD"), (5000, "JPY"), (5001, "KWD"), (0, "EUR")])
def test_amounts_are_whole_smallest_units(cents: int, currency: str) -> None:
    """12999 is 129.99 dollars, 5000 is 5000 yen, 5001 is 5.001 dinars: the unit is that of ISO 4217."""
    found = sent(event(slug="openai", value_cents=cents, currency=currency))["data"]
    assert (found["amount"], found["currency"]) == (cents, currency)
    assert isinstance(found["amount"], int)


@pytest.mark.parametrize(
    ("page", "source", "sent_source", "url"),
    [
        ("example.de/kontakt", "web", "web", "https://example.de/kontakt"),
        (None, "web", "other", None),
        ("/kontakt", "web", "other", None),
        ("example.de/kontakt", "phone_call", "phone_call", None),
    ],
)
def test_the_source_is_true(page: str | None, source: str, sent_source: str, url: str | None) -> None:
    found = of(lead(conversion_page=page), action_source=source)
    assert (found["action_source"], found.get("source_url")) == (sent_source, url)


@pytest.mark.parametrize(("consent", "opts_out"), [("denied", True), ("granted", False), (None, False)])
def test_who_denied_personalisation_is_opted_out(consent: str | None, opts_out: bool) -> None:
    found = of(lead(consent={"ad_personalization": consent} if consent else {}))
    assert found.get("opt_out", False) is opts_out


@pytest.mark.parametrize(
    ("phone", "digits"), [("+12125550123", "12125550123"), ("+29012345", "29012345"), ("+2901234", None)]
)
def test_phones_are_digits_and_neither_short_nor_long(phone: str, digits: str | None) -> None:
    found = of(LeadData(lead_id=1, created_at=NOON, phone=phone)).get("user", {})
    assert found.get("phone_numbers_sha256") == ([sha(digits)] if digits else None)
    assert bool(OPENAI.missing(LeadData(lead_id=1, created_at=NOON, phone=phone), {})) == (digits is None)


def test_names_lose_space_and_ascii_punctuation() -> None:
    found = of(lead(first_name=" Jean-Luc ", last_name="O'Neill Müller"))["user"]
    assert found["first_names_sha256"] == [sha("jeanluc")]
    assert found["last_names_sha256"] == [sha("oneillmüller")]


def test_references_are_byte_exact() -> None:
    found = of(lead(ids={"oppref": " a%20B_é ", "obref": "Cd"}))
    assert (found["oppref"], found["user"]["obref"]) == (" a%20B_é ", "Cd")


def test_times() -> None:
    assert sent(event(slug="openai", happened_at=NOON - DAY))["timestamp_ms"] == NOON // 1000
    found = OPENAI.window(event(slug="openai", happened_at=NOON + DAY + 999), {})
    assert found == Window(NOON, NOON + 8 * DAY - MINUTE)


@pytest.mark.parametrize(
    "known", [{}, {"ids": {"gclid": "x"}}, {"ip_address": "203.0.113.7"}, {"first_name": "E", "last_name": "M"}]
)
def test_leads_that_openai_cannot_find(known: dict[str, Any]) -> None:
    (warning,) = OPENAI.missing(LeadData(lead_id=1, created_at=NOON, **known), {})
    assert warning.field == "user"


BODIES: list[Any] = [
    {"error": {"message": "no", "type": "invalid_request_error", "param": "events[0]", "code": None}},
    {"error": "no"},
    {"errors": [{"message": "no"}, {"detail": "never"}]},
    {"message": "no"},
    {"detail": [{"loc": ["events"], "message": "no"}]},
]


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("body", BODIES)
def test_a_refusal_of_any_form_names_nobody_so_that_halves_are_sent(status: int, body: Any) -> None:
    verdict = OPENAI.read(answer(status, body), 5)
    assert isinstance(verdict, Refused)
    assert (verdict.named, verdict.outcome.code, verdict.outcome.kind) == ({}, "invalid", Kind.REJECTED)
    assert "no" in verdict.outcome.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"'])
def test_a_refusal_without_words(body: bytes) -> None:
    verdict = OPENAI.read(answer(400, body), 5)
    assert isinstance(verdict, Refused)
    assert verdict.outcome.code == "invalid"


HELD = [(401, "credentials"), (403, "credentials"), (404, "configuration")]


@pytest.mark.parametrize(("status", "hold"), HELD)
def test_what_holds_the_connection(status: int, hold: str) -> None:
    response = answer(status, {"error": {"message": "Missing scopes: ads.third_party_events.write"}})
    verdict = OPENAI.read(response, 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.code, found.kind, found.hold, found.scope) == (str(status), Kind.HOLD, hold, Scope.DESTINATION)
    assert OPENAI.read_check(response) == found
    assert VALIDATION is not None
    assert VALIDATION.read(response) == found


@pytest.mark.parametrize(("status", "code"), [(408, "server_error"), (429, "rate_limited"), (503, "server_error")])
def test_what_is_tried_again(status: int, code: str) -> None:
    verdict = OPENAI.read(answer(status, b"later", {"retry-after": "7"}), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.code, verdict.outcome.kind, verdict.outcome.retry_after_s) == (code, Kind.RETRY, 7.0)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"accepted_events":3}', b' {"ok": true}'])
@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_one(status: int, body: bytes) -> None:
    (found,) = outcomes(OPENAI.read(answer(status, body), 3))
    assert found.code == "ok"


def test_a_success_with_errors_is_none_and_one_without_sense_is_unknown() -> None:
    assert isinstance(OPENAI.read(answer(200, {"errors": [{"message": "x"}]}), 3), Refused)
    assert outcomes(OPENAI.read(answer(200, b"<html>"), 3))[0].kind == Kind.UNKNOWN


def test_every_row_of_the_table_is_reached() -> None:
    assert set(CODES) - set(HTTP_CODES) == {str(status) for status, _ in HELD} | {"invalid", "validated", "check_ok"}


@given(
    st.sampled_from([200, 400, 401, 404, 422, 429, 500]),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "errors", "message", "detail", "x"]), inner, max_size=3)
        ),
    ),
)
def test_any_body_is_read(status: int, body: Any) -> None:
    for outcome in outcomes(OPENAI.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_and_the_validation_save_nothing() -> None:
    check = OPENAI.check(SETTINGS["openai"], None)
    assert check.body == b'{"validate_only":true,"events":[]}'
    assert check.url == "https://bzr.openai.com/v1/events?pid=KBHCVX1dYePAFy31"
    real = OPENAI.build([event(slug="openai")], SETTINGS["openai"], None)
    assert VALIDATION is not None
    asked = VALIDATION.request(real)
    assert json.loads(asked.body) == {"validate_only": True, **json.loads(real.body)}
    assert asked.url == real.url
    assert VALIDATION.read(answer(200, {})).code == "validated"
    assert VALIDATION.read(answer(400, {"error": "x"})).code == "invalid"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Client]:
    """One sandbox for this file, two days after the lead."""
    with sandbox_at(lambda: NOON + 2 * DAY) as client:
        yield client


@pytest.mark.parametrize("action", [*DATA_TYPES, "Deal signed"])
def test_every_event_of_a_lead_with_everything_is_taken(sandbox: Client, action: str) -> None:
    request = OPENAI.build([event(slug="openai", action=action)], SETTINGS["openai"], None)
    assert outcomes(OPENAI.read(send(sandbox, request), 1))[0].code == "ok"
    assert flags(sandbox, "openai") == []
    (row,) = sandbox.last("openai")["accepted"]
    assert (row["value"], row["currency"], row["event_at"]) == (50.0, "EUR", NOON + DAY + 123_000)
    assert row["scope"].endswith(f"/{action}")


def test_validation_and_connection_test_against_the_emulator(sandbox: Client) -> None:
    assert VALIDATION is not None
    asked = VALIDATION.request(OPENAI.build([event(slug="openai")], SETTINGS["openai"], None))
    assert VALIDATION.read(send(sandbox, asked)).code == "validated"
    assert sandbox.last("openai")["accepted"] == []
    check = OPENAI.check(SETTINGS["openai"], None)
    assert OPENAI.read_check(send(sandbox, check)).code == "check_ok"
    for knobs, code in (({"bad_keys": ["hush-openai"]}, "401"), ({"pixels": ["other"]}, "404")):
        sandbox.set("openai", **knobs)
        assert OPENAI.read_check(send(sandbox, check)).code == code
        sandbox.call("DELETE", "/_sandbox/settings")


some_leads = st.builds(
    LeadData,
    lead_id=st.just(1),
    created_at=st.just(NOON),
    email=st.none() | st.sampled_from(["a@example.com", "ü.b+c@example.de"]),
    phone=st.none() | st.sampled_from(["+493012345678", "+2901234"]),
    first_name=st.none() | st.sampled_from(["Erika", "-", " "]),
    country=st.none() | st.just("DE"),
    ids=st.dictionaries(st.sampled_from(["oppref", "obref", "gclid"]), st.text(max_size=9)),
    consent=st.dictionaries(st.just("ad_personalization"), st.sampled_from(["granted", "denied"])),
    conversion_page=st.none() | st.just("example.de/a") | st.text(max_size=5),
    ip_address=st.none() | st.sampled_from(["203.0.113.7", "2001:db8::1"]),
    user_agent=st.none() | st.sampled_from(["", "Mozilla"]),
)


@settings(max_examples=150, deadline=None)
@given(someone=some_leads, source=st.sampled_from(["web", "offline", "other"]))
def test_what_is_not_missing_is_taken_and_the_rest_is_not(sandbox: Client, someone: LeadData, source: str) -> None:
    lacking = OPENAI.missing(someone, SETTINGS["openai"])
    assert is_taken(sandbox, OPENAI, someone, action_source=source) == (not lacking)
