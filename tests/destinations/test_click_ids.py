"""Click ids and cookies leave byte for byte: never lower-cased, cut, trimmed or encoded; of Google's three, one."""

import itertools
import json
import string
from typing import Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadtrackr.conversions.audience import lead_data, shown
from leadtrackr.destinations.contract import Destination, LeadData
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.leads.intake import decode, read
from leadtrackr.leads.model import Door
from tests.destinations.compliance import people
from tests.destinations.compliance.people import whole
from tests.destinations.compliance.playing import Stage
from tests.destinations.compliance.playing import event as conversion
from tests.destinations.leaves import Place, leaves
from tests.destinations.making import CLICK_IDS, NOON, SETTINGS, event

GOOGLE: Final = ("gclid", "gbraid", "wbraid")
OFTEN: Final = string.ascii_letters + string.digits + "-_" * 4 + "+/=%.~&?#:;,!*'()$@|\\\"<> "
FORMS: Final = {"fbc": "fb.1.1790000000000.", "fbp": "fb.1.1790000000000."}
"""What must stand before an id of these names, else it is none."""
FORMED: Final = {"cid", "sid", "scid", "rdt_uuid"}
"""Ids that are numbers or a UUID: others are no such ids and are left out."""


def as_posted(ids: dict[str, str]) -> LeadData:
    """A lead with these ids, posted as JSON and read as any other."""
    body = {"projectId": "1", "userData": {"email": "erika@example.de"}, "attributionData": ids}
    intake = read(
        decode(json.dumps(body).encode()), door=Door.WEB, country=None, request_ip=None, request_user_agent=None
    )
    return lead_data(intake, lead_id=1, created_at=NOON, country=None)


def with_id(destination: Destination, name: str, value: str) -> LeadData | None:
    """A lead with this id, and with no other that it can do without; None when it cannot be sent."""
    for others in ({}, {"cid": "1.2"}, {other: of for other, of in whole().ids.items() if other not in GOOGLE}):
        someone = as_posted({**others, name: value})
        if not destination.missing(someone, SETTINGS[destination.slug]):
            return someone
    return None


def place_of(destination: Destination, name: str) -> Place | None:
    """Where the destination puts the id of this name; None when it does not send it."""
    marker = whole().ids[name]
    someone = with_id(destination, name, marker)
    if someone is None:
        return None
    found = leaves(destination, event(someone, destination.slug))
    return next((place for place, value in found.items() if value == marker), None)


SENT: Final = [
    (slug, name, place)
    for slug, destination in DESTINATIONS.items()
    for name in CLICK_IDS
    if (place := place_of(destination, name)) is not None
]
"""Every id that a destination sends."""


def test_what_is_sent_is_known() -> None:
    known = {(slug, name) for slug, name, _ in SENT}
    assert {("google_ads", name) for name in GOOGLE} <= known
    assert {("ga4", "cid"), ("ga4", "sid"), ("meta", "fbc"), ("meta", "fbp")} <= known


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_ids_that_a_destination_is_not_shown_make_no_difference(slug: str) -> None:
    """What it declares to read is all that it reads: for its request, its window and whether a lead can be used."""
    destination, settings = DESTINATIONS[slug], SETTINGS[slug]
    compared = 0
    for someone in people.leads(seed=7, count=200):
        ids = {name: value for name, value in someone.ids.items() if name in shown(slug)}
        less = msgspec.structs.replace(someone, ids=ids)
        assert destination.missing(less, settings) == destination.missing(someone, settings)
        if destination.missing(someone, settings):
            continue
        one, other = event(someone, slug), event(less, slug)
        assert destination.window(other, settings) == destination.window(one, settings)
        assert destination.build([other], settings, "t").body == destination.build([one], settings, "t").body
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_the_ids_that_are_declared_are_sent(slug: str) -> None:
    sent = {name for of, name, _ in SENT if of == slug}
    assert sent >= set(DESTINATIONS[slug].click_ids)


@pytest.mark.parametrize(("slug", "name", "place"), SENT, ids=[f"{slug} {name}" for slug, name, _ in SENT])
@settings(deadline=None)
@given(text=st.text(OFTEN, min_size=1, max_size=300) | st.text(min_size=1, max_size=60))
@example(text="Cj0KCQiA-aBc_DEF+/==%2F%20..AbC")
@example(text=" leading and trailing ")
@example(text="UPPERlower" * 90)
def test_an_id_leaves_byte_for_byte_or_not_at_all(slug: str, name: str, place: Place, text: str) -> None:
    destination, value = DESTINATIONS[slug], FORMS.get(name, "") + text
    someone = with_id(destination, name, value)
    if someone is None or name not in someone.ids or _is_a_cookie(value):
        return
    if "\0" not in value:
        assert someone.ids[name] == value
    found = leaves(destination, event(someone, slug)).get(place)
    assert found in (someone.ids[name], None)
    assert found is not None or not _is_plain(text) or name in FORMED


def _is_a_cookie(value: str) -> bool:
    """Whole cookies have their id taken out; the tests of leads tell how."""
    return value.startswith(("GCL.", "GA"))


def _is_plain(text: str) -> bool:
    """What every platform's ids are made of, of a usual length; such an id may not be left out."""
    return 20 <= len(text) <= 60 and set(text) <= set(string.ascii_letters + string.digits)


@pytest.mark.parametrize("user_data", ["yes", "no"])
@pytest.mark.parametrize("given_ids", list(itertools.product((False, True), repeat=3)), ids=str)
def test_the_eight_combinations_of_google(given_ids: tuple[bool, bool, bool], user_data: str) -> None:
    """At most one is sent, gclid before gbraid before wbraid: the two braids exclude each other by an error of their
    own, and what a gclid beside a braid means is not documented."""
    ids = {name: f"{name}-AbC_dEf" for name, there in zip(GOOGLE, given_ids, strict=True) if there}
    someone = msgspec.structs.replace(whole(), ids=ids)
    chosen = {**SETTINGS["google_ads"], "user_data": user_data}
    if not ids and user_data == "no":
        assert GOOGLE_ADS.missing(someone, chosen)
        return
    assert not GOOGLE_ADS.missing(someone, chosen)
    one = conversion("google_ads", someone, 1)
    stage, at = Stage(), GOOGLE_ADS.window(one, chosen).opens_at
    google = stage.platforms["google_ads"]
    google.configure(msgspec.structs.replace(google.settings, both_braids="refuse", gclid_with_braid="refuse"))
    request = GOOGLE_ADS.build([one], chosen, stage.token(GOOGLE_ADS, at))
    assert stage.play(request, at).taken
    sent = json.loads(request.body)["events"][0].get("adIdentifiers")
    first = next(iter(ids.items()), None)
    assert sent == (None if first is None else dict([first]))
