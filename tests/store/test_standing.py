"""How a Google Ads account stands decides what it is sent: read by the check, kept, and seen at the emulator."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import checking
from leadtrackr.conversions.linking.checking import Checked
from leadtrackr.conversions.model import Connection, ConnectionState
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.kit.http import Answer
from tests.destinations.making import event, lead
from tests.support.engine import HOLD, World
from tests.support.platform import CLIENT, Platform, beside

SHOP, AGENCY = "1234567890", "9876543210"


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project whose Google Ads connection goes by what is read, and a sandbox."""
    world.furnish()
    world.connect("google_ads", **CLIENT, user_data="auto")
    with beside(world) as made:
        yield made


def account(platform: Platform, **changes: Any) -> None:
    """Changes the account, at both of Google's APIs."""
    shop = {"id": SHOP, "name": "Shop", **changes}
    agency = {"id": AGENCY, "manager": True, "below": [SHOP]}
    platform.client.set("google_ads_api", customers=[shop, agency], accessible=[SHOP, AGENCY])
    platform.client.set(
        "google_ads",
        terms_not_signed=[] if shop.get("terms", True) else [SHOP],
        leads_not_enabled=[] if shop.get("enhanced_for_leads", True) else [SHOP],
    )


def check(platform: Platform) -> Checked:
    world = platform.world
    (found,) = world.run(checking.check_project(platform.means, world.project_ref, "google_ads"))
    return found


def stored(platform: Platform) -> Connection:
    world = platform.world
    return world.run(connections.find(world.db, world.project_ref, "google_ads"))


def send(platform: Platform, ids: dict[str, str]) -> int:
    """The status that Google gives to a conversion by the connection's present settings."""
    settings = connections.full_settings(stored(platform), platform.world.box)
    now = platform.world.clock.now()
    one = event(lead(ids=ids, created_at=now - 10_000_000), happened_at=now - 5_000_000)
    sent = platform.world.run(platform.http.send(GOOGLE_ADS.build([one], settings, "sandbox-x")))
    assert isinstance(sent, Answer)
    return sent.status


def sent_data(platform: Platform) -> list[str]:
    """The kinds of identifiers in the last conversion."""
    found = [call for call in platform.client.calls("google_ads") if not call["validation"]][-1]
    return sorted(found["body"]["events"][0].keys() & {"adIdentifiers", "userData"})


def test_an_account_that_is_ready_gets_hashed_data_once_that_was_read(platform: Platform) -> None:
    assert send(platform, {"gclid": "Cj0"}) == 200
    assert sent_data(platform) == ["adIdentifiers"], "nothing was read yet"
    checked = check(platform)
    assert checked.works
    assert checked.facts == {
        "Conversions are counted by account": SHOP,
        "Conversion tracking": "by the account itself",
        "Customer data terms": "accepted",
        "Enhanced conversions for leads": "on",
        "Sent": "click ids and hashed customer data",
    }
    assert checked.advice == ()
    assert stored(platform).settings["user_data_read_for"] == SHOP
    assert send(platform, {"gclid": "Cj0"}) == 200
    assert sent_data(platform) == ["adIdentifiers", "userData"]


@pytest.mark.parametrize("lack", ["terms", "enhanced_for_leads"])
def test_until_the_terms_are_accepted_click_ids_are_sent_alone(platform: Platform, lack: str) -> None:
    account(platform, **{lack: False})
    checked = check(platform)
    assert checked.works
    assert checked.facts["Sent"] == "click ids only"
    assert "accept the terms" in checked.advice[0]
    assert send(platform, {"gclid": "Cj0"}) == 200
    assert sent_data(platform) == ["adIdentifiers"]
    platform.world.connect("google_ads", user_data="yes")
    assert send(platform, {"gclid": "Cj0"}) == 400, "what would happen without it"
    assert "Set user_data=auto" in check(platform).advice[1]


def test_terms_that_are_taken_back_end_it_and_terms_that_are_signed_begin_it(platform: Platform) -> None:
    check(platform)
    account(platform, terms=False)
    assert check(platform).facts["Sent"] == "click ids only"
    assert "user_data_read_for" not in stored(platform).settings
    assert send(platform, {"gclid": "Cj0"}) == 200
    account(platform)
    check(platform)
    send(platform, {"gclid": "Cj0"})
    assert sent_data(platform) == ["adIdentifiers", "userData"]


def test_a_person_who_said_no_is_asked_nothing(platform: Platform) -> None:
    platform.world.connect("google_ads", user_data="no")
    checked = check(platform)
    assert checked.facts["Sent"] == "click ids only"
    assert "Set user_data=auto to send" in checked.advice[0]
    send(platform, {"gclid": "Cj0"})
    assert sent_data(platform) == ["adIdentifiers"]


def test_what_was_read_of_one_account_does_not_hold_for_another(platform: Platform) -> None:
    check(platform)
    platform.world.connect("google_ads", operating_account="2345678901", user_data="auto")
    settings = stored(platform).settings
    assert (settings["user_data_read_for"], settings["operating_account"]) == (SHOP, "2345678901")
    assert send(platform, {"gclid": "Cj0"}) == 200
    assert sent_data(platform) == ["adIdentifiers"]


def test_a_lead_without_click_id_is_skipped_where_hashed_data_is_not_taken(platform: Platform) -> None:
    someone = lead(ids={})
    settings = connections.full_settings(stored(platform), platform.world.box)
    assert [one.field for one in GOOGLE_ADS.missing(someone, settings)] == ["gclid"]
    check(platform)
    settings = connections.full_settings(stored(platform), platform.world.box)
    assert GOOGLE_ADS.missing(someone, settings) == ()


def test_the_owner_of_the_conversions_is_named(platform: Platform) -> None:
    tracking = "CONVERSION_TRACKING_MANAGED_BY_ANOTHER_MANAGER"
    account(platform, conversion_customer=AGENCY, tracking=tracking)
    checked = check(platform)
    assert checked.facts["Conversions are counted by account"] == AGENCY
    assert checked.advice[0] == (
        f"Connect account {AGENCY} (operating_account={AGENCY}): it owns the conversion actions of this one."
    )


def test_a_standing_that_cannot_be_read_fails_nothing_and_changes_nothing(platform: Platform) -> None:
    check(platform)
    platform.client.set("google_ads_api", service_disabled=True)
    checked = check(platform)
    assert checked.works
    assert checked.facts == {}
    assert "Enable the Google Ads API" in checked.advice[0]
    assert stored(platform).settings["user_data_read_for"] == SHOP


def test_credentials_that_do_not_work_are_not_asked_with_again(platform: Platform) -> None:
    platform.client.set("google_oauth", revoked=True)
    checked = check(platform)
    assert (checked.works, checked.facts, checked.advice) == (False, {}, ())
    assert platform.client.calls("google_ads_api") == []


def test_what_is_learned_lets_nothing_go(platform: Platform) -> None:
    world = platform.world
    world.rate(world.lead(), "Won")
    world.send("google_ads", HOLD)
    assert stored(platform).state is ConnectionState.HELD
    check(platform)
    found = stored(platform)
    assert found.settings["user_data_read_for"] == SHOP
    assert found.state is ConnectionState.HELD


def test_nothing_new_is_written(platform: Platform) -> None:
    world, found = platform.world, stored(platform)
    assert world.run(connections.learn(world.db, found.id, {"user_data_read_for": SHOP}))
    assert not world.run(connections.learn(world.db, found.id, {"user_data_read_for": SHOP}))
    assert not world.run(connections.learn(world.db, found.id + 99, {"user_data_read_for": SHOP}))
