"""What the dry run tells of a lead's earlier conversions is what the status change then does, on both databases."""

from typing import Any

import pytest

from leadtrackr.conversions import service, view
from leadtrackr.conversions.counting.service import will_count
from leadtrackr.conversions.preview import preview
from leadtrackr.db import tables
from leadtrackr.leads.service import Ref
from tests.support.engine import RETRY, UNKNOWN, World
from tests.support.tables import everything

MADE = (
    "label_id",
    "destination",
    "account",
    "action",
    "kind",
    "takes_back",
    "happened_at",
    "value_cents",
    "currency",
    "state",
    "code",
    "sent_as",
    "behind",
)
Told = dict[str, Any]


def furnish(world: World) -> int:
    """A lead rated Won for 50, which is taken back: taken by two platforms, at two others to be tried again."""
    world.project()
    world.label("Qualified")
    world.label("Won", after=("Qualified",), done=True, take_back=True)
    world.label("Other", on=["google_ads"])
    world.connect("google_ads", retract_as_zero="yes")
    world.connect("meta", "ga4", "linkedin")
    lead_id = world.lead()
    world.rate(lead_id, "Qualified", 5000)
    for slug in world.connections:
        world.send(slug)
    world.rate(lead_id, "Won", 5000)
    for slug, outcome in {"google_ads": None, "meta": None, "ga4": RETRY, "linkedin": UNKNOWN}.items():
        world.send(slug, outcome) if outcome else world.send(slug)
    world.sweep()
    return lead_id


def told(world: World, lead_id: int, to: str, price: int | None = None) -> tuple[Told, list[tuple[Any, ...]]]:
    """The dry run as JSON, and its deliveries as they would stand in the database."""
    found = world.run(service.foresee(world.db, world.ids, world.project_ref, world.post(lead_id, to, price)))
    previews = [preview(one, world.box, lambda request: request.url) for one in found.prospects]
    planned = [one.planned for one in found.prospects]
    return dict(view.foreseen(found, previews)), [tuple(getattr(one, name) for name in MADE) for one in planned]


def opened(world: World, lead_id: int) -> str:
    """The sentence of “will it count?” for `open`."""
    ref = Ref(lead_id=lead_id)
    (found,) = world.run(will_count(world.db, world.ids, world.box, world.project_ref, ref, "open")).labels
    assert found.platforms == ()
    return found.words.sentence


@pytest.mark.parametrize(
    ("to", "price", "kinds"),
    [
        ("open", None, [("google_ads", "retraction"), ("meta", "retraction")]),
        ("lost", None, [("google_ads", "retraction"), ("meta", "retraction")]),
        ("Other", 7000, [("google_ads", "retraction"), ("meta", "retraction"), ("google_ads", "conversion")]),
        ("Qualified", None, None),
        ("Won", 8000, None),
    ],
)
def test_what_is_foretold_is_what_is_done(
    world: World, database_url: str, to: str, price: int | None, kinds: list[tuple[str, str]] | None
) -> None:
    lead_id = furnish(world)
    before, earlier = everything(database_url), world.deliveries()
    foretold, rows = told(world, lead_id, to, price)
    assert everything(database_url) == before, "a dry run writes nothing"
    assert not foretold["pending"]
    world.rate(lead_id, to, price)
    after = world.deliveries()
    made = after[len(earlier) :]
    first = after[len(earlier)].id if made else 0
    places = {-number: first + number - 1 for number in range(1, len(made) + 1)}
    behind = MADE.index("behind")
    assert [(*row[:behind], places.get(row[behind], row[behind])) for row in rows] == [
        tuple(getattr(one, name) for name in MADE) for one in made
    ]
    shown = [(one["destination"], one["kind"], one["takesBack"], one["state"]) for one in foretold["deliveries"]]
    assert shown == [(one.destination, one.kind, one.takes_back, one.state) for one in made]
    cancelled = [
        (one.id, one.destination, one.code)
        for one, was in zip(after, earlier, strict=False)
        if one.state == "cancelled" != was.state
    ]
    assert [(one["id"], one["destination"], one["code"]) for one in foretold["cancels"]] == cancelled
    assert all(one["sentence"].endswith(".") for one in foretold["cancels"])
    if kinds is not None:
        assert [(slug, kind) for slug, kind, _, _ in shown] == kinds
        assert {slug: code for _, slug, code in cancelled} == {"ga4": "taken_back", "linkedin": "taken_back_unsure"}


def test_open_is_told_with_what_is_taken_back_what_stays_and_what_is_not_sent(world: World) -> None:
    lead_id = furnish(world)
    assert opened(world, lead_id) == (
        "The lead would be open again and have no label. Sent to take them back: Won on Google Ads. "
        "Not taken back: Won on Meta. Not sent any more: Won on Google Analytics 4, Won on LinkedIn."
    )
    foretold, _ = told(world, lead_id, "open")
    google, meta = foretold["deliveries"]
    assert google["request"]["url"].startswith("https://"), "its request is shown as it would be sent"
    assert (meta["state"], meta["code"], meta["request"]) == ("skipped", "cannot_take_back", None)
    world.rate(lead_id, "open")
    assert opened(world, lead_id) == "The lead would be open again and have no label. Nothing would be sent."
    foretold, _ = told(world, lead_id, "open")
    assert (foretold["deliveries"], foretold["cancels"]) == ([], [])


def test_what_a_platform_keeps_counted_is_not_said_to_be_taken_back(world: World) -> None:
    lead_id = furnish(world)
    ref, conversion_id = Ref(lead_id=lead_id), world.labels["Other"].conversion_id
    found = world.run(will_count(world.db, world.ids, world.box, world.project_ref, ref, conversion_id))
    back = {one.connection.destination: one.takes_back for one in found.labels[0].platforms}
    assert back == {"google_ads": ("Won",), "meta": (), "ga4": (), "linkedin": ()}


def test_without_the_flag_open_takes_nothing_back(world: World) -> None:
    world.furnish("google_ads", "meta")
    lead_id = world.lead()
    world.rate(lead_id, "Won", 5000)
    for slug in ("google_ads", "meta"):
        world.send(slug)
    foretold, rows = told(world, lead_id, "open")
    assert (rows, foretold["cancels"]) == ([], [])
    assert opened(world, lead_id).endswith("Nothing would be sent.")
    before = len(world.deliveries())
    world.rate(lead_id, "open")
    assert (len(world.deliveries()), len(world.rows(tables.jobs))) == (before, 1)
