"""LinkedIn's conversion rules over HTTP against the emulator's rule book."""

from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import msgspec
import pytest

from leadtrackr.destinations.contract import ConversionAction, NewAction, Outcome, Request, Response
from leadtrackr.destinations.linkedin.rules import LINKEDIN_RULES, RULE_CODES
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.sandbox.contract import Answer, Call, Platform, json_answer
from leadtrackr.sandbox.linkedin.rule_book import PATH, RuleBook
from leadtrackr.sandbox.server import SANDBOX
from leadtrackr.sandbox.world import World
from tests.sandbox.client import Client, Clock, Server

SETTINGS = {"ad_account": "512345678", "access_token": "hush-linkedin", "api_version": "202609"}
T = TypeVar("T")


class _None(msgspec.Struct, frozen=True):
    """No knobs."""


class Rules(Platform[_None]):
    """The rule book alone, behind the checks of token and version."""

    slug = "linkedin"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, _None())
        self.book = RuleBook()
        self.no_access: frozenset[str] = frozenset()

    def answer(self, call: Call) -> Answer:
        assert call.path == PATH
        assert call.headers["x-restli-protocol-version"] == "2.0.0"
        if call.headers["linkedin-version"] != "202609":
            return json_answer(426, {"message": "Requested version is not active", "code": "NONEXISTENT_VERSION"})
        if call.bearer != "hush-linkedin":
            return json_answer(401, {"message": "Invalid access token", "code": "INVALID_ACCESS_TOKEN"})
        return self.book.answer(call, self.no_access)

    def failure(self, status: int) -> Answer:
        return json_answer(status, {"message": "The request failed.", "status": status})


@pytest.fixture
def linkedin() -> Iterator[tuple[Client, Rules]]:
    server = Server(Clock())
    sandbox = server.running.app[SANDBOX]
    rules = Rules(sandbox.world)
    sandbox.platforms["linkedin"] = rules
    yield Client(server.running.port), rules
    server.stop()


def take(client: Client, steps: Generator[Request, Response, T]) -> T:
    """Takes the steps over HTTP."""
    try:
        request = next(steps)
        while True:
            path = f"/{request.service}{request.url.removeprefix('https://api.linkedin.com')}"
            sent = {name.title(): value for name, value in request.headers.items()}
            reply = client.call(request.method, path, request.body or None, sent)
            headers = {name.lower(): value for name, value in reply.headers.items()}
            request = steps.send(Response(status=reply.status, headers=headers, body=reply.content))
    except StopIteration as done:
        found: T = done.value
        return found


def listed(client: Client, **settings: str) -> tuple[ConversionAction, ...] | Outcome:
    return take(client, LINKEDIN_RULES.listing.steps({**SETTINGS, **settings}, None))


def make(client: Client, **values: Any) -> ConversionAction | Outcome:
    new = NewAction(**{"name": "Deal signed", "category": "QUALIFIED_LEAD", **values})
    return take(client, LINKEDIN_RULES.create(new, SETTINGS, None))


def test_a_rule_is_made_for_every_campaign_and_found(linkedin: tuple[Client, Rules]) -> None:
    client, _ = linkedin
    made = make(client, window_days=90, view_days=1)
    assert isinstance(made, ConversionAction)
    assert (made.name, made.category, made.state, made.is_usable) == ("Deal signed", "QUALIFIED_LEAD", "enabled", True)
    assert (made.window_days, made.view_days) == (90, 1)
    assert "every campaign" in made.note
    call = next(call for call in client.calls("linkedin") if call["method"] == "POST")
    assert call["query"] == {"autoAssociationType": "ALL_CAMPAIGNS"}
    assert call["body"] == {
        "account": "urn:li:sponsoredAccount:512345678",
        "name": "Deal signed",
        "conversionMethod": "CONVERSIONS_API",
        "type": "QUALIFIED_LEAD",
        "enabled": True,
        "postClickAttributionWindowSize": 90,
        "viewThroughAttributionWindowSize": 1,
    }
    found = listed(client)
    assert not isinstance(found, Outcome)
    assert [rule.id for rule in found] == [made.id]


def test_what_is_left_out_is_linkedins_own(linkedin: tuple[Client, Rules]) -> None:
    made = make(linkedin[0])
    assert isinstance(made, ConversionAction)
    assert (made.window_days, made.view_days) == (30, 7)


def test_every_page_is_read_and_other_accounts_are_not(linkedin: tuple[Client, Rules]) -> None:
    client, rules = linkedin
    for number in range(230):
        account = f"urn:li:sponsoredAccount:{512345678 if number % 23 else 1}"
        rules.book.rules.append({"id": number, "account": account, "name": "R", "conversionMethod": "CONVERSIONS_API"})
    found = listed(client)
    assert not isinstance(found, Outcome)
    assert len(found) == 220
    assert [call["query"]["start"] for call in client.calls("linkedin")] == ["0", "100", "200"]


def test_rules_that_cannot_be_sent_to_say_why(linkedin: tuple[Client, Rules]) -> None:
    client, rules = linkedin
    own = {"account": "urn:li:sponsoredAccount:512345678", "name": "Tag", "type": "LEAD"}
    rules.book.rules += [
        {**own, "id": 1, "conversionMethod": "INSIGHT_TAG"},
        {**own, "id": 2, "conversionMethod": "CONVERSIONS_API", "enabled": False},
    ]
    found = listed(client)
    assert not isinstance(found, Outcome)
    assert [(rule.is_usable, rule.note) for rule in found] == [
        (False, "Not for the Conversions API."),
        (False, "Switched off."),
    ]


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"access_token": "other"}, "rules_token"), ({"api_version": "202401"}, "rules_retired")],
)
def test_refusals_have_words(linkedin: tuple[Client, Rules], settings: dict[str, str], code: str) -> None:
    found = listed(linkedin[0], **settings)
    assert isinstance(found, Outcome)
    assert (found.code, found.hold) == (code, RULE_CODES[code].hold)


def test_an_account_out_of_reach(linkedin: tuple[Client, Rules]) -> None:
    client, rules = linkedin
    rules.no_access = frozenset({"512345678"})
    for found in (listed(client), make(client)):
        assert isinstance(found, Outcome)
        assert found.code == "rules_forbidden"


def test_trouble_of_the_platform_is_no_refusal(linkedin: tuple[Client, Rules]) -> None:
    client, _ = linkedin
    client.fault({"destination": "linkedin", "status": 503})
    found = listed(client)
    assert isinstance(found, Outcome)
    assert found.code == "server_error"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"category": "lead"}, "category"),
        ({"category": ""}, "category"),
        ({"counting": "one"}, "counting"),
        ({"is_primary": False}, "secondary"),
        ({"value_cents": 1, "currency": "EUR"}, "value"),
        ({"window_days": 60}, "window_days"),
        ({"view_days": 2}, "view_days"),
        ({"category": "SIGN_UP", "window_days": 365}, "window_days"),
    ],
)
def test_what_linkedin_would_refuse_is_not_asked(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        LINKEDIN_RULES.check(NewAction(**{"name": "N", "category": "LEAD", **values}))
    assert refused.value.field == field


@pytest.mark.parametrize("kind", ["LEAD", "QUALIFIED_LEAD", "PURCHASE"])
def test_some_types_have_a_year(linkedin: tuple[Client, Rules], kind: str) -> None:
    LINKEDIN_RULES.check(NewAction(name="N", category=kind, window_days=365))
    assert isinstance(make(linkedin[0], category=kind, window_days=365), ConversionAction)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"surprise": 1}, "/surprise :: unrecognized field"),
        ({"name": None}, "/name :: None cannot be coerced"),
        ({"conversionMethod": "INSIGHT_TAG"}, "/conversionMethod"),
        ({"type": "SIGN_UP", "postClickAttributionWindowSize": 365}, "/postClickAttributionWindowSize"),
        ({"viewThroughAttributionWindowSize": "7"}, "/viewThroughAttributionWindowSize"),
        ({"type": "lead", "surprise": 1}, "/type"),
    ],
)
def test_the_rule_book_is_strict(linkedin: tuple[Client, Rules], body: dict[str, Any], words: str) -> None:
    client, rules = linkedin
    good = {
        "account": "urn:li:sponsoredAccount:1",
        "name": "N",
        "conversionMethod": "CONVERSIONS_API",
        "type": "LEAD",
    }
    headers = {
        "Authorization": "Bearer hush-linkedin",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    reply = client.call("POST", "/linkedin/rest/conversions", {**good, **body}, headers)
    assert (reply.status, words in reply.json["message"]) == (422, True)
    assert rules.book.rules == []
