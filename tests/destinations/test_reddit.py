"""Reddit: exact bytes, every answer of the table, and the way to the emulator over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Response, Scope, Whole, Window
from leadtrackr.destinations.reddit import REDDIT
from leadtrackr.destinations.reddit.codes import CODES
from tests.destinations.at_sandbox import flags, is_taken, sandbox_at, send
from tests.destinations.making import DAY, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha
from tests.sandbox.client import Client

CLICK = "3184742045291813272_aB"
UUID = "1790000000000.b8f7eb7d-b357-437b-8bd3-e1c8166c7132"
MINUTE = 60_000_000
STORE = {**SETTINGS["reddit"], "action_source": "PHYSICAL_STORE"}


def sent(one: Any = None, **changes: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(REDDIT, one or event(slug="reddit"), **changes)["data"]["events"][0]
    return found


def of(someone: LeadData, **changes: str) -> dict[str, Any]:
    """A lead's event."""
    return sent(event(someone, "reddit"), **changes)


def test_the_whole_request() -> None:
    request = REDDIT.build([event(slug="reddit")], SETTINGS["reddit"], None)
    item = (
        '{"event_at":1795262400123,"action_source":"WEBSITE","type":{"tracking_type":"LEAD"},'
        '"metadata":{"conversion_id":"lt-abcdefghijklmnopqrstuvwxyz","value":50.00,"currency":"EUR"},'
        f'"user":{{"email":"{sha("erikamustermann@example.de")}","phone_number":"{sha("+493012345678")}",'
        f'"ip_address":"{sha("203.0.113.7")}","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","uuid":"{UUID}"}},'
        f'"click_id":"{CLICK}","event_source_url":"https://example.de/kontakt"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"data":{{"events":[{item}]}}}}'.encode()
    assert (request.service, request.method) == ("reddit", "POST")
    assert request.url == "https://ads-api.reddit.com/api/v3/pixels/a2_abc123def456/conversion_events"
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-reddit"}


def test_the_printed_vectors() -> None:
    printed = {
        "alice@example.com": "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976",
        "al.ice+apple@example.com": "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976",
        "john.smith+ads@gmail.com": "3586de92bb3636d0885a12eff961429a32e4ebd764b96f50d85d016f9338d586",
    }
    for email, digest in printed.items():
        assert of(lead(email=email))["user"]["email"] == digest
    phone = of(lead(phone="+15554441234"))["user"]["phone_number"]
    assert phone == "e5b124c58580eb16bd959b8d0cac12b12c952e2ceae0203d416cff94f10b994a"


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("PURCHASE", {"tracking_type": "PURCHASE"}),
        ("SIGN_UP", {"tracking_type": "SIGN_UP"}),
        ("Deal signed", {"tracking_type": "CUSTOM", "custom_event_name": "Deal signed"}),
    ],
)
def test_names_that_are_not_reddits_are_custom_events(action: str, kind: dict[str, str]) -> None:
    assert sent(event(slug="reddit", action=action))["type"] == kind


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00'), (5000, "JPY", b'"value":5000,'), (5001, "KWD", b'"value":5.001')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    request = REDDIT.build([event(slug="reddit", value_cents=cents, currency=currency)], SETTINGS["reddit"], None)
    assert text in request.body


@pytest.mark.parametrize(
    ("cookie", "leaves"),
    [
        (UUID, True),
        ("1677712978045.B8F7EB7D-b357-437b-8bd3-e1c8166c7132", True),
        ("1700000000.abcd-uuid", False),
        ("b8f7eb7d-b357-437b-8bd3-e1c8166c7132", False),
        (f" {UUID}", False),
        ("", False),
    ],
)
def test_the_cookie_leaves_only_in_its_form(cookie: str, leaves: bool) -> None:
    found = of(LeadData(lead_id=1, created_at=NOON, ids={"rdt_uuid": cookie}))
    assert found.get("user", {}).get("uuid") == (cookie if leaves else None)


def test_of_a_store_only_the_person_is_sent() -> None:
    found = of(lead(), action_source="PHYSICAL_STORE")
    assert set(found["user"]) == {"email", "phone_number"}
    assert not {"click_id", "event_source_url"} & set(found)
    online = LeadData(lead_id=1, created_at=NOON, ids={"rdt_cid": "x"})
    assert REDDIT.missing(online, SETTINGS["reddit"]) == ()
    (warning,) = REDDIT.missing(online, STORE)
    assert "of a store" in warning.reason
    assert REDDIT.missing(lead(email=None), STORE) == ()


@pytest.mark.parametrize("page", [None, "", "/kontakt", "exam ple.de"])
def test_the_page_only_when_it_is_one(page: str | None) -> None:
    assert "event_source_url" not in of(lead(conversion_page=page))
    assert "event_source_url" not in of(lead(), action_source="OTHER")


@pytest.mark.parametrize(
    "known",
    [{}, {"ids": {"gclid": "x"}}, {"ip_address": "203.0.113.7"}, {"user_agent": "Mozilla"}, {"first_name": "E"}],
)
def test_leads_that_reddit_cannot_find(known: dict[str, Any]) -> None:
    (warning,) = REDDIT.missing(LeadData(lead_id=1, created_at=NOON, **known), SETTINGS["reddit"])
    assert warning.field == "user"


def test_times() -> None:
    assert sent(event(slug="reddit", happened_at=NOON - DAY))["event_at"] == NOON // 1000
    found = REDDIT.window(event(slug="reddit", happened_at=NOON + DAY + 999), {})
    assert found == Window(NOON, NOON + 8 * DAY - MINUTE)


def refused(
    *fields: tuple[str, str], message: str = "There were 1 invalid conversion events. None were processed."
) -> Any:
    """A refusal in the API's present form."""
    listed = [{"field": field, "message": said} for field, said in fields]
    return answer(400, {"error": {"code": 400, "message": message, "fields": listed}})


def test_a_refusal_names_the_events_by_their_path() -> None:
    response = refused(
        ("$.data.events[3].user.UUID", "invalid UUID"),
        ("$.data.events[0].event_at", "event_at timestamp must be less than 168h0m0s old"),
        ("$.data.events[3].type", "bad"),
        ("$.data", "odd"),
    )
    verdict = REDDIT.read(response, 5)
    assert isinstance(verdict, Refused)
    assert {place: (found.code, found.detail) for place, found in verdict.named.items()} == {
        0: ("too_old", "event_at: event_at timestamp must be less than 168h0m0s old"),
        3: ("invalid", "user.UUID: invalid UUID; type: bad"),
    }
    assert (verdict.outcome.code, verdict.outcome.kind) == ("invalid", Kind.REJECTED)


def echo(*keys: str, under: str = "metadata") -> Any:
    """A refusal in the older form, which echoes the events."""
    listed = [{"error_message": "bad", "event": {under: {"conversion_id": key}, "event_at": 5}} for key in keys]
    return {
        "message": f"There were {len(keys)} invalid conversion events. None were processed.",
        "invalid_events": listed,
    }


def with_sent(status: int, body: Any, *keys: str) -> Response:
    """An answer to events with these ids."""
    items = REDDIT.build([event(slug="reddit", event_id=key) for key in keys], SETTINGS["reddit"], None).items
    return Response(status=status, body=json.dumps(body).encode(), sent=items)


@pytest.mark.parametrize("under", ["metadata", "event_metadata"])
def test_echoed_events_are_found_among_those_sent(under: str) -> None:
    verdict = REDDIT.read(with_sent(400, echo("lt-c", "lt-a", under=under), "lt-a", "lt-b", "lt-c"), 3)
    assert isinstance(verdict, Refused)
    assert sorted(verdict.named) == [0, 2]


@pytest.mark.parametrize(
    "body",
    [
        echo("lt-c", "lt-x"),
        {"message": "There were 1 invalid conversion events. None were processed."},
        {"message": "x", "invalid_events": [{"error_message": "bad"}]},
        {"error": {"code": 400, "message": "Bad Request"}},
        {"error": "Bad Request"},
        "Bad Request",
    ],
)
def test_who_cannot_be_placed_is_not_guessed(body: Any) -> None:
    verdict = REDDIT.read(with_sent(400, body, "lt-a", "lt-b", "lt-c"), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.named, verdict.outcome.code) == ({}, "invalid")


HELD = [
    (answer(401, {"error": {"code": 401, "message": "UNAUTHORIZED"}}), "401", "credentials"),
    (answer(401, {"success": False, "error": {"reason": "UNAUTHORIZED", "explanation": "x"}}), "401", "credentials"),
    (answer(401, "No bearer token provided"), "401", "credentials"),
    (answer(401, b"Unauthorized"), "401", "credentials"),
    (
        answer(403, {"error": {"message": "You're not authorized to post conversions to Pixel ID a2_abc."}}),
        "403",
        "configuration",
    ),
    (
        answer(403, {"error": {"message": "Missing adsconversions scope to post conversions to Pixel."}}),
        "scope",
        "credentials",
    ),
    (answer(404, b""), "404", "configuration"),
]


@pytest.mark.parametrize(("response", "code", "hold"), HELD)
def test_what_holds_the_connection(response: Any, code: str, hold: str) -> None:
    verdict = REDDIT.read(response, 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.code, found.kind, found.hold, found.scope) == (code, Kind.HOLD, hold, Scope.DESTINATION)
    assert REDDIT.read_check(response) == found


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (500, "server_error"), (503, "server_error")])
def test_what_is_tried_again(status: int, code: str) -> None:
    for body in ({"error": {"code": status, "message": "later"}}, "later", None):
        verdict = REDDIT.read(answer(status, body), 3)
        assert isinstance(verdict, Whole)
        assert (verdict.outcome.code, verdict.outcome.kind) == (code, Kind.RETRY)


def test_a_success() -> None:
    body = {"data": {"message": "Successfully processed 3 conversion events."}}
    (found,) = outcomes(REDDIT.read(answer(200, body), 3))
    assert (found.code, found.detail) == ("ok", "Successfully processed 3 conversion events.")
    assert REDDIT.read_check(answer(200, body)).code == "check_ok"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'"ok"'])
def test_a_success_without_a_message_is_unknown(body: bytes) -> None:
    assert outcomes(REDDIT.read(answer(200, body), 3))[0].kind == Kind.UNKNOWN


def test_a_success_that_names_invalid_events_is_none() -> None:
    assert isinstance(REDDIT.read(with_sent(200, echo("lt-a"), "lt-a"), 1), Refused)


def test_every_row_of_the_table_is_reached() -> None:
    reached = {code for _, code, _ in HELD} | {"too_old", "invalid", "check_ok"}
    assert set(CODES) - set(HTTP_CODES) == reached


@given(
    st.sampled_from([200, 400, 401, 403, 422, 429, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "message": st.none() | st.text(max_size=5),
            "data": st.none() | st.just({"message": 5}),
            "error": st.none()
            | st.text(max_size=5)
            | st.fixed_dictionaries(
                {},
                optional={
                    "fields": st.lists(st.just({"field": "$.data.events[1]"})),
                    "message": st.none() | st.integers(),
                },
            ),
            "invalid_events": st.none()
            | st.lists(st.just({"event": {"metadata": {"conversion_id": "x"}}}), max_size=2),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(REDDIT.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_sends_no_event() -> None:
    request = REDDIT.check(SETTINGS["reddit"], None)
    assert request.body == b'{"data":{"events":[]}}'
    assert request.items == ()
    assert request.url == "https://ads-api.reddit.com/api/v3/pixels/a2_abc123def456/conversion_events"
    assert REDDIT.read_check(answer(400, {"error": {"message": "Bad Request"}})).code == "check_ok"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Client]:
    """One sandbox for this file, two days after the lead."""
    with sandbox_at(lambda: NOON + 2 * DAY) as client:
        yield client


@pytest.mark.parametrize("source", ["WEBSITE", "OTHER", "PHYSICAL_STORE"])
def test_a_lead_with_everything_is_taken_without_a_flag(sandbox: Client, source: str) -> None:
    assert is_taken(sandbox, REDDIT, lead(), action_source=source)
    assert flags(sandbox, "reddit") == []
    (row,) = sandbox.last("reddit")["accepted"]
    assert (row["value"], row["currency"], row["event_at"]) == (50.0, "EUR", NOON + DAY + 123_000)


def test_the_connection_test_against_the_emulator(sandbox: Client) -> None:
    check = REDDIT.check(SETTINGS["reddit"], None)
    assert REDDIT.read_check(send(sandbox, check)).code == "check_ok"
    for knobs, code in (({"bad_tokens": ["hush-reddit"]}, "401"), ({"no_access": ["a2_abc123def456"]}, "403")):
        sandbox.set("reddit", **knobs)
        assert REDDIT.read_check(send(sandbox, check)).code == code
        sandbox.call("DELETE", "/_sandbox/settings")


some_leads = st.builds(
    LeadData,
    lead_id=st.just(1),
    created_at=st.just(NOON),
    email=st.none() | st.sampled_from(["a@example.com", "ü.b+c@example.de"]),
    phone=st.none() | st.just("+493012345678"),
    ids=st.dictionaries(
        st.sampled_from(["rdt_cid", "rdt_uuid", "gclid"]),
        st.text(max_size=9) | st.sampled_from([UUID, "1700000000.abcd-uuid"]),
    ),
    conversion_page=st.none() | st.just("example.de/a") | st.text(max_size=5),
    ip_address=st.none() | st.sampled_from(["203.0.113.7", "2001:db8::1"]),
    user_agent=st.none() | st.sampled_from(["", "Mozilla"]),
)


@settings(max_examples=150, deadline=None)
@given(someone=some_leads, source=st.sampled_from(["WEBSITE", "OTHER", "PHYSICAL_STORE"]))
def test_what_is_not_missing_is_taken_and_the_rest_is_not(sandbox: Client, someone: LeadData, source: str) -> None:
    lacking = REDDIT.missing(someone, {**SETTINGS["reddit"], "action_source": source})
    assert is_taken(sandbox, REDDIT, someone, action_source=source) == (not lacking)


@pytest.mark.parametrize("form", ["fields", "invalid_events"])
def test_both_forms_of_a_refusal_name_the_right_events(sandbox: Client, form: str) -> None:
    sandbox.set("reddit", error_form=form)
    events = [event(slug="reddit", event_id=f"lt-{n}") for n in range(5)]
    for place in (1, 3):
        old = lead(created_at=NOON - 20 * DAY)
        events[place] = event(old, "reddit", event_id=f"lt-{place}", happened_at=NOON - 10 * DAY)
    verdict = REDDIT.read(send(sandbox, REDDIT.build(events, SETTINGS["reddit"], None)), 5)
    sandbox.call("DELETE", "/_sandbox/settings")
    assert isinstance(verdict, Refused)
    assert {place: found.code for place, found in verdict.named.items()} == {1: "too_old", 3: "too_old"}
