"""Conversion actions of a Google Ads account, listed and made over HTTP against the emulator, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadtrackr.accounts.model import Actor, Role
from leadtrackr.conversions.linking import discovery
from leadtrackr.conversions.linking.discovery import Filter
from leadtrackr.conversions.linking.model import NotListed
from leadtrackr.destinations.contract import ConversionAction, NewAction
from leadtrackr.destinations.registry import get, validate_event_value
from leadtrackr.kit.errors import InvalidInput, NotFound
from tests.support.engine import World
from tests.support.platform import CLIENT, Platform, beside

SHOP, AGENCY = "1234567890", "9876543210"


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project that is connected to Google Ads, and a sandbox."""
    world.project()
    world.connect("google_ads", **CLIENT)
    with beside(world) as made:
        yield made


def actions(platform: Platform, by: Actor | None = None, slug: str = "google_ads", **wanted: Any) -> list[Any]:
    world = platform.world
    return world.run(discovery.actions(platform.means, world.project_ref, slug, Filter(**wanted), by=by))


def create(platform: Platform, by: Actor | None = None, **values: Any) -> ConversionAction:
    world = platform.world
    new = NewAction(**{"name": "Qualified", "category": "QUALIFIED_LEAD", **values})
    return world.run(discovery.create_action(platform.means, world.project_ref, "google_ads", new, by=by))


def test_those_that_can_be_sent_to_are_listed(platform: Platform) -> None:
    (one,) = actions(platform)
    assert (one.id, one.name, one.state, one.category) == ("987654321", "Imported lead", "enabled", "IMPORTED_LEAD")
    assert (one.counting, one.window_days, one.is_primary, one.is_usable) == ("one", 30, True, True)
    assert validate_event_value(get("google_ads"), one.id) == one.id


def test_the_others_say_why_not(platform: Platform) -> None:
    owner = {"id": AGENCY, "name": "Agency", "manager": True, "below": [SHOP]}
    shop = {"id": SHOP, "conversion_customer": AGENCY}
    listed = [
        {"id": "1", "customer": AGENCY, "name": "Theirs"},
        {"id": "2", "customer": AGENCY, "name": "Page", "type": "WEBPAGE"},
        {"id": "3", "customer": AGENCY, "name": "Gone", "status": "REMOVED"},
    ]
    platform.client.set("google_ads_api", customers=[owner, shop], accessible=[SHOP], actions=listed)
    assert actions(platform) == []
    gone, page, theirs = actions(platform, everything=True)
    assert (gone.state, gone.is_usable) == ("removed", False)
    assert page.note == f"Not of the type Import, from clicks. Owned by account {AGENCY}: connect that one."
    assert theirs.note == f"Owned by account {AGENCY}: connect that one."


def test_they_are_picked_by_name_and_category(platform: Platform) -> None:
    for name, category in (("Quote sent", "REQUEST_QUOTE"), ("quote signed", "CONVERTED_LEAD")):
        create(platform, name=name, category=category)
    assert [one.name for one in actions(platform, name="QUOTE")] == ["Quote sent", "quote signed"]
    assert [one.name for one in actions(platform, category="converted_lead")] == ["quote signed"]


def test_every_page_is_read(platform: Platform) -> None:
    listed = [{"id": str(number), "customer": SHOP, "name": f"Action {number:02}"} for number in range(1, 26)]
    platform.client.set("google_ads_api", actions=listed, page_rows=10)
    assert [one.id for one in actions(platform)] == [str(number) for number in range(1, 26)]


def test_one_is_made_with_everything_that_can_be_said(platform: Platform) -> None:
    made = create(
        platform,
        counting="every",
        window_days=60,
        value_cents=2550,
        currency="EUR",
        always_this_value=True,
        is_primary=False,
    )
    assert (made.name, made.category, made.counting, made.window_days) == ("Qualified", "QUALIFIED_LEAD", "every", 60)
    assert (made.value, made.is_primary, made.is_usable) == ("always 25.5 EUR", False, True)
    assert "four to six hours" in made.note
    sent = next(call["body"] for call in platform.client.calls("google_ads_api") if call["path"].endswith(":mutate"))
    assert sent["operations"][0]["create"] == {
        "name": "Qualified",
        "type": "UPLOAD_CLICKS",
        "category": "QUALIFIED_LEAD",
        "status": "ENABLED",
        "primaryForGoal": False,
        "countingType": "MANY_PER_CLICK",
        "clickThroughLookbackWindowDays": 60,
        "valueSettings": {"defaultValue": 25.50, "defaultCurrencyCode": "EUR", "alwaysUseDefaultValue": True},
    }
    assert made.id in {one.id for one in actions(platform)}


def test_what_is_left_out_is_googles_own(platform: Platform) -> None:
    create(platform)
    sent = next(call["body"] for call in platform.client.calls("google_ads_api") if call["path"].endswith(":mutate"))
    assert sent["operations"][0]["create"].keys() == {"name", "type", "category", "status", "primaryForGoal"}


def test_a_name_that_is_there_is_refused_in_words(platform: Platform) -> None:
    create(platform)
    with pytest.raises(NotListed, match=r"of this name already.*Choose another name") as refused:
        create(platform)
    assert refused.value.code == "DUPLICATE_NAME"


def test_an_account_whose_actions_are_its_managers_makes_none(platform: Platform) -> None:
    shop = {"id": SHOP, "tracking": "CONVERSION_TRACKING_MANAGED_BY_ANOTHER_MANAGER"}
    platform.client.set("google_ads_api", customers=[shop], accessible=[SHOP])
    with pytest.raises(NotListed, match="use the account that owns the conversion actions"):
        create(platform)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "  "}, "name"),
        ({"category": "LEAD"}, "category"),
        ({"window_days": 0}, "window_days"),
        ({"window_days": 91}, "window_days"),
        ({"view_days": 7}, "view_days"),
        ({"value_cents": 100}, "currency"),
        ({"currency": "EUR"}, "currency"),
        ({"value_cents": 100, "currency": "EURO"}, "currency"),
        ({"value_cents": -1, "currency": "EUR"}, "value"),
        ({"always_this_value": True}, "value"),
    ],
)
def test_what_google_would_refuse_is_not_asked(platform: Platform, values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(platform, **values)
    assert refused.value.field == field
    assert platform.client.calls("google_ads_api") == []


def test_whose_actions_they_are(platform: Platform) -> None:
    alice, bob = platform.person("alice@example.com", Role.OWNER), platform.person("bob@example.com")
    assert actions(platform, by=alice) == actions(platform, by=bob)
    assert create(platform, by=bob).id
    charlie = platform.person("charlie@example.com", None)
    with pytest.raises(NotFound, match="Project not found"):
        actions(platform, by=charlie)
    with pytest.raises(NotFound, match="Project not found"):
        create(platform, by=charlie, name="Hidden")


def test_a_platform_without_actions_says_so(platform: Platform) -> None:
    platform.world.connect("meta")
    with pytest.raises(InvalidInput, match="Meta lists no conversion actions"):
        actions(platform, slug="meta")
