"""Google Ads: the exact bytes of typical events, and which leads it takes. Rules: Data Manager API, `events:ingest`."""

import itertools
import json
from typing import Any

import pytest

from leadtrackr.destinations.contract import Window
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.registry import validate_settings
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, sha


def sent(of: Any = None, **settings: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(GOOGLE_ADS, of or event(), **settings)["events"][0]
    return found


def test_the_whole_request() -> None:
    request = GOOGLE_ADS.build([event()], SETTINGS["google_ads"], "tok")
    email = sha("erika.mustermann@example.de")
    phone = sha("+493012345678")
    item = (
        '{"transactionId":"lt-abcdefghijklmnopqrstuvwxyz","eventTimestamp":"2026-11-21T12:00:00Z","eventSource":"WEB",'
        '"adIdentifiers":{"gclid":"Cj0KCQ_AbC-123"},'
        f'"userData":{{"userIdentifiers":[{{"emailAddress":"{email}"}},{{"phoneNumber":"{phone}"}}]}},'
        '"consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_DENIED"},'
        '"conversionValue":50.00,"currency":"EUR"}'
    )
    body = (
        '{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},'
        '"loginAccount":{"accountType":"GOOGLE_ADS","accountId":"9876543210"},"productDestinationId":"987654321"}],'
        f'"encoding":"HEX","events":[{item}]}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == body.encode()
    assert request.url == "https://datamanager.googleapis.com/v1/events:ingest"
    assert (request.service, request.method) == ("google_ads", "POST")
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer tok"}


def test_without_a_manager() -> None:
    settings = {name: value for name, value in SETTINGS["google_ads"].items() if name != "login_account"}
    request = GOOGLE_ADS.build([event()], settings, "tok")
    assert set(json.loads(request.body)["destinations"][0]) == {"operatingAccount", "productDestinationId"}


@pytest.mark.parametrize("present", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("user_data", ["yes", "no"])
def test_exactly_one_click_id(present: tuple[bool, ...], user_data: str) -> None:
    names = ("gclid", "gbraid", "wbraid")
    ids = {name: f"{name}-VaLuE" for name, there in zip(names, present, strict=True) if there}
    someone = lead(ids=ids)
    found = sent(event(someone), user_data=user_data)
    first = next((name for name in names if name in ids), None)
    if first is None:
        assert "adIdentifiers" not in found
        assert bool(GOOGLE_ADS.missing(someone, {"user_data": user_data})) == (user_data == "no")
    else:
        assert found["adIdentifiers"] == {first: f"{first}-VaLuE"}
        assert GOOGLE_ADS.missing(someone, {"user_data": user_data}) == ()
    assert ("userData" in found) == (user_data == "yes")


@pytest.mark.parametrize(
    ("email", "phone", "identifiers"),
    [
        ("erika@example.de", "+493012345678", [{"emailAddress": "erika@example.de"}, {"phoneNumber": "+493012345678"}]),
        ("jan@example.nl", "+31201234567", [{"emailAddress": "jan@example.nl"}, {"phoneNumber": "+31201234567"}]),
        (
            "j.smith+a@gmail.com",
            "+442071838750",
            [{"emailAddress": "jsmith@gmail.com"}, {"phoneNumber": "+442071838750"}],
        ),
        (None, "+12125550123", [{"phoneNumber": "+12125550123"}]),
        ("taro@example.jp", None, [{"emailAddress": "taro@example.jp"}]),
        (None, None, None),
    ],
)
def test_user_data(email: str | None, phone: str | None, identifiers: list[dict[str, str]] | None) -> None:
    found = sent(event(lead(email=email, phone=phone))).get("userData")
    hashed = [{name: sha(text) for name, text in one.items()} for one in identifiers or ()]
    assert found == ({"userIdentifiers": hashed} if identifiers else None)


def test_names_and_ip_addresses_never_leave() -> None:
    text = GOOGLE_ADS.build([event()], SETTINGS["google_ads"], "tok").body.decode().lower()
    for word in ("erika", "mustermann", sha("erika"), "203.0.113.7", 'address":{', "ipaddress", "muster"):
        assert word not in text


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        ({}, None),
        ({"ad_storage": "granted", "analytics_storage": "denied"}, None),
        ({"ad_user_data": "granted"}, {"adUserData": "CONSENT_GRANTED"}),
        ({"ad_user_data": "denied"}, {"adUserData": "CONSENT_DENIED"}),
        ({"ad_personalization": "denied"}, {"adPersonalization": "CONSENT_DENIED"}),
        (
            {"ad_user_data": "granted", "ad_personalization": "granted"},
            {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        ),
        ({"ad_user_data": "maybe"}, None),
    ],
)
def test_consent_is_sent_as_recorded(consent: dict[str, str], said: dict[str, str] | None) -> None:
    assert sent(event(lead(consent=consent))).get("consent") == said


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [
        (5000, "EUR", b"50.00"),
        (5000, "JPY", b"5000"),
        (5000, "KWD", b"5.000"),
        (1999, "USD", b"19.99"),
        (0, "GBP", b"0.00"),
    ],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    request = GOOGLE_ADS.build([event(value_cents=cents, currency=currency)], SETTINGS["google_ads"], "t")
    assert b'"conversionValue":' + text + b',"currency":"' + currency.encode() + b'"}' in request.body


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None), (5000, "")])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    found = sent(event(value_cents=cents, currency=currency))
    assert "conversionValue" not in found
    assert "currency" not in found


def test_the_time_is_never_before_the_lead() -> None:
    assert sent(event(happened_at=NOON - DAY))["eventTimestamp"] == "2026-11-20T12:00:00Z"


def test_click_ids_are_byte_exact() -> None:
    odd = 'Cj0KCQ"\\é~' + "x" * 500
    assert sent(event(lead(ids={"gclid": odd})))["adIdentifiers"] == {"gclid": odd}


@pytest.mark.parametrize(
    ("ids", "hours", "days"),
    [({"gclid": "g"}, "6", 90), ({"wbraid": "w"}, "0", 90), ({}, "6", 63), ({"fbc": "f"}, "24", 63)],
)
def test_window(ids: dict[str, str], hours: str, days: int) -> None:
    found = GOOGLE_ADS.window(event(lead(ids=ids)), {"click_age_hours": hours})
    assert found == Window(NOON + int(hours) * HOUR, NOON + days * DAY)


def test_missing_names_the_click_id() -> None:
    (warning,) = GOOGLE_ADS.missing(lead(ids={"fbc": "x"}, email=None, phone=None), {"user_data": "yes"})
    assert warning.field == "gclid"
    assert "e-mail" in warning.reason
    (warning,) = GOOGLE_ADS.missing(lead(ids={}), {})
    assert warning.field == "gclid"


def test_the_check_stores_nothing_and_names_nobody() -> None:
    request = GOOGLE_ADS.check(SETTINGS["google_ads"], "tok")
    body = json.loads(request.body)
    assert body["validateOnly"] is True
    assert body["destinations"][0]["operatingAccount"]["accountId"] == "1234567890"
    assert request.url == "https://datamanager.googleapis.com/v1/events:ingest"
    assert "userData" not in body["events"][0]


def test_the_check_is_content_with_a_complaint_about_its_sample() -> None:
    violation = {"field": "destinations[0].product_destination_id", "reason": "INVALID_CONVERSION_ACTION_ID"}
    assert GOOGLE_ADS.read_check(_refusal(violation)).code == "check_ok"
    in_event = {"field": "events.events[0].ad_identifiers.gclid", "reason": "INVALID_FORMAT"}
    assert GOOGLE_ADS.read_check(_refusal(in_event)).code == "check_ok"
    assert GOOGLE_ADS.read_check(answer(200, {"requestId": "v-1"})).code == "check_ok"
    account = {"field": "destinations[0].operating_account.account_id", "reason": "INVALID_FORMAT"}
    assert GOOGLE_ADS.read_check(_refusal(account)).hold == "configuration"
    assert GOOGLE_ADS.read_check(answer(401, {"error": {"message": "no"}})).code == "token_expired"


def _refusal(*violations: dict[str, str]) -> Any:
    return answer(400, {"error": {"code": 400, "details": [{"fieldViolations": list(violations)}]}})


def test_two_thousand_events_keep_their_order() -> None:
    events = [event(event_id=f"lt-{number}") for number in range(2000)]
    request = GOOGLE_ADS.build(events, validate_settings(GOOGLE_ADS, SETTINGS["google_ads"]), "t")
    found = json.loads(request.body)["events"]
    assert [one["transactionId"] for one in found] == [f"lt-{number}" for number in range(2000)]
    assert [json.loads(item) for item in request.items] == found
