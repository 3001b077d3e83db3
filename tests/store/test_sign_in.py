"""Signing in at Google, the whole way over HTTP against the sandbox, on both databases."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from leadtrackr.accounts.model import Actor, Role
from leadtrackr.conversions import connections, housekeeping
from leadtrackr.conversions.linking import checking, service
from leadtrackr.conversions.linking.model import Begun, NotConnected, RightsMissing, Unfinished
from leadtrackr.conversions.model import Connection
from leadtrackr.db import tables
from leadtrackr.kit.clock import HOUR, MINUTE
from leadtrackr.kit.errors import InvalidInput, NotFound
from tests.support.engine import World
from tests.support.platform import CLIENT, REDIRECT, Platform, beside, browse

DATAMANAGER = "https://www.googleapis.com/auth/datamanager"
ADWORDS = "https://www.googleapis.com/auth/adwords"
WHOLE = {**CLIENT, "operating_account": "123-456-7890"}


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project, and a sandbox that knows the client and where it may send people."""
    world.project()
    with beside(world) as made:
        made.client.set(
            "google_oauth", clients={CLIENT["client_id"]: CLIENT["client_secret"]}, redirect_uris=[REDIRECT]
        )
        yield made


def begin(platform: Platform, values: dict[str, str] = WHOLE, by: Actor | None = None) -> Begun:
    world = platform.world
    return world.run(service.begin(platform.means, world.project_ref, "google_ads", REDIRECT, values=values, by=by))


def finish(platform: Platform, back: dict[str, str], by: Actor | None = None) -> Connection | Unfinished:
    answered = service.finish(
        platform.means, "google_ads", state=back["state"], code=back.get("code"), error=back.get("error"), by=by
    )
    return platform.world.run(answered)


def secrets(platform: Platform, made: Connection) -> Any:
    return connections.full_settings(made, platform.world.box)


def test_the_whole_way_ends_in_a_connection_that_works(platform: Platform) -> None:
    begun = begin(platform)
    made = finish(platform, platform.visit(begun.address))
    assert isinstance(made, Connection)
    assert made.settings["operating_account"] == "1234567890"
    token = secrets(platform, made)["refresh_token"]
    assert token.startswith("1//")
    assert token not in made.secrets
    assert platform.world.run(checking.check(platform.means, made)).works
    assert platform.world.rows(tables.oauth_flows) == []


def test_the_address_asks_for_what_google_needs(platform: Platform) -> None:
    begun = begin(platform)
    parts = urlsplit(begun.address)
    assert parts.path == "/google_oauth/o/oauth2/v2/auth"
    query = dict(parse_qsl(parts.query))
    challenge = query.pop("code_challenge")
    assert query == {
        "client_id": CLIENT["client_id"],
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": f"{DATAMANAGER} {ADWORDS}",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "state": begun.state,
        "code_challenge_method": "S256",
    }
    finish(platform, platform.visit(begun.address))
    (form,) = [call["body"] for call in platform.client.calls("google_oauth") if call["method"] == "POST"]
    made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert made == challenge
    assert 43 <= len(form["code_verifier"]) <= 128


def test_the_database_holds_neither_state_nor_secret(platform: Platform) -> None:
    begun = begin(platform)
    (row,) = platform.world.rows(tables.oauth_flows)
    shown = repr(row)
    assert begun.state not in shown
    assert CLIENT["client_secret"] not in shown


def test_a_state_is_used_once(platform: Platform) -> None:
    begun = begin(platform)
    back = platform.visit(begun.address)
    finish(platform, back)
    with pytest.raises(InvalidInput, match="used already"):
        finish(platform, back)


def test_of_two_at_once_one_gets_in(platform: Platform) -> None:
    back = platform.visit(begin(platform).address)

    async def both() -> list[Connection | Unfinished | BaseException]:
        each = (service.finish(platform.means, "google_ads", state=back["state"], code=back["code"]) for _ in range(2))
        return await asyncio.gather(*each, return_exceptions=True)

    found = platform.world.run(both())
    assert sorted(type(one).__name__ for one in found) == ["Connection", "InvalidInput"]


def test_a_state_ends_after_ten_minutes(platform: Platform) -> None:
    back = platform.visit(begin(platform).address)
    platform.world.step(10 * MINUTE)
    with pytest.raises(InvalidInput, match="ten minutes"):
        finish(platform, back)
    begin(platform)
    assert len(platform.world.rows(tables.oauth_flows)) == 1, "what has ended is forgotten"


def test_only_whoever_began_it_can_finish_it(platform: Platform) -> None:
    alice, bob = platform.person("alice@example.com", Role.OWNER), platform.person("bob@example.com")
    back = platform.visit(begin(platform, by=alice).address)
    for other in (bob, None):
        with pytest.raises(InvalidInput, match="somebody else"):
            finish(platform, back, by=other)
    assert isinstance(finish(platform, back, by=alice), Connection), "a stranger's try does not use it up"
    by_command = platform.visit(begin(platform).address)
    with pytest.raises(InvalidInput, match="somebody else"):
        finish(platform, by_command, by=alice)


def test_members_may_begin_and_strangers_may_not(platform: Platform) -> None:
    assert begin(platform, by=platform.person("bob@example.com")).state
    with pytest.raises(NotFound, match="Project not found"):
        begin(platform, by=platform.person("charlie@example.com", None))


def test_a_person_who_has_lost_the_project_finishes_nothing(platform: Platform) -> None:
    bob = platform.person("bob@example.com")
    back = platform.visit(begin(platform, by=bob).address)
    with pytest.raises(NotFound):
        finish(platform, back, by=Actor(bob.user, {}))


def test_rights_that_were_not_ticked_are_named(platform: Platform) -> None:
    platform.client.set("google_oauth", unticked=[ADWORDS])
    back = platform.visit(begin(platform).address)
    assert back["scope"] == DATAMANAGER
    with pytest.raises(RightsMissing) as refused:
        finish(platform, back)
    assert [right.scope for right in refused.value.missing] == [ADWORDS]
    assert "tick: “Google Ads: read the accounts" in str(refused.value)
    assert platform.world.run(connections.of_project(platform.world.db, platform.world.project_ref)) == []


def test_a_person_who_cancels_is_told_so(platform: Platform) -> None:
    platform.client.set("google_oauth", denied=True)
    back = platform.visit(begin(platform).address)
    assert back["error"] == "access_denied"
    with pytest.raises(NotConnected, match="Google denies access") as refused:
        finish(platform, back)
    assert refused.value.code == "access_denied"


def test_a_verifier_that_does_not_fit_is_refused(platform: Platform) -> None:
    """The code of another flow: what an attacker would slip in."""
    theirs, ours = platform.visit(begin(platform).address), begin(platform)
    with pytest.raises(NotConnected, match="Invalid code verifier") as refused:
        finish(platform, {"state": ours.state, "code": theirs["code"]})
    assert refused.value.code == "invalid_grant"


def test_an_address_that_is_not_registered_is_refused_by_google(platform: Platform) -> None:
    world = platform.world
    begun = world.run(service.begin(platform.means, world.project_ref, "google_ads", REDIRECT + "/", values=WHOLE))
    status, _, body = browse(begun.address)
    assert (status, "redirect_uri_mismatch" in body) == (400, True)


def test_a_wrong_client_secret_is_told(platform: Platform) -> None:
    back = platform.visit(begin(platform, {**WHOLE, "client_secret": "other"}).address)
    with pytest.raises(NotConnected, match="Copy client id and client secret again"):
        finish(platform, back)


def test_the_account_can_be_chosen_afterwards(platform: Platform) -> None:
    world = platform.world
    unfinished = finish(platform, platform.visit(begin(platform, dict(CLIENT)).address))
    assert isinstance(unfinished, Unfinished)
    assert unfinished.field == "operating_account"
    complete = {"operating_account": "1234567890"}
    alice = platform.person("alice@example.com")
    with pytest.raises(NotFound, match="begin again"):
        world.run(service.complete(platform.means, world.project_ref, "google_ads", complete, by=alice))
    made = world.run(service.complete(platform.means, world.project_ref, "google_ads", complete))
    assert secrets(platform, made)["refresh_token"].startswith("1//")
    assert world.rows(tables.oauth_flows) == []


def test_a_grant_that_waits_ends_after_an_hour(platform: Platform) -> None:
    world = platform.world
    finish(platform, platform.visit(begin(platform, dict(CLIENT)).address))
    world.step(HOUR)
    assert world.run(service.waiting(platform.means, world.project_ref, "google_ads")) is None


def test_what_a_sign_in_has_kept_is_gone_once_it_has_ended(platform: Platform) -> None:
    world = platform.world
    finish(platform, platform.visit(begin(platform, dict(CLIENT)).address))
    world.write(housekeeping.mend)
    assert len(world.rows(tables.oauth_flows)) == 1
    world.step(HOUR)
    world.write(housekeeping.mend)
    assert world.rows(tables.oauth_flows) == []


def test_connecting_again_replaces_the_token(platform: Platform) -> None:
    first = finish(platform, platform.visit(begin(platform).address))
    assert isinstance(first, Connection)
    again = finish(platform, platform.visit(begin(platform, {}).address))
    assert isinstance(again, Connection)
    assert again.id == first.id
    assert secrets(platform, again)["refresh_token"] != secrets(platform, first)["refresh_token"]


def test_what_cannot_begin(platform: Platform) -> None:
    world = platform.world
    with pytest.raises(InvalidInput, match="OAuth client secret"):
        begin(platform, {"client_id": "x"})
    with pytest.raises(InvalidInput, match="ten digits"):
        begin(platform, {**CLIENT, "operating_account": "12"})
    with pytest.raises(InvalidInput, match="has no sign-in"):
        world.run(service.begin(platform.means, world.project_ref, "meta", REDIRECT))
    for redirect in ("http://example.com/callback", "https://user@example.com", "javascript:alert(1)", "https://a.b#c"):
        with pytest.raises(InvalidInput, match="address to come back to"):
            world.run(service.begin(platform.means, world.project_ref, "google_ads", redirect, values=WHOLE))
    assert world.rows(tables.oauth_flows) == []


def test_a_sign_in_is_needed_when_only_it_is_missing(platform: Platform) -> None:
    world = platform.world

    def needed(**values: str) -> bool:
        return world.run(service.needed(platform.means, world.project_ref, "google_ads", values))

    assert needed(**CLIENT)
    assert not needed(client_id="x")
    assert not needed(**CLIENT, refresh_token="r")
    assert not needed(**CLIENT, service_account_json="{}")
    finish(platform, platform.visit(begin(platform).address))
    assert not needed()
