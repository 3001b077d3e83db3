"""What every destination keeps to, over the registry. A new one has to pass this before anything else."""

import json
import re
from collections.abc import Generator, Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    RATE_FIELDS,
    Destination,
    Event,
    Kind,
    LeadData,
    NewAction,
    Outcome,
    Request,
    Response,
    Scope,
)
from leadtrackr.destinations.normalise import NOT_HASHED
from leadtrackr.destinations.registry import DESTINATIONS, RULES, fresh_values, validate_settings
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.ids import Ids
from leadtrackr.leads.attribution import CONSENT, IDS
from tests.destinations.facts import FACTS
from tests.destinations.making import (
    ACTIONS,
    CLICK_IDS,
    DAY,
    MONEY,
    NOON,
    SETTINGS,
    TOKENS,
    answer,
    event,
    lead,
    outcomes,
    said,
)

ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
PLAIN = ["erika", "mustermann", 'example.de"', "3012345678", "muster gmbh"]
IDS_AS_SENT = ("click_id", "sc_click_id", "sc_cookie1", "uuid", "MicrosoftClickId")
HASH = re.compile(r"[0-9a-f]{64}")


def built(destination: Destination, *events: Event) -> bytes:
    """The body for these events."""
    return destination.build(events, SETTINGS[destination.slug], TOKENS[destination.slug]).body


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


leads = st.builds(
    LeadData,
    lead_id=st.integers(1, 10**12),
    created_at=st.integers(NOON - 400 * DAY, NOON),
    email=st.none() | st.sampled_from(["a@example.com", "b.c+d@gmail.com", "ü@example.de"]),
    phone=st.none() | st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True),
    first_name=st.none() | st.text(max_size=30),
    last_name=st.none() | st.text(max_size=30),
    country=st.none() | st.sampled_from(["DE", "NL", "GB", "US", "JP"]),
    ids=st.dictionaries(
        st.sampled_from(CLICK_IDS),
        st.text(min_size=1, max_size=40) | st.sampled_from(["fb.1.1790000000000.Iw", "123.456"]),
    ),
    consent=st.dictionaries(
        st.sampled_from(["ad_user_data", "ad_personalization", "ad_storage"]), st.sampled_from(["granted", "denied"])
    ),
    conversion_page=st.none() | st.text(max_size=30) | st.just("example.de/kontakt"),
    ip_address=st.none() | st.sampled_from(["203.0.113.7", "2001:db8::1"]),
    user_agent=st.none() | st.text(min_size=1, max_size=30),
)


@ALL
def test_the_declaration_is_complete(destination: Destination) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", destination.slug)
    assert destination.docs_url.startswith("https://")
    assert destination.api_version
    assert destination.about
    assert destination.window_help
    assert destination.unverified
    assert destination.event_field.pattern_help
    names = [field.name for field in destination.fields]
    assert len(set(names)) == len(names)
    assert {name for group in destination.one_of for name in group} <= set(names)
    for field in destination.fields:
        assert field.label
        assert (field.kind == "choice") == bool(field.choices)
        assert field.pattern is None or field.pattern_help
        assert field.default is None or not field.choices or field.default in field.choices
    ends = destination.api_version_ends
    assert ends is None or ends > date(2026, 11, 23)


@ALL
def test_every_destination_lets_its_limits_be_set(destination: Destination) -> None:
    assert destination.fields[-len(RATE_FIELDS) :] == RATE_FIELDS
    limits = destination.limits
    for field, period in zip(RATE_FIELDS, ("second", "minute", "day"), strict=True):
        assert field.name == f"requests_per_{period}"
        assert hasattr(limits, field.name)


@ALL
def test_what_requests_are_counted_by_is_no_secret(destination: Destination) -> None:
    own = SETTINGS[destination.slug]
    counted_by = (destination.counted_by or destination.account)(own)
    assert counted_by
    assert "hush" not in counted_by
    assert bool(destination.counted_by) == bool(destination.counted_by_help)


@ALL
def test_every_code_has_words(destination: Destination) -> None:
    assert set(HTTP_CODES) <= set(destination.codes)
    for code, row in destination.codes.items():
        assert code
        assert row.sentence.endswith(".")
        assert not row.next_step or row.next_step.endswith(".")
        assert (row.hold is not None) == (row.kind is Kind.HOLD)
        if row.kind is Kind.HOLD:
            assert row.next_step
            assert row.scope is Scope.DESTINATION


@ALL
@given(status=st.integers(100, 599), body=st.binary(max_size=60), n=st.integers(1, 5))
def test_every_answer_gives_codes_of_the_table(destination: Destination, status: int, body: bytes, n: int) -> None:
    found = [*outcomes(destination.read(answer(status, body), n)), destination.read_check(answer(status, body))]
    if destination.auth is not None and isinstance(token := destination.auth.read(answer(status, body)), Outcome):
        found.append(token)
    if destination.status is not None:
        found += said(destination.status.read(answer(status, body), n))
    for outcome in found:
        assert outcome.code in destination.codes
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


@ALL
def test_later_answers_are_declared_whole(destination: Destination) -> None:
    poll = destination.status
    if poll is None:
        return
    assert destination.codes[poll.given_up].kind is Kind.ACCEPTED
    assert 0 < poll.first_after_s < poll.give_up_after_s
    assert list(poll.again_after_s) == sorted(poll.again_after_s)
    assert poll.again_after_s[0] > 0
    request = poll.request("ref &?/1", SETTINGS[destination.slug], TOKENS[destination.slug])
    assert (request.service, request.method, request.body) == (destination.slug, "GET", b"")
    assert "hush" not in request.url
    assert "ref+%26%3F%2F1" in request.url


@ALL
@given(status=st.integers(100, 599), body=st.binary(max_size=60))
def test_validation_asks_about_the_same_event_and_is_another_request(
    destination: Destination, status: int, body: bytes
) -> None:
    validation = destination.validation
    if validation is None:
        return
    settings, token = SETTINGS[destination.slug], TOKENS[destination.slug]
    real = destination.build([event(slug=destination.slug)], settings, token)
    asked = validation.request(real)
    assert (asked.service, asked.method, asked.headers, asked.items) == (
        real.service,
        real.method,
        real.headers,
        real.items,
    )
    assert (asked.url, asked.body) != (real.url, real.body)
    assert real.items[0] in asked.body
    json.loads(asked.body)
    found = validation.read(answer(status, body))
    assert found.code in destination.codes
    assert (found.hold is not None) == (found.kind is Kind.HOLD)


@ALL
def test_taking_back_is_declared_whole(destination: Destination) -> None:
    can = destination.take_back
    assert can is not None
    assert can.sentence.endswith(".")
    assert (can.restate or can.retract) == (can.build is not None)
    # To nothing is restated where nothing better can be done.
    assert (can.restate and not can.retract) or not can.zero_setting
    assert not can.zero_setting or can.zero_setting in {field.name for field in destination.fields}
    if not can.retract:
        assert re.search(r"stays? counted", can.sentence)
    if can.build is None:
        return
    values: dict[str, Any] = {"value_cents": 9950, "currency": "EUR", "changed_at": NOON + 2 * DAY}
    restated, retracted = (
        can.build([event(slug=destination.slug, **one)], SETTINGS[destination.slug], TOKENS[destination.slug])
        for one in (values, {**values, "value_cents": None if can.retract else 0, "retracted": True})
    )
    assert (b"99.5" in restated.body) == can.restate
    assert b"99.5" not in retracted.body
    assert len(retracted.items) == 1


@ALL
def test_the_dedup_key_is_sent_and_is_no_number(destination: Destination) -> None:
    first, again = (built(destination, event(slug=destination.slug)) for _ in range(2))
    assert first == again
    if destination.natural_key:
        later = built(destination, event(slug=destination.slug, happened_at=NOON + DAY + 1_000_000))
        assert later != first
        assert built(destination, event(slug=destination.slug, event_id="lt-other")) == first
        return
    texts = [text for text in strings(json.loads(first)) if text == "lt-abcdefghijklmnopqrstuvwxyz"]
    assert len(texts) == 1
    assert not texts[0].isdigit()


@ALL
def test_no_plain_personal_data_leaves_but_what_is_masked(destination: Destination) -> None:
    request = destination.build([event(slug=destination.slug)], SETTINGS[destination.slug], TOKENS[destination.slug])
    kept = request.body.decode()
    for key in destination.masked_keys:
        kept = re.sub(rf'"{key}":"[^"]*"', "", kept)
    for plain in [*PLAIN, "203.0.113.7", "Mozilla"]:
        assert plain.lower() not in (kept + request.url).lower()


@ALL
def test_digests_are_whole_and_lower_case(destination: Destination) -> None:
    texts = list(strings(json.loads(built(destination, event(slug=destination.slug)))))
    digests = [text for text in texts if HASH.fullmatch(text)]
    rules = RULES.get(destination.slug)
    hashed = [
        kind for kind in ("email", "phone", "name", "country") if rules and getattr(rules, kind) is not NOT_HASHED
    ]
    assert len(set(digests)) >= len(hashed), "what is declared as hashed is sent"
    assert bool(digests) == bool(hashed), "what is hashed is declared"
    assert not [text for text in texts if re.fullmatch(r"[0-9a-fA-F]{40,}", text) and text not in digests]


@ALL
def test_stripped_data_never_appears(destination: Destination) -> None:
    """`ad_user_data` denied and `ad_storage` denied, as the engine strips them: neither digests nor click ids."""
    stripped = LeadData(
        lead_id=42,
        created_at=NOON,
        ids={"cid": "1.2", "sid": "3"},
        consent={"ad_user_data": "denied", "ad_storage": "denied"},
        conversion_page="example.de/kontakt",
    )
    body = built(destination, event(stripped, destination.slug)).decode()
    assert not HASH.search(body)
    for word in (*IDS_AS_SENT, *CLICK_IDS):
        assert f'"{word}"' not in body
    assert "TRACKING_UUID" not in body


@ALL
def test_secrets_are_in_no_kept_copy(destination: Destination) -> None:
    request = destination.build([event(slug=destination.slug)], SETTINGS[destination.slug], TOKENS[destination.slug])
    check = destination.check(SETTINGS[destination.slug], TOKENS[destination.slug])
    for item in (*request.items, request.body, check.body):
        assert b"hush" not in item
    addresses = [request.url, check.url]
    if destination.secret_in_query:
        assert all("hush" in address for address in addresses), "declared without need"
        addresses = [address.partition("?")[0] for address in addresses]
    assert "hush" not in "".join(addresses)


@ALL
def test_requests_go_to_the_platform_over_https(destination: Destination) -> None:
    for request in (
        destination.build([event(slug=destination.slug)], SETTINGS[destination.slug], TOKENS[destination.slug]),
        destination.check(SETTINGS[destination.slug], TOKENS[destination.slug]),
    ):
        assert request.service == destination.slug
        assert re.fullmatch(r"https://[a-z0-9.-]+\.com/\S+", request.url)
        assert all(name == name.lower() for name in request.headers)
        assert not any("\n" in value or "\r" in value for value in request.headers.values())


@ALL
def test_a_full_batch_of_long_events_keeps_the_limits(destination: Destination) -> None:
    long = "x" * 1500
    someone = lead(
        ids={
            **dict.fromkeys(CLICK_IDS, long),
            "cid": "1.2",
            "fbc": f"fb.1.1.{long}",
            "fbp": f"fb.1.1.{long}",
        },
        conversion_page=f"example.de/{long}",
        user_agent="Mozilla " + "u" * 400,
    )
    events = [event(someone, destination.slug, event_id=f"lt-{n}") for n in range(destination.limits.batch_events)]
    request = destination.build(events, SETTINGS[destination.slug], TOKENS[destination.slug])
    assert len(request.items) == len(events)
    assert len(request.body) <= destination.limits.batch_bytes
    assert all(item in request.body for item in request.items[:3])


@ALL
@settings(deadline=None)
@given(someone=leads)
def test_what_is_not_missing_can_be_built_and_is_json(destination: Destination, someone: LeadData) -> None:
    lacking = destination.missing(someone, SETTINGS[destination.slug])
    assert {warning.field for warning in lacking} <= {*destination.identifiers, *destination.also_needed}
    assert all(warning.reason.endswith(".") for warning in lacking)
    if not lacking:
        json.loads(built(destination, event(someone, destination.slug)))


@ALL
def test_nothing_to_match_is_missing(destination: Destination) -> None:
    lacking = destination.missing(LeadData(lead_id=1, created_at=NOON), SETTINGS[destination.slug])
    assert bool(lacking) == bool(destination.identifiers)


@ALL
@given(someone=leads)
def test_planning_needs_no_secret(destination: Destination, someone: LeadData) -> None:
    """The planner judges leads without decrypting anything, and comes to the same result."""
    public = {field.name for field in destination.fields if not field.secret}
    known = {name: value for name, value in SETTINGS[destination.slug].items() if name in public}
    one = event(someone, destination.slug)
    assert destination.missing(someone, known) == destination.missing(someone, SETTINGS[destination.slug])
    assert destination.window(one, known) == destination.window(one, SETTINGS[destination.slug])
    assert destination.account(known) == destination.account(SETTINGS[destination.slug])


@ALL
@given(someone=leads, after=st.integers(-DAY, 100 * DAY))
def test_the_window_never_opens_before_the_lead(destination: Destination, someone: LeadData, after: int) -> None:
    one = event(someone, destination.slug, happened_at=someone.created_at + after)
    window = destination.window(one, SETTINGS[destination.slug])
    assert window.opens_at >= someone.created_at
    assert window.closes_at > window.opens_at


@ALL
@given(cents=st.none() | st.integers(0, 10**12), currency=st.none() | st.sampled_from(["EUR", "JPY", "KWD", "USD"]))
def test_a_value_never_goes_without_a_currency(
    destination: Destination, cents: int | None, currency: str | None
) -> None:
    body = built(destination, event(slug=destination.slug, value_cents=cents, currency=currency))
    value_key, currency_key = (f'"{key}":'.encode() for key in MONEY[destination.slug])
    assert (value_key in body) == (currency_key in body) == (cents is not None and currency is not None)


@ALL
def test_an_unknown_currency_is_never_guessed(destination: Destination) -> None:
    with pytest.raises(ValueError, match="no ISO 4217 currency code"):
        built(destination, event(slug=destination.slug, currency="ABC"))


@ALL
def test_the_event_field_takes_the_action_that_is_sent(destination: Destination) -> None:
    assert re.fullmatch(destination.event_field.pattern or "", ACTIONS[destination.slug])
    assert ACTIONS[destination.slug] in built(destination, event(slug=destination.slug)).decode()


@ALL
def test_what_is_made_up_is_a_secret_that_is_right_and_new_each_time(destination: Destination) -> None:
    first, second = fresh_values(destination, Ids()), fresh_values(destination, Ids())
    assert set(first) <= {field.name for field in destination.fields if field.secret and field.required}
    assert not set(first.values()) & set(second.values())
    settings = {**SETTINGS[destination.slug], **first}
    assert validate_settings(destination, settings) == settings


@ALL
def test_a_token_is_asked_for_without_logging_it(destination: Destination) -> None:
    if destination.auth is None:
        return
    rotates, entered = destination.auth.rotates, destination.auth.entered
    asks_with = {"client_id": "app", "client_secret": "hush-client", rotates: "hush-refresh"} if entered else {}
    settings = {name: value for name, value in SETTINGS[destination.slug].items() if not entered or name != entered}
    request = destination.auth.request({**settings, **asks_with}, NOON)
    assert request.items == ()
    assert "hush" not in request.url
    assert b"hush" in request.body
    if entered:
        assert destination.auth.given(SETTINGS[destination.slug]) == SETTINGS[destination.slug][entered]
        assert destination.auth.given(settings) is None
    with pytest.raises(InvalidInput):
        destination.auth.request({}, NOON)


def test_the_tests_cover_the_registry() -> None:
    assert set(FACTS) == set(DESTINATIONS)


@ALL
def test_the_click_ids_of_its_own_are_no_others(destination: Destination) -> None:
    assert not set(destination.click_ids) & {*IDS, *CONSENT, "consent", "conversionPage"}
    others = [name for each in DESTINATIONS.values() if each is not destination for name in each.click_ids]
    assert not set(destination.click_ids) & set(others)
    assert all(re.fullmatch(r"[A-Za-z_][\w-]*", name) for name in destination.click_ids)


@ALL
def test_what_can_be_read_is_declared_whole(destination: Destination) -> None:
    names = {field.name for field in destination.fields}
    if destination.accounts is not None:
        assert "nter" in destination.accounts.by_hand
        assert {name for name in names if f"{name}=" in destination.accounts.by_hand}
    if destination.actions is not None:
        assert destination.actions.listing.by_hand.endswith(".")
        assert destination.actions.categories
        destination.actions.check(NewAction(name="New", category=destination.actions.categories[0]))
        for wrong in (
            NewAction(name=" ", category=destination.actions.categories[0]),
            NewAction(name="N", category=""),
        ):
            with pytest.raises(InvalidInput):
                destination.actions.check(wrong)


def questions(destination: Destination) -> list[Generator[Request, Response, object]]:
    """Everything that can be asked, as steps not begun."""
    known = SETTINGS[destination.slug]
    steps: list[Generator[Request, Response, object]] = []
    if destination.accounts:
        steps.append(destination.accounts.steps(known, "hush-token"))
    if destination.actions:
        steps.append(destination.actions.listing.steps(known, "hush-token"))
    if destination.standing:
        steps.append(destination.standing(known, "hush-token"))
    return steps


@ALL
def test_every_first_question_goes_to_the_platform_with_its_token(destination: Destination) -> None:
    for asked in questions(destination):
        request = next(asked)
        assert request.url.startswith("https://")
        assert "hush" not in request.url
        assert "hush" in request.headers["authorization"]
        assert not HASH.search(request.body.decode())


@ALL
@settings(max_examples=50)
@given(status=st.sampled_from([200, 201, 400, 401, 403, 404, 429, 500]), body=st.binary(max_size=40) | st.just(b"{}"))
def test_every_answer_to_a_question_is_understood_or_a_code_of_the_table(
    destination: Destination, status: int, body: bytes
) -> None:
    for asked in questions(destination):
        next(asked)
        with pytest.raises(StopIteration) as done:
            asked.send(answer(status, body))
        found = done.value.value
        if isinstance(found, Outcome):
            assert found.code in destination.codes
        else:
            assert status == 200
