"""Microsoft Advertising against the sandbox over real HTTP: what is not missing is taken, once; adjustments; tokens."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import Event, LeadData, Outcome, PerEvent, Request, Response, Token
from leadtrackr.destinations.microsoft import MICROSOFT
from leadtrackr.destinations.microsoft.oauth import read_token, token_request
from tests.destinations.making import SETTINGS, event, lead, outcomes
from tests.sandbox.client import DAY, NOW, SECOND, Client, Clock, Server

TOKEN = "sandbox-any"
CONNECTION = SETTINGS["microsoft"]
TAKE_BACK = MICROSOFT.take_back
assert TAKE_BACK is not None
assert TAKE_BACK.build is not None
adjust = TAKE_BACK.build
HOSTS = ("https://campaign.api.bingads.microsoft.com", "https://login.microsoftonline.com")


@pytest.fixture(scope="module")
def server() -> Iterator[Client]:
    """One sandbox for this file; its clock stands still."""
    running = Server(Clock())
    yield Client(running.running.port)
    running.stop()


@pytest.fixture
def microsoft(server: Client) -> Client:
    """The sandbox, empty and as at the start."""
    for path in ("/_sandbox/ledger", "/_sandbox/settings"):
        assert server.call("DELETE", path).status < 300
    return server


def send(client: Client, request: Request) -> Response:
    """A destination's request, sent to the sandbox instead."""
    (host,) = (host for host in HOSTS if request.url.startswith(host))
    path = f"/{request.service}{request.url.removeprefix(host)}"
    reply = client.call(request.method, path, request.body, {name.title(): v for name, v in request.headers.items()})
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Response(status=reply.status, headers=headers, body=reply.content)


def apply(client: Client, events: Sequence[Event], **settings: str) -> list[str]:
    """Sends conversions; the code of each."""
    request = MICROSOFT.build(events, {**CONNECTION, **settings}, TOKEN)
    return codes(MICROSOFT.read(send(client, request), len(events)), len(events))


def change(client: Client, events: Sequence[Event]) -> list[str]:
    """Sends adjustments; the code of each."""
    return codes(MICROSOFT.read(send(client, adjust(events, CONNECTION, TOKEN)), len(events)), len(events))


def codes(verdict: Any, n: int) -> list[str]:
    """The code of each of n events."""
    found = [one.code for one in outcomes(verdict)]
    assert len(found) == n or not isinstance(verdict, PerEvent)
    return found


def conversion(number: int = 0, of: LeadData | None = None, **changes: Any) -> Event:
    """A conversion of a lead of two days ago, each a minute after the other."""
    someone = of or lead()
    when = {"created_at": NOW - 2 * DAY}
    return event(
        msgspec.structs.replace(someone, **when),
        "microsoft",
        **{"happened_at": NOW - DAY + number * 60 * SECOND, "event_id": f"lt-{number}", **changes},
    )


def test_a_lead_with_everything_is_taken_and_a_repeat_is_ignored(microsoft: Client) -> None:
    one = conversion()
    assert apply(microsoft, [one]) == ["ok"]
    assert apply(microsoft, [one, conversion(1)]) == ["ok", "ok"]
    rows = [row for call in microsoft.calls("microsoft") for row in call["accepted"]]
    assert [(row.get("counts", True), row.get("processing_error")) for row in rows] == [
        (True, None),
        (False, "DuplicateConversionKey"),
        (True, None),
    ]
    summary = microsoft.summary("microsoft")
    assert (summary["distinct_keys"], summary["duplicates"], summary["uncounted"]) == (2, 0, 1)
    assert microsoft.last("microsoft")["flags"] == []


someone = st.builds(
    LeadData,
    lead_id=st.just(1),
    created_at=st.just(NOW - 2 * DAY),
    email=st.none() | st.sampled_from(["a@example.com", "b.c+d@gmail.com", "ü@example.de"]),
    phone=st.none() | st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True),
    ids=st.dictionaries(st.sampled_from(["msclkid", "gclid"]), st.text(min_size=1, max_size=40) | st.just(" ")),
)


@given(of=someone, hashes=st.sampled_from(["yes", "no"]), cents=st.none() | st.integers(0, 10**9))
def test_nothing_missing_is_the_same_as_taken(server: Client, of: LeadData, hashes: str, cents: int | None) -> None:
    if of.ids.get("msclkid", "").startswith("bad-"):
        return
    settings = {**CONNECTION, "user_data": hashes}
    one = conversion(of=of, value_cents=cents)
    lacks = MICROSOFT.missing(one.lead, settings)
    assert (apply(server, [one], user_data=hashes) == ["ok"]) == (not lacks)


def test_bad_ones_among_good_ones_are_found_by_index(microsoft: Client) -> None:
    microsoft.set("microsoft", goals=["Qualified lead"], bad_clicks=["nobody"])
    events = [conversion(number) for number in range(5)]
    events[1] = conversion(1, lead(ids={"msclkid": "nobody"}))
    events[3] = conversion(3, action="Another goal")
    assert apply(microsoft, events) == ["ok", "5604", "ok", "5606", "ok"]
    assert [row["index"] for row in microsoft.last("microsoft")["accepted"]] == [0, 2, 4]


def test_the_windows_of_the_destination_are_those_of_the_platform(microsoft: Client) -> None:
    one = conversion(happened_at=NOW - 90 * DAY)
    old = msgspec.structs.replace(one, lead=msgspec.structs.replace(one.lead, created_at=NOW - 91 * DAY))
    window = MICROSOFT.window(old, CONNECTION)
    assert NOW - 120 * SECOND < window.closes_at < NOW
    assert apply(microsoft, [old]) == ["ok"], "the platform takes it at its last moment"
    older = msgspec.structs.replace(old, happened_at=NOW - 90 * DAY - SECOND)
    assert apply(microsoft, [older]) == ["5609"]


def test_a_new_value_and_a_retraction(microsoft: Client) -> None:
    first = [conversion(number) for number in range(2)]
    apply(microsoft, first)
    restated = msgspec.structs.replace(first[0], value_cents=9950, changed_at=NOW - SECOND)
    retracted = msgspec.structs.replace(first[1], value_cents=None, currency=None, retracted=True, changed_at=NOW)
    assert change(microsoft, [restated, retracted]) == ["ok", "ok"]
    rows = microsoft.last("microsoft")["accepted"]
    assert [(row["scope"].rpartition("/")[2], row.get("value")) for row in rows] == [
        ("Restate", 99.5),
        ("Retract", None),
    ]
    assert change(microsoft, [retracted]) == ["ConversionAlreadyRetracted"]
    assert change(microsoft, [restated]) == ["ok"], "the same again changes nothing"


def test_what_microsoft_does_not_have_cannot_be_adjusted(microsoft: Client) -> None:
    one = conversion(retracted=True, value_cents=None, currency=None, changed_at=NOW)
    assert change(microsoft, [one]) == ["AdjustmentOriginalNotFound"]
    assert microsoft.summary("microsoft")["accepted"] == 0


@pytest.mark.parametrize("form", ["ad_api", "api"])
@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"not_enabled": True}, "5613"),
        ({"unknown_accounts": ["123456789"]}, "208"),
        ({"forbidden_accounts": ["123456789"]}, "106"),
        ({"bad_developer_tokens": ["hush-developer"]}, "105"),
        ({"retired_versions": ["v13"]}, "303"),
    ],
)
def test_faults_of_both_forms(microsoft: Client, form: str, knobs: dict[str, Any], code: str) -> None:
    microsoft.set("microsoft", fault=form, **knobs)
    assert apply(microsoft, [conversion(), conversion(1)]) == [code]


def test_the_connection_test(microsoft: Client) -> None:
    assert MICROSOFT.read_check(send(microsoft, MICROSOFT.check(CONNECTION, TOKEN))).code == "check_ok"
    microsoft.set("microsoft", unknown_accounts=["123456789"])
    assert MICROSOFT.read_check(send(microsoft, MICROSOFT.check(CONNECTION, TOKEN))).code == "208"
    assert microsoft.summary("microsoft")["accepted"] == 0


def ask(client: Client, refresh_token: str) -> Token | Outcome:
    """A token for this refresh token."""
    return read_token(send(client, token_request({**CONNECTION, "refresh_token": refresh_token}, NOW)))


def test_tokens_rotate_and_the_access_token_works(microsoft: Client) -> None:
    first = ask(microsoft, "of-the-person")
    assert isinstance(first, Token)
    assert first.renewed is not None
    request = MICROSOFT.build([conversion()], CONNECTION, first.value)
    assert codes(MICROSOFT.read(send(microsoft, request), 1), 1) == ["ok"]
    again = ask(microsoft, "of-the-person")
    assert isinstance(again, Outcome)
    assert (again.code, again.hold) == ("invalid_grant", "credentials")
    assert isinstance(ask(microsoft, first.renewed), Token)


@pytest.mark.parametrize("in_success", [False, True])
def test_an_access_token_that_ended_asks_for_a_new_one(microsoft: Client, *, in_success: bool) -> None:
    microsoft.set("microsoft_oauth", lifetime_s=0)
    microsoft.set("microsoft", expired_in_success=in_success)
    token = ask(microsoft, f"short-{in_success}")
    assert isinstance(token, Token)
    request = MICROSOFT.build([conversion()], CONNECTION, token.value)
    assert codes(MICROSOFT.read(send(microsoft, request), 1), 1) == ["token_expired"]
