"""What credentials reach, asked of the emulators over HTTP, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadtrackr.accounts.model import Role
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import discovery, service
from leadtrackr.conversions.linking.model import NotListed
from leadtrackr.destinations.contract import Account, AccountTree
from leadtrackr.kit.errors import InvalidInput, NotFound
from tests.support.engine import World
from tests.support.platform import CLIENT, REDIRECT, Platform, beside

TOP, EAST, WEST, SHARED, SHOP = "1000000001", "1000000002", "1000000003", "1000000004", "1000000005"


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project that is connected to Google Ads, and a sandbox."""
    world.project()
    world.connect("google_ads", **CLIENT)
    with beside(world) as made:
        yield made


def tree(platform: Platform, slug: str = "google_ads") -> AccountTree:
    world = platform.world
    return world.run(discovery.accounts(platform.means, world.project_ref, slug))


def shape(accounts: tuple[Account, ...]) -> list[Any]:
    return [(one.id, shape(one.below)) if one.below else one.id for one in accounts]


def asked(platform: Platform) -> int:
    return sum(call["path"].endswith(":search") for call in platform.client.calls("google_ads_api"))


def manager(number: str, *below: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"Manager {number}", "manager": True, "below": below, **more}


def test_managers_hold_what_is_below_them(platform: Platform) -> None:
    found = tree(platform)
    assert shape(found.accounts) == ["1234567890", ("9876543210", ["1234567890", "2345678901"])]
    direct, agency = found.accounts
    assert direct.settings == {"operating_account": "1234567890", "login_account": ""}
    assert agency.below[0].settings == {"operating_account": "1234567890", "login_account": "9876543210"}
    assert (agency.kind, agency.name, agency.below[1].currency) == ("manager", "Sandbox Agency", "EUR")
    headers = {call["headers"].get("login-customer-id") for call in platform.client.calls("google_ads_api")[1:]}
    assert headers == {"1234567890", "9876543210"}


def test_a_manager_seen_twice_is_asked_once_and_stands_in_both_places(platform: Platform) -> None:
    customers = [
        manager(TOP, EAST, WEST),
        manager(EAST, SHARED),
        manager(WEST, SHARED),
        manager(SHARED, SHOP),
        {"id": SHOP, "name": "Shop"},
    ]
    platform.client.set("google_ads_api", customers=customers, accessible=[TOP, SHARED])
    found = tree(platform)
    shared = (SHARED, [SHOP])
    assert shape(found.accounts) == [(TOP, [(EAST, [shared]), (WEST, [shared])]), shared]
    logins = [one.settings["login_account"] for one in found.everything() if one.id == SHOP]
    assert logins == [TOP, TOP, SHARED]
    assert asked(platform) == 4


def test_managers_in_a_circle_end(platform: Platform) -> None:
    platform.client.set("google_ads_api", customers=[manager(TOP, EAST), manager(EAST, TOP)], accessible=[TOP])
    assert shape(tree(platform).accounts) == [(TOP, [EAST])]


def test_a_chain_that_is_too_deep_is_cut_and_said(platform: Platform) -> None:
    ids = [str(1_000_000_000 + number) for number in range(15)]
    chain = [manager(one, *ids[place + 1 : place + 2]) for place, one in enumerate(ids)]
    platform.client.set("google_ads_api", customers=chain, accessible=ids[:1])
    found = tree(platform)
    assert len(list(found.everything())) == 11
    assert "Not all managers were looked into" in found.notes[0]


@pytest.mark.parametrize("sparse", [True, False])
def test_every_page_is_read(platform: Platform, *, sparse: bool) -> None:
    shops = [{"id": str(2_000_000_000 + number), "name": f"Shop {number}"} for number in range(25)]
    customers = [manager(TOP, *(shop["id"] for shop in shops)), *shops]
    platform.client.set("google_ads_api", customers=customers, accessible=[TOP], page_rows=10, sparse=sparse)
    (top,) = tree(platform).accounts
    assert [one.id for one in top.below] == [shop["id"] for shop in shops]
    assert asked(platform) == 3


def test_what_cannot_be_opened_stays_with_the_reason(platform: Platform) -> None:
    customers = [
        manager(TOP, EAST, SHOP),
        manager(EAST, status="SUSPENDED"),
        {"id": SHOP, "name": "Old shop", "status": "CANCELED", "hidden": True},
        {"id": WEST, "status": "CLOSED"},
    ]
    platform.client.set("google_ads_api", customers=customers, accessible=[TOP, WEST])
    top, closed = tree(platform).accounts
    assert "closed, or was never set up" in closed.note
    assert (closed.id, closed.settings) == (WEST, {})
    east, shop = top.below
    assert east.note == "This Google Ads account is closed, or was never set up. It is closed."
    assert (shop.state, shop.note, shop.settings) == ("canceled", "It is closed. It is hidden in its manager.", {})


@pytest.mark.parametrize(
    ("section", "setting", "code", "words"),
    [
        ("google_ads_api", {"service_disabled": True}, "reading_disabled", "Enable the Google Ads API"),
        ("google_ads_api", {"versions": ["v99"]}, "reading_retired", "retired the version"),
        ("google_ads_api", {"not_approved": True}, "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", "API Center"),
        (
            "google_oauth",
            {"scopes": ["https://www.googleapis.com/auth/datamanager"]},
            "reading_scope_missing",
            "Connect again and leave every tick",
        ),
        ("google_oauth", {"revoked": True}, "invalid_grant", "does not accept the connection any more"),
    ],
)
def test_a_refusal_says_why_and_how_to_go_on_by_hand(
    platform: Platform, section: str, setting: dict[str, Any], code: str, words: str
) -> None:
    platform.client.set(section, **setting)
    with pytest.raises(NotListed) as refused:
        tree(platform)
    assert refused.value.code == code
    assert words in str(refused.value)
    assert "Enter the ten digits at the top of Google Ads" in str(refused.value)


@pytest.mark.parametrize(("fault", "code"), [({"status": 503}, "server_error"), ({"reset": True}, "network")])
def test_trouble_on_the_way_is_told(platform: Platform, fault: dict[str, Any], code: str) -> None:
    platform.client.fault({"destination": "google_ads_api", "path": ":search", **fault})
    with pytest.raises(NotListed) as refused:
        tree(platform)
    assert refused.value.code == code


def test_accounts_can_be_listed_before_one_is_chosen(world: World) -> None:
    world.project()
    with beside(world) as platform:
        begun = world.run(service.begin(platform.means, world.project_ref, "google_ads", REDIRECT, values=CLIENT))
        back = platform.visit(begun.address)
        world.run(service.finish(platform.means, "google_ads", state=back["state"], code=back["code"]))
        assert len(list(tree(platform).everything())) == 4


def test_whose_accounts_they_are(platform: Platform) -> None:
    world = platform.world
    for email, role in (("alice@example.com", Role.OWNER), ("bob@example.com", Role.MEMBER)):
        actor = platform.person(email, role)
        assert world.run(discovery.accounts(platform.means, world.project_ref, "google_ads", by=actor)).accounts
    charlie = platform.person("charlie@example.com", None)
    with pytest.raises(NotFound, match="Project not found"):
        world.run(discovery.accounts(platform.means, world.project_ref, "google_ads", by=charlie))


def test_a_platform_without_a_list_says_what_to_enter(platform: Platform) -> None:
    platform.world.connect("meta")
    with pytest.raises(InvalidInput, match="Meta lists no accounts; enter what it needs by hand: dataset_id"):
        tree(platform, "meta")


# Google Analytics

ANALYTICS = "https://www.googleapis.com/auth/analytics.readonly"


@pytest.fixture
def analytics(platform: Platform) -> Platform:
    """Connected to GA4 with credentials that may list properties."""
    world = platform.world
    world.connections["ga4"] = world.run(
        connections.connect(
            world.db,
            world.box,
            world.project_ref,
            "ga4",
            {"measurement_id": "G-AB12CD34EF", "api_secret": "hush", **CLIENT, "refresh_token": "1//listing"},
        )
    )
    platform.client.set("google_oauth", scopes=[ANALYTICS])
    return platform


def test_properties_hold_their_web_streams(analytics: Platform) -> None:
    found = tree(analytics, "ga4")
    assert shape(found.accounts) == [("201", [("301", ["G-AB12CD34EF"])])]
    (stream,) = [one for one in found.everything() if one.kind == "stream"]
    assert stream.settings == {"measurement_id": "G-AB12CD34EF"}
    assert stream.name == "Shop (https://shop.example)"


def test_every_page_of_properties_and_streams_is_read(analytics: Platform) -> None:
    streams = [{"id": str(number), "measurement_id": f"G-STREAM{number}"} for number in range(3)]
    accounts = [
        {"id": str(number), "properties": [{"id": str(100 + number), "streams": streams}]} for number in range(5)
    ]
    analytics.client.set("google_analytics_admin", accounts=accounts, page_rows=2)
    found = tree(analytics, "ga4")
    assert len(found.accounts) == 5
    assert sum(one.kind == "stream" for one in found.everything()) == 15


def test_a_property_that_may_not_be_read_stays_with_the_reason(analytics: Platform) -> None:
    analytics.client.set("google_analytics_admin", no_access=["301"])
    (account,) = tree(analytics, "ga4").accounts
    assert account.below[0].note == "The user may not read this in Google Analytics."


@pytest.mark.parametrize(
    ("section", "setting", "code"),
    [
        ("google_analytics_admin", {"service_disabled": True}, "SERVICE_DISABLED"),
        ("google_oauth", {"scopes": ["https://www.googleapis.com/auth/adwords"]}, "reading_scope_missing"),
    ],
)
def test_a_stream_can_always_be_entered_by_hand(
    analytics: Platform, section: str, setting: dict[str, Any], code: str
) -> None:
    analytics.client.set(section, **setting)
    with pytest.raises(NotListed, match="Open Admin, Data streams") as refused:
        tree(analytics, "ga4")
    assert refused.value.code == code


def test_without_credentials_a_stream_is_entered_by_hand(platform: Platform) -> None:
    platform.world.connect("ga4")
    with pytest.raises(NotListed, match=r"neither a refresh token nor a service account's key.*Open Admin"):
        tree(platform, "ga4")


def test_signing_in_for_analytics_asks_for_its_right_alone(platform: Platform) -> None:
    world = platform.world
    world.connect("ga4")
    redirect = REDIRECT.replace("google_ads", "ga4")
    begun = world.run(service.begin(platform.means, world.project_ref, "ga4", redirect, values=CLIENT))
    back = platform.visit(begun.address)
    assert back["scope"] == ANALYTICS
    world.run(service.finish(platform.means, "ga4", state=back["state"], code=back["code"]))
    assert shape(tree(platform, "ga4").accounts)
