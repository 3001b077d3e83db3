"""What is said of a rating before it is made: each answer, its reason and its times, and that nothing is written."""

from typing import Any

import pytest

from leadtrackr.conversions import operations
from leadtrackr.conversions.counting import view
from leadtrackr.conversions.counting.service import will_count
from leadtrackr.conversions.model import State
from leadtrackr.db import tables
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND, iso_millis
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.leads.service import Ref
from tests.support.engine import DOWN, START, World
from tests.support.tables import everything

Told = dict[str, Any]


def ask(world: World, lead_id: object, label: object = "Won") -> Told:
    """The whole answer; a label may be given by name."""
    named = world.labels.get(str(label))
    conversion_id = named.conversion_id if named else label
    found: Any = view.counting(
        world.run(will_count(world.db, world.ids, world.box, world.project_ref, Ref(lead_id=lead_id), conversion_id))
    )
    return dict(found)


def platforms(world: World, lead_id: int, label: str = "Won") -> dict[str, Told]:
    """Each platform's answer for one label."""
    (of_label,) = ask(world, lead_id, label)["labels"]
    return {one["destination"]: one for one in of_label["platforms"]}


def test_it_says_until_when_by_what_the_platform_measures_from(world: World, database_url: str) -> None:
    world.furnish("google_ads", "meta", "webhook")
    clicked, hashed = world.lead(), world.lead(email="jan@example.de", attribution={})
    world.step(HOUR)
    before = everything(database_url)
    found = platforms(world, clicked)
    assert everything(database_url) == before, "nothing is written"
    assert {slug: one["answer"] for slug, one in found.items()} == dict.fromkeys(found, "yes")
    assert found["google_ads"]["usableUntil"] == iso_millis(START + 90 * DAY)
    assert platforms(world, hashed)["google_ads"]["usableUntil"] == iso_millis(START + 63 * DAY)
    assert found["google_ads"]["closesAt"] == found["google_ads"]["usableUntil"], "its time runs from the click"
    assert found["meta"]["usableUntil"] is None, "its time runs from the rating"
    assert found["meta"]["closesAt"] == iso_millis(START + HOUR + 7 * DAY - MINUTE)
    assert found["meta"]["sendAt"] == iso_millis(START + HOUR)
    world.step(90 * DAY)
    found = platforms(world, clicked)
    over = found["google_ads"]
    assert (over["answer"], over["code"], over["closesAt"]) == ("no", "window_closed", None)
    assert over["usableUntil"] == iso_millis(START + 90 * DAY), "when it ended"
    assert found["meta"]["answer"] == "yes"


def test_what_is_missing_is_told_from_what_was_denied(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    poor = world.lead(email=None, attribution={"fbp": "fb.1.1790000000000.1098115397"})
    found = platforms(world, poor)
    assert found["meta"]["answer"] == "yes"
    assert (found["ga4"]["answer"], found["ga4"]["code"]) == ("no", "missing_data")
    assert found["ga4"]["missing"]["field"] == "cid"
    assert "client id" in found["ga4"]["missing"]["sentence"]
    assert found["ga4"]["nextStep"].startswith("Send the missing field")
    assert (found["ga4"]["usableUntil"], found["ga4"]["sendAt"]) == (None, None)
    consent = {"ad_user_data": "denied", "ad_storage": "denied"}
    answer = ask(world, world.lead(attribution={"gclid": "G", "cid": "1.2", "consent": consent}))
    (of_label,) = answer["labels"]
    found = {one["destination"]: one for one in of_label["platforms"]}
    assert answer["consent"] == consent
    assert (found["google_ads"]["code"], found["google_ads"]["missing"]["field"]) == ("consent_denied", "gclid")
    assert found["ga4"]["answer"] == "yes", "consent to advertising is not asked there"
    assert of_label["sentence"] == "Counts on Google Analytics 4. Does not count on Google Ads, Meta."


def test_google_s_six_hours_are_a_time(world: World) -> None:
    world.project()
    world.label("Won", done=True)
    world.connect("google_ads", click_age_hours="6")
    found = platforms(world, world.lead())["google_ads"]
    assert (found["answer"], found["code"], found["sendAt"]) == ("not_yet", "too_recent", iso_millis(START + 6 * HOUR))


def test_a_held_connection_says_why_and_a_paused_one_until_when(world: World) -> None:
    world.furnish("meta", "ga4")
    world.run(operations.pause(world.db, world.project_ref, "ga4"))
    for _ in range(3):
        world.rate(world.lead(), "Won")
        world.send("meta", DOWN)
        world.step(HOUR)
        world.sweep()
    lead_id = world.lead()
    world.rate(world.lead(), "Won")
    world.send("meta", DOWN)
    found = platforms(world, lead_id)
    held, paused = found["ga4"], found["meta"]
    assert (held["answer"], held["code"]) == ("when_mended", "paused_by_person")
    assert (held["connection"]["state"], held["connection"]["nextStep"][:21]) == ("held", "Resume the connection")
    assert (held["sendAt"], held["closesAt"]) == (None, iso_millis(world.clock.now() + 72 * HOUR - MINUTE))
    assert (paused["answer"], paused["connection"]["state"]) == ("not_yet", "paused")
    assert paused["sendAt"] == paused["connection"]["until"] > iso_millis(world.clock.now())


def test_what_cannot_be_sent_before_its_window_closes_does_not_count(world: World) -> None:
    world.furnish("google_ads")
    late, other = world.lead(), world.lead(attribution={"gclid": "other"})
    world.step(90 * DAY - SECOND)
    world.rate(other, "Won")
    world.send("google_ads", DOWN)
    (connection,) = world.rows(tables.connections)
    assert connection.paused_until >= START + 90 * DAY
    found = platforms(world, late)["google_ads"]
    assert (found["answer"], found["closesAt"]) == ("no", None)
    assert found["sentence"].startswith("It could not be sent before")
    world.rate(late, "Won")
    world.step(connection.paused_until - world.clock.now())
    world.sweep()
    assert world.states(lead_id=late) == [State.EXPIRED]


def test_behind_an_earlier_one_it_says_behind_which(world: World) -> None:
    world.furnish("meta")
    world.label("Later", done=True)
    lead_id = world.lead()
    world.rate(lead_id, "Won", 5000)
    answer = ask(world, lead_id, "Later")
    (first,) = world.deliveries()
    (found,) = answer["labels"][0]["platforms"]
    assert answer["pending"], "the rating itself would be refused now"
    assert (found["answer"], found["code"], found["behind"]) == ("not_yet", "behind_earlier", first.id)


def test_a_label_that_counts_once_has_counted(world: World) -> None:
    world.project()
    world.label("Won", done=True, convert_once=True)
    world.connect("meta")
    lead_id = world.lead()
    world.rate(lead_id, "Won")
    world.send("meta")
    found = platforms(world, lead_id)["meta"]
    assert (found["answer"], found["code"], found["usableUntil"]) == ("counted", "converted_once", None)


def test_the_path_is_told_with_it_and_what_is_taken_back(world: World) -> None:
    world.project()
    world.label("Qualified", take_back=True)
    world.label("Won", after=["Qualified"], done=True)
    world.label("Other", on=["meta"])
    world.connect("microsoft", "meta")
    lead_id = world.lead()
    found = platforms(world, lead_id)
    assert [(one["label"], one["answer"]) for one in found["meta"]["before"]] == [("Qualified", "yes")]
    assert found["meta"]["answer"] == "yes", "what stands behind its own path alone is sent at once"
    world.rate(lead_id, "Qualified", 5000)
    for slug in ("microsoft", "meta"):
        world.send(slug)
    found = platforms(world, lead_id)
    assert [(one["label"], one["answer"]) for one in found["meta"]["before"]] == [("Qualified", "counted")]
    other = platforms(world, lead_id, "Other")
    assert (other["microsoft"]["answer"], other["microsoft"]["takesBack"]) == ("no_event", ["Qualified"])
    assert (other["microsoft"]["action"], other["microsoft"]["before"]) == (None, [])
    assert other["meta"]["answer"] == "yes"
    again = platforms(world, lead_id, "Qualified")
    assert {slug: one["answer"] for slug, one in again.items()} == {"microsoft": "counted", "meta": "counted"}


def test_the_secret_key_of_another_day_is_something_to_mend(world: World) -> None:
    world.furnish("meta")
    lead_id = world.lead()
    world.box = type(world.box)(["another key that is long enough to be one, though it opens nothing"])
    found = platforms(world, lead_id)["meta"]
    assert (found["answer"], found["code"]) == ("when_mended", "unreadable_secrets")


def test_an_event_that_is_too_large_does_not_count(world: World) -> None:
    world.furnish("meta")
    long = world.lead(attribution={"fbp": "fb.1.1790000000000.1", "fbc": "fb.1.1790000000000." + "x" * 9_000_000})
    found = platforms(world, long)["meta"]
    assert (found["answer"], found["code"], found["usableUntil"]) == ("no", "too_large", None)


def test_without_a_label_every_one_is_answered_for_and_open_counts_nowhere(world: World) -> None:
    world.furnish(*DESTINATIONS)
    world.label("Early", on=["meta"])
    lead_id = world.lead()
    answer = ask(world, lead_id, None)
    assert [one["label"] for one in answer["labels"]] == ["Won", "Early", "Lost"]
    assert answer["labels"] == [ask(world, lead_id, name)["labels"][0] for name in ("Won", "Early", "lost")]
    assert ask(world, lead_id, " ")["labels"] == answer["labels"], "blank is absent"
    assert {one["answer"] for one in answer["labels"][2]["platforms"]} == {"no_event"}
    (opened,) = ask(world, lead_id, "open")["labels"]
    assert (opened["label"], opened["platforms"]) == (None, [])
    assert "Nothing would be sent" in opened["sentence"]


def test_a_project_without_platforms_is_told_so(world: World) -> None:
    world.furnish()
    (found,) = ask(world, world.lead())["labels"]
    assert found["platforms"] == []
    assert "connected to no platform" in found["sentence"]
    assert "leadtrackr connect" in found["nextStep"]


def test_what_cannot_be_asked_is_said(world: World) -> None:
    world.furnish("meta")
    lead_id = world.lead()
    with pytest.raises(NotFound, match="Lead not found"):
        ask(world, lead_id + 1)
    with pytest.raises(InvalidInput, match="one of leadId"):
        ask(world, None)
    for wrong, words in (("nonsense", "no such conversion label"), (5, "must be a text")):
        with pytest.raises(InvalidInput, match=words):
            ask(world, lead_id, wrong)
