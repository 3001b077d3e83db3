"""Meta: exact bytes, the thin rule, and one test per row of the outcome table. Rules: Conversions API documents."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Whole, Window
from leadtrackr.destinations.meta import META
from leadtrackr.destinations.meta.codes import CODES
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha


def sent(one: Any = None, **settings: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(META, one or event(slug="meta"), **settings)["data"][0]
    return found


def test_the_whole_request() -> None:
    request = META.build([event(slug="meta")], SETTINGS["meta"], None)
    item = (
        '{"event_name":"QualifiedLead","event_time":1795262400,"event_id":"lt-abcdefghijklmnopqrstuvwxyz",'
        '"action_source":"website","user_data":{'
        f'"em":"{sha("erika.mustermann@example.de")}","ph":"{sha("493012345678")}",'
        f'"fn":"{sha("erika")}","ln":"{sha("mustermann")}","country":"{sha("de")}","external_id":"{sha("42")}",'
        '"fbc":"fb.1.1790000000000.IwAR2AbCdEf","fbp":"fb.1.1790000000000.1098115397",'
        '"client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0 (X11; Linux x86_64)"},'
        '"event_source_url":"https://example.de/kontakt","custom_data":{"value":50.00,"currency":"EUR"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"data":[{item}]}}'.encode()
    assert request.url == "https://graph.facebook.com/v25.0/123456789012345/events"
    assert (request.service, request.method) == ("meta", "POST")
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-meta"}


def test_test_events_say_so_outside_the_events() -> None:
    body = body_of(META, event(slug="meta"), test_event_code="TEST1")
    assert body["test_event_code"] == "TEST1"
    assert "test_event_code" not in body["data"][0]


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("+493012345678", "493012345678"),
        ("+31201234567", "31201234567"),
        ("+442071838750", "442071838750"),
        ("+12125550123", "12125550123"),
        ("+81312345678", "81312345678"),
    ],
)
def test_phones_of_five_countries(phone: str, digits: str) -> None:
    assert sent(event(lead(phone=phone), "meta"))["user_data"]["ph"] == sha(digits)


@pytest.mark.parametrize(
    ("page", "source", "sent_source", "url"),
    [
        ("example.de/kontakt", "website", "website", "https://example.de/kontakt"),
        ("localhost.test:8080/a", "website", "website", "https://localhost.test:8080/a"),
        (None, "website", "system_generated", None),
        ("", "website", "system_generated", None),
        ("/kontakt", "website", "system_generated", None),
        ("exam ple.de", "website", "system_generated", None),
        ("example.de/kontakt", "phone_call", "phone_call", None),
        ("example.de/kontakt", "system_generated", "system_generated", None),
    ],
)
def test_the_source_is_true(page: str | None, source: str, sent_source: str, url: str | None) -> None:
    found = sent(event(lead(conversion_page=page), "meta"), action_source=source)
    assert found["action_source"] == sent_source
    assert found.get("event_source_url") == url


@pytest.mark.parametrize(
    ("fbc", "sent_fbc"),
    [
        ("fb.1.1790000000000.IwAR-AbC_dEf.AQ", "fb.1.1790000000000.IwAR-AbC_dEf.AQ"),
        ("fb.2.1790000000000.a%20B", "fb.2.1790000000000.a%20B"),
        ("IwAR2AbCdEf", None),
        ("fb.x.1790000000000.IwAR", None),
        ("", None),
    ],
)
def test_fbc_only_in_its_form_and_byte_exact(fbc: str, sent_fbc: str | None) -> None:
    someone = lead(ids={"fbc": fbc}, email=None, phone=None, first_name=None, last_name=None, ip_address=None)
    assert sent(event(someone, "meta"))["user_data"].get("fbc") == sent_fbc
    assert bool(META.missing(someone, {})) == (sent_fbc is None)


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00'), (5000, "JPY", b'"value":5000,'), (5000, "KWD", b'"value":5.000')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    request = META.build([event(slug="meta", value_cents=cents, currency=currency)], SETTINGS["meta"], None)
    assert text in request.body


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert "custom_data" not in sent(event(slug="meta", value_cents=cents, currency=currency))


THIN = (
    {"ct", "country", "st", "zp", "ge", "client_user_agent"},
    {"db", "client_user_agent"},
    {"fn", "ge"},
    {"ln", "ge"},
)
PARTS: dict[str, dict[str, Any]] = {
    "em": {"email": "a@example.com"},
    "ph": {"phone": "+12125550123"},
    "fn": {"first_name": "Erika"},
    "ln": {"last_name": "Mustermann"},
    "country": {"country": "DE"},
    "client_ip_address": {"ip_address": "203.0.113.7"},
    "client_user_agent": {"user_agent": "Mozilla"},
}
COOKIES = {"fbc": "fb.1.1790000000000.Iw", "fbp": "fb.1.1790000000000.1"}


@pytest.mark.parametrize("chosen", [c for size in range(4) for c in itertools.combinations([*PARTS, *COOKIES], size)])
def test_nothing_thin_is_sent(chosen: tuple[str, ...]) -> None:
    """Whatever passes `missing` is not thin by Meta's rule, even without the external id that we add."""
    values: dict[str, Any] = {}
    for name in chosen:
        values |= PARTS.get(name, {})
    ids = {name: COOKIES[name] for name in chosen if name in COOKIES}
    someone = LeadData(lead_id=1, created_at=NOON, ids=ids, **values)
    keys = set(sent(event(someone, "meta"))["user_data"]) - {"external_id"}
    assert keys == set(chosen)
    lacking = META.missing(someone, {})
    if not lacking:
        assert not any(keys <= thin for thin in THIN)
    else:
        assert [warning.field for warning in lacking] == ["user_data"]
        assert not keys & {"em", "ph", "fbc", "fbp"}


def test_our_external_id_alone_is_no_match() -> None:
    assert META.missing(LeadData(lead_id=1, created_at=NOON), {})


def test_names_that_are_only_punctuation_do_not_count() -> None:
    assert META.missing(LeadData(lead_id=1, created_at=NOON, first_name="-", last_name="."), {})


def test_denied_user_data_leaves_no_external_id_either() -> None:
    stripped = LeadData(lead_id=1, created_at=NOON, ids={"fbc": COOKIES["fbc"]}, consent={"ad_user_data": "denied"})
    assert sent(event(stripped, "meta"))["user_data"] == {"fbc": COOKIES["fbc"]}


def test_window_of_seven_days() -> None:
    found = META.window(event(slug="meta", happened_at=NOON + DAY + 999_999), {})
    assert found == Window(NOON, NOON + 8 * DAY - HOUR // 60)


def refusal(code: int, subcode: int | None = None, *, status: int = 400, **more: Any) -> Any:
    """An error as the Graph API words it."""
    error = {"message": "(#100) Invalid parameter", "type": "OAuthException", "code": code, "fbtrace_id": "AbC", **more}
    return answer(status, {"error": error if subcode is None else {**error, "error_subcode": subcode}})


REJECTED = [(100, 2804001), (100, 2804003), (100, 2804007), (100, 2804009), (100, 2804016), (100, 2804017)]
REJECTED += [(100, 2804019), (100, 2804048), (100, 2804050)]


@pytest.mark.parametrize(("code", "subcode"), REJECTED)
def test_rejected_by_subcode(code: int, subcode: int) -> None:
    verdict = META.read(refusal(code, subcode), 1000)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}
    assert (verdict.outcome.kind, verdict.outcome.code) == ("rejected", f"{code}/{subcode}")
    assert verdict.outcome.reference == "AbC"


@pytest.mark.parametrize(("code", "subcode"), [(100, None), (100, 1487000), (105, None), (506, None)])
def test_rejected_by_code(code: int, subcode: int | None) -> None:
    verdict = META.read(refusal(code, subcode), 1000)
    assert isinstance(verdict, Refused)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("rejected", str(code))


CREDENTIALS = [(190, None, "190"), (190, 999, "190"), (102, None, "102")]
CREDENTIALS += [(190, subcode, f"190/{subcode}") for subcode in (458, 459, 460, 463, 464, 467)]


@pytest.mark.parametrize(("code", "subcode", "key"), CREDENTIALS)
@pytest.mark.parametrize("status", [400, 401])
def test_held_for_credentials(code: int, subcode: int | None, key: str, status: int) -> None:
    verdict = META.read(refusal(code, subcode, status=status), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "credentials", "destination", key)


CONFIGURATION = [(3, None, "3"), (10, None, "10"), (200, None, "200-299"), (294, None, "200-299"), (803, None, "803")]


@pytest.mark.parametrize(("code", "subcode", "key"), [*CONFIGURATION, (100, 33, "100/33")])
def test_held_for_configuration(code: int, subcode: int | None, key: str) -> None:
    verdict = META.read(refusal(code, subcode, status=403), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "configuration", "destination", key)


RETRIED = {str(code): code for code in (1, 2, 21009, 368, 4, 17, 32, 341, 613)}


@pytest.mark.parametrize(
    ("key", "code"), [*RETRIED.items(), ("80000-80014", 80000), ("80000-80014", 80003), ("80000-80014", 80014)]
)
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_retried(key: str, code: int, status: int) -> None:
    verdict = META.read(refusal(code, status=status), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.scope, found.code) == ("retry", "destination", key)


@pytest.mark.parametrize(("code", "subcode"), [(100, 2804003), (100, None), (77777, None)])
def test_what_meta_calls_transient_is_retried(code: int, subcode: int | None) -> None:
    verdict = META.read(refusal(code, subcode, is_transient=True), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("retry", "transient")


def test_every_row_is_covered() -> None:
    keys = {f"{code}/{subcode}" for code, subcode in REJECTED} | {"100", "105", "506", "transient", "100/33"}
    keys |= {key for _, _, key in [*CREDENTIALS, *CONFIGURATION]} | set(RETRIED) | {"80000-80014"}
    assert set(CODES) - set(HTTP_CODES) == keys | {"check_ok", "not_received"}


def test_a_pause_that_meta_names() -> None:
    response = answer(400, {"error": {"code": 4}}, {"retry-after": "42"})
    assert outcomes(META.read(response, 3))[0].retry_after_s == 42


@pytest.mark.parametrize(
    ("status", "code", "kind", "hold"),
    [
        (400, "unexpected", "rejected", None),
        (401, "190", "hold", "credentials"),
        (403, "10", "hold", "configuration"),
        (404, "unexpected", "rejected", None),
        (429, "rate_limited", "retry", None),
        (503, "server_error", "retry", None),
        (302, "unreadable", "unknown", None),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"error":{"code":77777}}'])
def test_statuses_with_a_body_that_is_new(status: int, code: str, kind: str, hold: str | None, body: bytes) -> None:
    found = outcomes(META.read(answer(status, body), 3))[0]
    assert (found.code, found.kind, found.hold) == (code, kind, hold)


def test_accepted() -> None:
    verdict = META.read(answer(200, {"events_received": 3, "messages": ["Take note."], "fbtrace_id": "T1"}), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.code, found.reference, found.detail) == ("accepted", "ok", "T1", "Take note.")


@pytest.mark.parametrize("received", [0, 1, 2])
def test_fewer_received_than_sent_is_looked_into(received: int) -> None:
    verdict = META.read(answer(200, {"events_received": received, "messages": [], "fbtrace_id": "T1"}), 3)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}
    assert (verdict.outcome.code, verdict.outcome.kind) == ("not_received", "rejected")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"events_received":null}'])
def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    assert outcomes(META.read(answer(200, body), 3))[0].kind == "unknown"


@given(
    st.sampled_from([200, 400, 401, 403, 404, 429, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "events_received": st.integers() | st.none() | st.text(max_size=3),
            "messages": st.lists(st.text(max_size=5) | st.integers(), max_size=3) | st.none(),
            "error": st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "code": st.integers() | st.text(max_size=3),
                    "error_subcode": st.integers() | st.none(),
                    "is_transient": st.booleans() | st.none(),
                    "message": st.text(max_size=9) | st.none(),
                },
            ),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(META.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_reads_the_dataset() -> None:
    request = META.check(SETTINGS["meta"], None)
    assert request.url == "https://graph.facebook.com/v25.0/123456789012345?fields=id,name"
    assert (request.method, request.body) == ("GET", b"")
    assert request.headers == {"authorization": "Bearer hush-meta"}
    assert META.read_check(answer(200, {"id": "123", "name": "Site"})).code == "check_ok"
    assert META.read_check(answer(200, b"{}")).code == "unreadable"
    assert META.read_check(refusal(190, status=401)).hold == "credentials"
    assert META.read_check(refusal(100, 33)).hold == "configuration"


def test_a_thousand_events_keep_their_order() -> None:
    events = [event(slug="meta", event_id=f"lt-{number}") for number in range(1000)]
    found = json.loads(META.build(events, SETTINGS["meta"], None).body)["data"]
    assert [one["event_id"] for one in found] == [f"lt-{number}" for number in range(1000)]
