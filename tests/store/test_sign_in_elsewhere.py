"""Signing in at Microsoft Advertising and at LinkedIn, the whole way over HTTP to the sandbox, on both databases."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
import pytest

from leadtrackr.accounts.model import Actor, Role
from leadtrackr.conversions import connections
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.incidents import service as incidents
from leadtrackr.conversions.incidents import watch
from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import words
from leadtrackr.conversions.linking import checking, discovery, service
from leadtrackr.conversions.linking.discovery import Filter
from leadtrackr.conversions.linking.model import Begun, NotConnected, NotListed, RightsMissing, Unfinished
from leadtrackr.conversions.model import Connection, ConnectionState, State
from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.db import tables
from leadtrackr.destinations.contract import Kind, NewAction, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.kit.metrics import Metrics
from tests.support.engine import World
from tests.support.platform import Platform, beside, browse


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A platform with a sign-in."""

    slug: str
    client: dict[str, str]
    account: dict[str, str]
    """Settings that name the account."""
    gives: str
    """The credential that comes of it."""
    right: str
    denied: dict[str, Any]
    """The emulator's setting for a person who refuses."""
    refused: str
    """What the person is told then."""
    wrong_secret: str

    @property
    def oauth(self) -> str:
        return f"{self.slug}_oauth"

    @property
    def whole(self) -> dict[str, str]:
        return {**self.client, **self.account}

    @property
    def redirect(self) -> str:
        return f"http://localhost:8401/oauth/{self.slug}/callback"


MICROSOFT: Final = Case(
    slug="microsoft",
    client={"client_id": "app", "client_secret": "hush-secret", "developer_token": "hush-developer"},
    account={"account_id": "123456789", "customer_id": "987654321"},
    gives="refresh_token",
    right="https://ads.microsoft.com/msads.manage",
    denied={"denied": True},
    refused="did not let the app in",
    wrong_secret="AADSTS7000215",
)
LINKEDIN: Final = Case(
    slug="linkedin",
    client={"client_id": "app", "client_secret": "hush-secret"},
    account={"ad_account": "512345678"},
    gives="access_token",
    right="rw_conversions",
    denied={"denied": "authorize"},
    refused="did not let the app in",
    wrong_secret="invalid_client",
)
BOTH = pytest.mark.parametrize("case", [MICROSOFT, LINKEDIN], ids=lambda case: case.slug)


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project, and a sandbox that knows the apps and where they may send people."""
    world.project()
    with beside(world) as made:
        for case in (MICROSOFT, LINKEDIN):
            clients = {case.client["client_id"]: case.client["client_secret"]}
            made.client.set(case.oauth, clients=clients, redirect_uris=[case.redirect])
        yield made


def begin(platform: Platform, case: Case, values: dict[str, str] | None = None, by: Actor | None = None) -> Begun:
    world = platform.world
    given = case.whole if values is None else values
    begun = service.begin(platform.means, world.project_ref, case.slug, case.redirect, values=given, by=by)
    return world.run(begun)


def finish(platform: Platform, case: Case, back: dict[str, str], by: Actor | None = None) -> Connection | Unfinished:
    answered = service.finish(
        platform.means, case.slug, state=back["state"], code=back.get("code"), error=back.get("error"), by=by
    )
    return platform.world.run(answered)


def signed_in(platform: Platform, case: Case, values: dict[str, str] | None = None) -> Connection:
    made = finish(platform, case, platform.visit(begin(platform, case, values).address))
    assert isinstance(made, Connection)
    platform.world.connections[case.slug] = made
    return made


def stored(platform: Platform, case: Case) -> Any:
    """The settings as they are stored now, with secrets."""
    world = platform.world
    return connections.full_settings(world.run(connections.find(world.db, world.project_ref, case.slug)), world.box)


class Delivering:
    """One worker that sends to the platform's sandbox."""

    def __init__(self, platform: Platform) -> None:
        world = platform.world
        metrics = Metrics((), DESTINATIONS)
        self._world = world
        self._worker = Worker(world.db, platform.http, world.box, world.clock, world.ids, metrics, Pace())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()

    def deliver(self) -> None:
        """Looks once, and waits until there is nothing more to send."""
        self._world.run(self._worker.look())
        self._world.run(self._worker.settle())


def unconnected(platform: Platform) -> bool:
    return platform.world.run(connections.of_project(platform.world.db, platform.world.project_ref)) == []


@BOTH
def test_the_whole_way_ends_in_a_connection_that_works(platform: Platform, case: Case) -> None:
    made = signed_in(platform, case)
    token = stored(platform, case)[case.gives]
    assert token
    assert token not in made.secrets
    assert case.gives not in made.settings
    assert platform.world.run(checking.check(platform.means, made)).works
    assert platform.world.rows(tables.oauth_flows) == []


@BOTH
def test_the_database_holds_neither_state_nor_secret(platform: Platform, case: Case) -> None:
    begun = begin(platform, case)
    (row,) = platform.world.rows(tables.oauth_flows)
    assert not [word for word in (begun.state, "hush") if word in repr(row)]
    assert "hush" not in begun.address


@BOTH
def test_a_state_is_used_once_and_ends(platform: Platform, case: Case) -> None:
    back = platform.visit(begin(platform, case).address)
    finish(platform, case, back)
    with pytest.raises(InvalidInput, match="used already"):
        finish(platform, case, back)
    late = platform.visit(begin(platform, case).address)
    platform.world.step(10 * MINUTE)
    with pytest.raises(InvalidInput, match="ten minutes"):
        finish(platform, case, late)


def test_a_state_of_one_platform_is_none_of_another(platform: Platform) -> None:
    back = platform.visit(begin(platform, MICROSOFT).address)
    with pytest.raises(InvalidInput, match="somebody else"):
        finish(platform, LINKEDIN, back)
    assert unconnected(platform)


@BOTH
def test_only_whoever_began_it_can_finish_it(platform: Platform, case: Case) -> None:
    alice, bob = platform.person("alice@example.com", Role.OWNER), platform.person("bob@example.com")
    back = platform.visit(begin(platform, case, by=alice).address)
    for other in (bob, None):
        with pytest.raises(InvalidInput, match="somebody else"):
            finish(platform, case, back, by=other)
    assert isinstance(finish(platform, case, back, by=alice), Connection)
    with pytest.raises(NotFound, match="Project not found"):
        begin(platform, case, by=platform.person("charlie@example.com", None))


@BOTH
def test_a_person_who_refuses_is_told_so(platform: Platform, case: Case) -> None:
    platform.client.set(case.oauth, **case.denied)
    with pytest.raises(NotConnected, match=case.refused):
        finish(platform, case, platform.visit(begin(platform, case).address))
    assert unconnected(platform)


@BOTH
def test_a_right_that_was_not_given_is_named(platform: Platform, case: Case) -> None:
    platform.client.set(case.oauth, withheld=[case.right])
    with pytest.raises(RightsMissing) as refused:
        finish(platform, case, platform.visit(begin(platform, case).address))
    assert [right.scope for right in refused.value.missing] == [case.right]
    assert f"({case.right})." in str(refused.value)
    assert "connect again. Missing: “" in str(refused.value)
    assert unconnected(platform)


@BOTH
def test_a_wrong_secret_is_told(platform: Platform, case: Case) -> None:
    back = platform.visit(begin(platform, case, {**case.whole, "client_secret": "other"}).address)
    with pytest.raises(NotConnected) as refused:
        finish(platform, case, back)
    assert refused.value.code == case.wrong_secret


@BOTH
def test_an_address_that_is_not_registered_is_refused_by_the_platform(platform: Platform, case: Case) -> None:
    world = platform.world
    other = service.begin(platform.means, world.project_ref, case.slug, case.redirect + "/", values=case.whole)
    status, location, _ = browse(world.run(other).address)
    assert (status >= 400, location) == (True, "")


def test_a_verifier_that_does_not_fit_is_refused(platform: Platform) -> None:
    theirs, ours = platform.visit(begin(platform, MICROSOFT).address), begin(platform, MICROSOFT)
    with pytest.raises(NotConnected, match="belongs to another sign-in") as refused:
        finish(platform, MICROSOFT, {"state": ours.state, "code": theirs["code"]})
    assert refused.value.code == "AADSTS501481"


@BOTH
def test_what_cannot_begin(platform: Platform, case: Case) -> None:
    for name in ("client_id", list(case.client)[-1]):
        with pytest.raises(InvalidInput) as refused:
            begin(platform, case, {key: value for key, value in case.client.items() if key != name})
        assert refused.value.field == name
    assert platform.world.rows(tables.oauth_flows) == []


@BOTH
def test_a_sign_in_is_needed_when_only_it_is_missing(platform: Platform, case: Case) -> None:
    world = platform.world

    def needed(**values: str) -> bool:
        return world.run(service.needed(platform.means, world.project_ref, case.slug, values))

    assert needed(**case.client)
    assert not needed(client_id="x")
    assert not needed(**case.client, **{case.gives: "entered"})
    signed_in(platform, case)
    assert not needed()


# The account, chosen afterwards


@BOTH
def test_the_account_can_be_chosen_from_what_the_access_reaches(platform: Platform, case: Case) -> None:
    world = platform.world
    unfinished = finish(platform, case, platform.visit(begin(platform, case, case.client).address))
    assert isinstance(unfinished, Unfinished)
    assert unfinished.field == next(iter(case.account))
    tree = world.run(discovery.accounts(platform.means, world.project_ref, case.slug))
    usable = [one for one in tree.everything() if one.settings]
    assert [(one.name.partition(" (")[0], one.currency) for one in usable] == [
        ("Sandbox Bakery", "EUR"),
        ("Sandbox Florist", "USD"),
    ]
    assert usable[0].settings == case.account
    (row,) = world.rows(tables.oauth_flows)
    assert "ya29" not in repr(row), "the access token that is kept for it is encrypted"
    world.run(service.complete(platform.means, world.project_ref, case.slug, usable[0].settings))
    assert stored(platform, case)["client_id"] == "app"
    made = world.run(connections.find(world.db, world.project_ref, case.slug))
    assert world.run(checking.check(platform.means, made)).works
    assert world.rows(tables.oauth_flows) == []


def test_listing_uses_up_no_refresh_token_of_a_sign_in_that_waits(platform: Platform) -> None:
    world = platform.world
    finish(platform, MICROSOFT, platform.visit(begin(platform, MICROSOFT, MICROSOFT.client).address))
    for _ in range(3):
        world.run(discovery.accounts(platform.means, world.project_ref, "microsoft"))
    tokens = [call for call in platform.client.calls("microsoft_oauth") if call["method"] == "POST"]
    assert len(tokens) == 1, "the exchange of the code"


def test_a_stranger_lists_nothing(platform: Platform) -> None:
    world = platform.world
    alice, charlie = platform.person("alice@example.com"), platform.person("charlie@example.com", None)
    back = platform.visit(begin(platform, MICROSOFT, MICROSOFT.client, by=alice).address)
    finish(platform, MICROSOFT, back, by=alice)
    assert world.run(discovery.accounts(platform.means, world.project_ref, "microsoft", by=alice)).accounts
    for other in (charlie, platform.person("bob@example.com")):
        with pytest.raises(NotFound):
            world.run(discovery.accounts(platform.means, world.project_ref, "microsoft", by=other))


def test_listing_for_a_connection_stores_what_rotates(platform: Platform) -> None:
    world = platform.world
    made = signed_in(platform, MICROSOFT)
    before = stored(platform, MICROSOFT)["refresh_token"]
    assert world.run(discovery.accounts(platform.means, world.project_ref, "microsoft")).accounts
    after = stored(platform, MICROSOFT)["refresh_token"]
    assert after != before
    assert world.run(checking.check(platform.means, made)).works, "also for who has read the connection before"


def test_several_who_list_at_once_lose_no_refresh_token(platform: Platform) -> None:
    world = platform.world
    made = signed_in(platform, MICROSOFT)

    async def all_at_once() -> list[object]:
        each = (discovery.accounts(platform.means, world.project_ref, "microsoft") for _ in range(3))
        return await asyncio.gather(*each)

    assert len(world.run(all_at_once())) == 3
    assert world.run(checking.check(platform.means, made)).works


@pytest.mark.parametrize(
    ("case", "section", "knobs", "code", "words"),
    [
        (MICROSOFT, "microsoft_customers", {"bad_developer_tokens": ["hush-developer"]}, "105", "behind aid="),
        (LINKEDIN, "linkedin", {"bad_tokens": ["entered"]}, "accounts_token", "Open the Campaign Manager"),
    ],
)
def test_where_nothing_is_listed_it_is_said_how_it_is_done_by_hand(
    platform: Platform, case: Case, section: str, knobs: dict[str, Any], code: str, words: str
) -> None:
    world = platform.world
    platform.client.set(section, **knobs)
    world.connect(case.slug, **{**case.whole, case.gives: "entered"})
    with pytest.raises(NotListed, match=words) as refused:
        world.run(discovery.accounts(platform.means, world.project_ref, case.slug))
    assert refused.value.code == code


# What comes of it


def test_microsofts_refresh_token_goes_on_rotating(platform: Platform) -> None:
    world, made = platform.world, signed_in(platform, MICROSOFT)
    seen = {stored(platform, MICROSOFT)["refresh_token"]}
    for _ in range(3):
        assert world.run(checking.check(platform.means, made)).works
        seen.add(stored(platform, MICROSOFT)["refresh_token"])
    assert len(seen) == 4


def test_signing_in_again_frees_what_was_held(platform: Platform) -> None:
    world = platform.world
    world.connect("microsoft", **{**MICROSOFT.whole, "refresh_token": "revoked-token"})
    held = world.connections["microsoft"]
    assert not world.run(checking.check(platform.means, held)).works
    no = Outcome(kind=Kind.HOLD, code="invalid_grant", hold="credentials")
    world.write(lambda tx: hold_connection(tx, held.id, reason="credentials", outcome=no, now=tx.now()))
    again = signed_in(platform, MICROSOFT, {})
    assert (again.id, again.state) == (held.id, ConnectionState.ACTIVE)
    assert world.run(checking.check(platform.means, again)).works


def test_linkedins_access_token_brings_its_end_and_the_warning(platform: Platform) -> None:
    world = platform.world
    signed_in(platform, LINKEDIN)
    ends = datetime.fromtimestamp((world.clock.now() + 60 * DAY) // SECOND, UTC).date()
    assert stored(platform, LINKEDIN)["token_ends_on"] == ends.isoformat()

    def open_now() -> list[Incident]:
        world.write(watch.look)
        return world.run(incidents.listing(world.db, world.project_ref, Filters(open=True))).incidents

    assert open_now() == []
    world.step(54 * DAY)
    (one,) = open_now()
    assert one.kind == IncidentKind.TOKEN_EXPIRING
    assert "linkedin --sign-in" in words(one, world.clock.now()).next_step
    signed_in(platform, LINKEDIN, {})
    assert open_now() == [], "signing in again moves the end"


def test_connecting_with_another_token_forgets_the_day(platform: Platform) -> None:
    world = platform.world
    signed_in(platform, LINKEDIN)
    world.connect("linkedin", access_token="of-the-campaign-manager")
    assert "token_ends_on" not in stored(platform, LINKEDIN)


def test_a_partners_refresh_token_is_used_and_stored(platform: Platform) -> None:
    world = platform.world
    platform.client.set("linkedin_oauth", is_partner=True, rotate=True)
    made = signed_in(platform, LINKEDIN)
    first = stored(platform, LINKEDIN)
    assert "access_token" not in first
    ends = datetime.fromtimestamp((world.clock.now() + 365 * DAY) // SECOND, UTC).date()
    assert first["token_ends_on"] == ends.isoformat()
    assert world.run(checking.check(platform.means, made)).works
    second = stored(platform, LINKEDIN)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["token_ends_on"] == first["token_ends_on"], "the renewal is no person's change"


@pytest.mark.parametrize("is_partner", [True, False])
def test_linkedins_rules_are_listed_and_made_with_either_token(platform: Platform, *, is_partner: bool) -> None:
    world = platform.world
    platform.client.set("linkedin_oauth", is_partner=is_partner, rotate=True)
    signed_in(platform, LINKEDIN)
    new = NewAction(name="Deal signed", category="QUALIFIED_LEAD")
    rule = world.run(discovery.create_action(platform.means, world.project_ref, "linkedin", new))
    found = world.run(discovery.actions(platform.means, world.project_ref, "linkedin", Filter()))
    assert [one.id for one in found] == [rule.id]


def test_a_partner_who_loses_the_refresh_token_falls_back_to_what_comes(platform: Platform) -> None:
    platform.client.set("linkedin_oauth", is_partner=True)
    signed_in(platform, LINKEDIN)
    platform.client.set("linkedin_oauth", is_partner=False)
    signed_in(platform, LINKEDIN, {})
    found = stored(platform, LINKEDIN)
    assert (bool(found.get("access_token")), found.get("refresh_token")) == (True, None)


@pytest.mark.parametrize(("is_partner", "expected"), [(True, State.ACCEPTED), (False, State.HELD)])
def test_an_access_token_that_ends_early_is_renewed_where_it_can_be(
    platform: Platform, *, is_partner: bool, expected: State
) -> None:
    """LinkedIn may end a token before its time; a process keeps the one that it has for as long as was promised."""
    world = platform.world
    platform.client.set("linkedin_oauth", is_partner=is_partner, lifetime_s=3600)
    world.label("Won")
    signed_in(platform, LINKEDIN)
    with Delivering(platform) as delivering:
        world.rate(world.lead(), "Won")
        delivering.deliver()
        assert world.states() == [State.ACCEPTED]
        world.step(2 * HOUR)
        world.rate(world.lead(), "Won")
        delivering.deliver()
    assert world.states() == [State.ACCEPTED, expected]
