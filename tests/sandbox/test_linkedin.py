"""LinkedIn's emulator: each stimulus that was measured at the real endpoint, or is documented, and its answer."""

from typing import Any

import pytest

from .client import DAY, NOW, SECOND, Client, LinkedInApi, digest

HASH = digest("a@example.com")
NOW_MS = NOW // 1000
DAY_MS = DAY // 1000
MISSING = "field is required but not found and has no default value"
UNKNOWN = "unrecognized field found but not allowed"


def user(*ids: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """A user with these ids."""
    return {"userIds": [{"idType": kind, "idValue": value} for kind, value in ids], **more}


EMAIL = ("SHA256_EMAIL", HASH)


def flags(api: LinkedInApi) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in api.client.last("linkedin")["flags"]]


def test_a_single_event_is_201_without_a_body(linkedin: LinkedInApi) -> None:
    reply = linkedin.single(linkedin.event(conversionValue={"currencyCode": "EUR", "amount": "19.90"}))
    assert (reply.status, reply.content, reply.headers["Content-Length"]) == (201, b"", "0")
    (row,) = linkedin.client.last("linkedin")["accepted"]
    assert (row["key"], row["scope"], row["value"], row["currency"]) == ("lt_1", "104012", 19.9, "EUR")
    assert row["event_at"] == NOW - 3600 * SECOND
    assert flags(linkedin) == []


def test_a_batch_is_200_with_a_status_for_each(linkedin: LinkedInApi) -> None:
    reply = linkedin.send(linkedin.event(), linkedin.event(eventId="lt_2"))
    assert (reply.status, reply.json) == (200, {"elements": [{"status": 201}, {"status": 201}]})
    assert [row["key"] for row in linkedin.client.last("linkedin")["accepted"]] == ["lt_1", "lt_2"]


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"unknownFieldXyz": 1}, "/unknownFieldXyz", UNKNOWN),
    ({"conversion": None}, "/conversion", MISSING),
    ({"conversionHappenedAt": None}, "/conversionHappenedAt", MISSING),
    ({"user": None}, "/user", MISSING),
    ({"user": {"lead": "urn:li:leadGenFormResponse:1"}}, "/user/userIds", MISSING),
    ({"user": user(("PHONE", "x"))}, "/user/userIds/0/idType", '"PHONE" is not an enum symbol'),
    ({"user": {"userIds": [{"idType": "SHA256_EMAIL"}]}}, "/user/userIds/0/idValue", MISSING),
    ({"conversion": "urn:li:conversion:1"}, "/conversion", "Invalid Urn format. Invalid prefix."),
    ({"user": user(EMAIL, lead="urn:li:lead:1")}, "/user/lead", "Invalid Urn format. Invalid prefix."),
    (
        {"conversionValue": {"currencyCode": "EUR", "amount": 19.9}},
        "/conversionValue/amount",
        "19.9 cannot be coerced to String",
    ),
    ({"conversionValue": {"currencyCode": "EUR"}}, "/conversionValue/amount", MISSING),
    ({"conversionValue": {"amount": "5"}}, "/conversionValue/currencyCode", MISSING),
    ({"conversionHappenedAt": "now"}, "/conversionHappenedAt", "now cannot be coerced to Long"),
    ({"eventId": 5}, "/eventId", "5 cannot be coerced to String"),
    ({"user": user(EMAIL, userInfo={"firstName": "a"})}, "/user/userInfo/lastName", MISSING),
    ({"user": user(EMAIL, phone="x")}, "/user/phone", UNKNOWN),
    ({"user": user(EMAIL, externalIds="x")}, "/user/externalIds", "x cannot be coerced to Array"),
]


@pytest.mark.parametrize(("changes", "path", "said"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_form_is_422_with_its_path(
    linkedin: LinkedInApi, changes: dict[str, Any], path: str, said: str
) -> None:
    reply = linkedin.single(linkedin.event(**changes))
    assert (reply.status, reply.json) == (422, {"message": f"ERROR :: {path} :: {said}", "status": 422})
    assert linkedin.client.last("linkedin")["accepted"] == []


def test_the_validator_collects_and_a_batch_names_its_events(linkedin: LinkedInApi) -> None:
    bad = linkedin.event(conversion="x", foo=1)
    one = linkedin.single(bad).json["message"]
    assert one == f"ERROR :: /foo :: {UNKNOWN}\nERROR :: /conversion :: Invalid Urn format. Invalid prefix."
    reply = linkedin.send(linkedin.event(), bad, linkedin.event(), linkedin.event(user=None))
    assert reply.status == 422
    assert reply.json["message"] == f"Index: 1, {one}\nIndex: 3, ERROR :: /user :: {MISSING}"
    assert linkedin.client.last("linkedin")["accepted"] == []


def test_hashed_names_belong_to_202609_and_later(linkedin: LinkedInApi) -> None:
    hashed = linkedin.event(user=user(userInfo={"hashedFirstName": HASH, "hashedLastName": HASH}))
    mixed = linkedin.event(user=user(userInfo={"firstName": "a", "hashedLastName": HASH}))
    assert [linkedin.single(one).status for one in (hashed, mixed)] == [201, 201]
    before = linkedin.single(hashed, linkedin_version="202608")
    assert before.status == 422
    assert f"/user/userInfo/hashedFirstName :: {UNKNOWN}" in before.json["message"]
    assert f"/user/userInfo/firstName :: {MISSING}" in before.json["message"]
    plain = linkedin.event(user=user(userInfo={"firstName": "a", "lastName": "b"}))
    assert [linkedin.single(plain, linkedin_version=version).status for version in ("202608", "202609")] == [201, 201]


def test_an_unknown_rule_is_a_misleading_403(linkedin: LinkedInApi) -> None:
    linkedin.client.set("linkedin", unknown_rules=["104012"])
    reply = linkedin.send()
    assert (reply.status, reply.json) == (403, {"message": "No ad accounts found", "status": 403})
    linkedin.client.set("linkedin", unknown_rules=[], rules=["7"])
    assert linkedin.send().status == 403
    assert linkedin.send(linkedin.event(conversion="urn:lla:llaPartnerConversion:7")).status == 200


@pytest.mark.parametrize("at", [NOW_MS - 90 * DAY_MS - 1, NOW_MS + 1, 0, NOW_MS // 1000])
def test_a_wrong_time_is_400_and_names_the_indices(linkedin: LinkedInApi, at: int) -> None:
    reply = linkedin.send(linkedin.event(), linkedin.event(conversionHappenedAt=at), linkedin.event())
    assert (reply.status, reply.json["status"]) == (400, 400)
    assert reply.json["message"] == (
        "Conversion time should be within 90 days and not exceed current time, indices [1] (0-indexed)."
    )


@pytest.mark.parametrize("at", [NOW_MS - 90 * DAY_MS, NOW_MS])
def test_the_ends_of_the_window_belong_to_it(linkedin: LinkedInApi, at: int) -> None:
    assert linkedin.single(linkedin.event(conversionHappenedAt=at)).status == 201


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("wrong_method_rules", "method should be CONVERSIONS_API"),
        ("deleted_rules", "marked as deleted. Conversion enabled should be true"),
    ],
)
def test_a_rule_that_takes_nothing_is_400_for_its_events(linkedin: LinkedInApi, setting: str, words: str) -> None:
    linkedin.client.set("linkedin", **{setting: ["9"]})
    other = linkedin.event(conversion="urn:lla:llaPartnerConversion:9")
    reply = linkedin.send(other, linkedin.event(), other)
    assert reply.status == 400
    assert words in reply.json["message"]
    assert "indices [0, 2]" in reply.json["message"]


def test_without_a_version_it_is_400_from_the_gateway(linkedin: LinkedInApi) -> None:
    reply = linkedin.send(linkedin_version=None)
    assert (reply.status, reply.json["code"], reply.json["status"]) == (400, "VERSION_MISSING", 400)
    assert reply.headers["X-Restli-Gateway-Error"]


@pytest.mark.parametrize("version", ["202512", "202406", "2026", "soon", "202607"])
def test_a_version_that_is_not_there_is_426(linkedin: LinkedInApi, version: str) -> None:
    linkedin.client.set("linkedin", retired_versions=["202607"])
    reply = linkedin.send(linkedin_version=version)
    assert (reply.status, reply.json["code"]) == (426, "NONEXISTENT_VERSION")


def test_versions_end_on_their_day(linkedin: LinkedInApi) -> None:
    linkedin.client.set("sandbox", clock_offset_s=52 * 86_400)
    assert linkedin.send(linkedin_version="202601").status == 200
    linkedin.client.set("sandbox", clock_offset_s=53 * 86_400)
    assert linkedin.send(linkedin_version="202601").status == 426
    assert linkedin.send(linkedin_version="202611").status == 200
    assert ("unknown_version", "") in flags(linkedin)


@pytest.mark.parametrize(
    ("token", "number", "code"),
    [
        ("Bearer bad-1", 65600, "INVALID_ACCESS_TOKEN"),
        (None, 65600, "INVALID_ACCESS_TOKEN"),
        ("Bearer listed", 65600, "INVALID_ACCESS_TOKEN"),
        ("Bearer revoked-1", 65601, "REVOKED_ACCESS_TOKEN"),
        ("Bearer withdrawn", 65601, "REVOKED_ACCESS_TOKEN"),
    ],
)
def test_a_bad_token_is_401_with_four_fields(linkedin: LinkedInApi, token: str | None, number: int, code: str) -> None:
    linkedin.client.set("linkedin", bad_tokens=["listed"], revoked_tokens=["withdrawn"])
    reply = linkedin.send(authorization=token)
    assert reply.status == 401
    assert set(reply.json) == {"status", "serviceErrorCode", "code", "message"}
    assert (reply.json["serviceErrorCode"], reply.json["code"]) == (number, code)


NONSENSE: list[tuple[dict[str, Any], str, str]] = [
    ({"conversionValue": {"currencyCode": "EURO", "amount": "5"}}, "bad_currency", "conversionValue.currencyCode"),
    ({"conversionValue": {"currencyCode": "EUR", "amount": "much"}}, "bad_value", "conversionValue.amount"),
    ({"user": user(("PLAINTEXT_IP_ADDRESS", "999.999.999.999"))}, "bad_identifier", "user.userIds[0].idValue"),
    ({"user": user(("PLAINTEXT_IP_ADDRESS", "2001:db8::1"))}, "bad_identifier", "user.userIds[0].idValue"),
    ({"user": user(("SHA256_EMAIL", "a@example.com"))}, "bad_identifier", "user.userIds[0].idValue"),
    ({"user": user(("SHA256_EMAIL", HASH.upper()))}, "bad_identifier", "user.userIds[0].idValue"),
    (
        {"user": user(userInfo={"firstName": "a", "lastName": "b", "hashedLastName": "b"})},
        "bad_identifier",
        "user.userInfo.hashedLastName",
    ),
    ({"user": user(EMAIL, externalIds=["a", "b"])}, "many_external_ids", "user.externalIds"),
    (
        {"user": user(userInfo={"firstName": "a", "lastName": "b", "countryCode": "DEU"})},
        "bad_country",
        "user.userInfo.countryCode",
    ),
    ({"eventId": None}, "no_event_id", "eventId"),
]


@pytest.mark.parametrize(("changes", "code", "field"), NONSENSE)
def test_values_that_mean_nothing_are_taken_and_flagged(
    linkedin: LinkedInApi, changes: dict[str, Any], code: str, field: str
) -> None:
    assert linkedin.send(linkedin.event(**changes)).status == 200
    assert (code, f"elements[0].{field}") in flags(linkedin)
    assert len(linkedin.client.last("linkedin")["accepted"]) == 1


@pytest.mark.parametrize(
    ("person", "is_enough"),
    [
        (user(EMAIL), True),
        (user(("LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "x")), True),
        (user(("ACXIOM_ID", "x")), True),
        (user(("PLAINTEXT_IP_ADDRESS", "203.0.113.7")), True),
        (user(("GOOGLE_AID", "x")), True),
        (user(userInfo={"firstName": "a", "lastName": "b"}), True),
        (user(externalIds=["a"]), True),
        (user(lead="urn:li:leadGenFormResponse:1"), True),
        (user(), False),
        (user(("SHA256_EMAIL", "")), False),
        (user(("SHA256_IP_ADDRESS", HASH)), False),
        (user(userInfo={"firstName": "", "lastName": "b"}), False),
        (user(externalIds=[]), False),
    ],
)
def test_somebody_must_be_named(linkedin: LinkedInApi, person: dict[str, Any], is_enough: bool) -> None:
    reply = linkedin.send(linkedin.event(), linkedin.event(user=person))
    assert reply.status == (200 if is_enough else 400)
    assert is_enough or "indices [1]" in reply.json["message"]


def test_what_is_not_documented_is_a_setting(linkedin: LinkedInApi) -> None:
    linkedin.client.set("linkedin", hashed_ip_is_enough=True, element_statuses={"b": 422}, max_age_days=1, future_s=60)
    events = [linkedin.event(eventId=key, user=user(("SHA256_IP_ADDRESS", HASH))) for key in "abc"]
    reply = linkedin.send(*events)
    assert [one["status"] for one in reply.json["elements"]] == [201, 422, 201]
    assert [row["key"] for row in linkedin.client.last("linkedin")["accepted"]] == ["a", "c"]
    assert linkedin.send(linkedin.event(conversionHappenedAt=NOW_MS - 2 * DAY_MS)).status == 400
    assert linkedin.send(linkedin.event(conversionHappenedAt=NOW_MS + 60_000)).status == 200


def test_the_limits_and_the_form_of_a_batch(linkedin: LinkedInApi) -> None:
    assert linkedin.send(*[linkedin.event()] * 5001).status == 400
    assert linkedin.send(*[linkedin.event(eventId=str(n)) for n in range(5000)]).status == 200
    bodies: list[object] = [b"{", [], {"elements": []}, {"elements": [1], "x": 1}]
    assert [linkedin.post(body).status for body in bodies] == [400] * 4
    assert linkedin.send("no event").status == 422
    assert (
        linkedin.client.call("POST", f"{LinkedInApi.PATH}?test=1", linkedin.event(), LinkedInApi.HEADERS).status == 400
    )
    assert linkedin.client.call("GET", LinkedInApi.PATH, headers=LinkedInApi.HEADERS).status == 404


def test_what_is_only_advised_is_flagged(linkedin: LinkedInApi) -> None:
    assert linkedin.send(x_restli_protocol_version=None).status == 200
    assert flags(linkedin) == [("no_protocol_version", "")]


def test_a_fault_refuses_one_event_with_or_without_its_index(linkedin: LinkedInApi) -> None:
    linkedin.client.fault({"destination": "linkedin", "reject_event": 1})
    assert (
        linkedin.send(linkedin.event(eventId="a"), linkedin.event(eventId="b")).json["message"].startswith("Index: 1, ")
    )
    linkedin.client.call("DELETE", "/_sandbox/faults")
    linkedin.client.fault({"destination": "linkedin", "reject_event": 1, "named": False})
    reply = linkedin.send(linkedin.event(eventId="a"), linkedin.event(eventId="b"))
    assert (reply.status, "Index" in reply.json["message"]) == (422, False)


def test_the_rules_of_an_account_are_made_and_listed(sandbox: Client) -> None:
    account = "urn:li:sponsoredAccount:5"
    path = "/linkedin/rest/conversions?q=account&account=urn%3Ali%3AsponsoredAccount%3A5"
    rule = {"account": account, "name": "Won", "conversionMethod": "CONVERSIONS_API", "type": "LEAD"}
    made = sandbox.call("POST", "/linkedin/rest/conversions", rule, headers=LinkedInApi.HEADERS)
    assert made.status == 201
    reply = sandbox.call("GET", path, headers=LinkedInApi.HEADERS)
    assert (reply.status, [rule["name"] for rule in reply.json["elements"]]) == (200, ["Won"])
    assert sandbox.call("GET", path).json["code"] == "VERSION_MISSING"
    assert sandbox.call("GET", path.replace("sponsoredAccount", "x"), headers=LinkedInApi.HEADERS).status == 400
    sandbox.set("linkedin", no_access=["5"])
    assert sandbox.call("GET", path, headers=LinkedInApi.HEADERS).status == 403
    sandbox.call("DELETE", "/_sandbox/ledger")
    sandbox.set("linkedin", no_access=[])
    assert sandbox.call("GET", path, headers=LinkedInApi.HEADERS).json["elements"] == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_faults_speak_linkedins_form(linkedin: LinkedInApi, status: int) -> None:
    linkedin.client.fault({"destination": "linkedin", "status": status})
    reply = linkedin.send()
    assert (reply.status, reply.json["status"]) == (status, status)
    assert reply.json["message"]
