"""Every destination against the sandbox's platform, over random leads and at the edges; the report says what was found.

A destination that is new gets its figures with `python -m tests.destinations.compliance.measure`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import pytest

from leadtrackr.conversions.model import ConnectionState, State
from leadtrackr.conversions.planning import Rating, Target, plan, timed
from leadtrackr.destinations.contract import Destination, Event, Request, Settings, Warning
from leadtrackr.destinations.docs import COMPLIANCE, Measured
from leadtrackr.destinations.registry import DESTINATIONS
from tests.destinations.compliance import measure as measuring
from tests.destinations.compliance.measure import (
    LEADS,
    batch,
    disagreements,
    everyone,
    is_taken,
    lines,
    measure,
    needs_something,
)
from tests.destinations.compliance.people import whole
from tests.destinations.compliance.playing import SECOND, Stage, event, variants
from tests.destinations.facts import FACTS
from tests.destinations.making import ACTIONS, DAY, HOUR, SETTINGS

ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
JSON: Final = r"application/json(?:; ?charset=utf-8)?"


def known() -> dict[str, Measured]:
    """The report as it is in the repository."""
    return msgspec.json.decode(COMPLIANCE.read_bytes(), type=dict[str, Measured])


@ALL
def test_the_report_says_what_is_measured_now(destination: Destination) -> None:
    again = "run: python -m tests.destinations.compliance.measure && python -m leadtrackr.destinations.docs"
    found = measure(destination)
    assert known().get(destination.slug) == found, again
    assert found.disagreements == 0
    assert found.leads == found.sent + found.skipped == LEADS


def test_the_report_holds_the_registry_and_nothing_else() -> None:
    found = known()
    assert list(found) == list(DESTINATIONS)
    assert "\n".join(lines(found)) + "\n" == COMPLIANCE.read_text()


@ALL
def test_the_random_leads_are_of_every_kind(destination: Destination) -> None:
    """Else agreement over them would say little."""
    lacking = sum(bool(destination.missing(lead, SETTINGS[destination.slug])) for lead in everyone())
    assert (LEADS // 10 < lacking < LEADS * 9 // 10) == needs_something(destination)


@pytest.mark.parametrize("slug", ["google_ads", "ga4", "meta"])
@pytest.mark.parametrize("wrong", [(), (Warning("x", "It is skipped."),)], ids=["skips nothing", "skips everything"])
def test_a_rule_that_is_wrong_would_be_found(
    slug: str, wrong: tuple[Warning, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = DESTINATIONS[slug]
    monkeypatch.setattr(measuring, "needs_something", lambda _destination: True)
    careless = msgspec.structs.replace(right, missing=lambda _lead, _settings: wrong, build=_patient(right))
    assert len(disagreements(careless)[1]) > LEADS // 5


def _patient(destination: Destination) -> Callable[..., Request]:
    """The destination's build, which for a lead that it may not be given makes a request that nobody takes."""

    def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
        try:
            return destination.build(events, settings, token)
        except LookupError:
            return Request(service=destination.slug, url="https://example.com/", headers={}, body=b"{}")

    return build


@ALL
def test_the_address_and_the_headers_are_those_of_the_documents(destination: Destination) -> None:
    written = FACTS[destination.slug]
    if not written.address:
        assert destination.slug == "webhook", "its test data lacks the address of the platform's documents"
        return
    for settings in variants(destination):
        request = destination.build([event(destination.slug, whole(), 1)], settings, "token")
        assert request.method == "POST"
        assert re.fullmatch(written.address, request.url), request.url
        for name, form in {"content-type": JSON, **written.headers}.items():
            assert re.fullmatch(form, request.headers[name], re.IGNORECASE), name


@ALL
def test_a_repeat_has_the_same_key_and_another_event_another(destination: Destination) -> None:
    stage, settings = Stage(), SETTINGS[destination.slug]
    first = event(destination.slug, whole(), 1)
    other = event(destination.slug, whole(), 2, happened_at=first.happened_at + HOUR)
    at = max(destination.window(other, settings).opens_at, other.happened_at)
    keys = []
    for one in (first, first, other):
        request = destination.build([one], settings, stage.token(destination, at))
        keys.append(stage.play(request, at).taken[0].key)
    assert keys[0]
    assert keys[0] == keys[1] != keys[2]


@ALL
def test_a_full_batch_is_taken_whole(destination: Destination) -> None:
    size = destination.limits.batch_events
    assert len(batch(destination, size).taken) == size


@ALL
def test_the_last_moment_is_in_and_the_first_one_out(destination: Destination) -> None:
    """In: the platform takes what is sent then. Out: nothing is sent any more."""
    stage, one = Stage(), event(destination.slug, whole(), 1)
    window = destination.window(one, SETTINGS[destination.slug])
    assert is_taken(destination, stage, max(window.opens_at, one.happened_at))
    assert is_taken(destination, stage, window.closes_at - SECOND)
    assert is_taken(destination, stage, window.closes_at - 1)
    assert planned(destination, window.closes_at - 1, since=one.happened_at) != State.EXPIRED
    assert planned(destination, window.closes_at, since=one.happened_at) == State.EXPIRED


def planned(destination: Destination, now: int, *, since: int) -> State:
    """What becomes of a delivery of that moment when it is looked at now."""
    lead = msgspec.structs.replace(whole(), created_at=since)
    rating = Rating(lead=lead, path=(1,), convert_once=False, price=None, currency="EUR", now=since)
    (made,) = plan(rating, [target(destination)], [], DESTINATIONS, ["lt-a"]).deliveries
    base = msgspec.structs.replace(made, state=State.QUEUED, code=None)
    return timed(base, target(destination), now).state


def target(destination: Destination) -> Target:
    """The usual connection."""
    return Target(
        connection_id=1,
        destination=destination.slug,
        settings=SETTINGS[destination.slug],
        state=ConnectionState.ACTIVE,
        hold_code=None,
        paused_until=None,
        pause_code=None,
        label_id=1,
        action=ACTIONS[destination.slug],
    )


@ALL
def test_too_recent_is_a_known_time_at_which_it_is_taken(destination: Destination) -> None:
    lead, stage = whole(), Stage()
    rating = Rating(lead=lead, path=(1,), convert_once=False, price=None, currency="EUR", now=lead.created_at)
    (made,) = plan(rating, [target(destination)], [], DESTINATIONS, ["lt-a"]).deliveries
    opens = destination.window(event(destination.slug, lead, 1), SETTINGS[destination.slug]).opens_at
    assert made.run_at == max(opens, lead.created_at)
    assert (made.state, made.code) == (
        (State.WAITING, "too_recent") if opens > lead.created_at else (State.QUEUED, None)
    )
    assert is_taken(destination, stage, made.run_at)


@pytest.mark.parametrize(("slug", "age"), [("meta", 7 * DAY), ("ga4", 3 * DAY)])
def test_the_platforms_own_edge(slug: str, age: int) -> None:
    """The oldest that the documents allow is taken to the second; our window keeps a minute for the way."""
    destination, stage, lead = DESTINATIONS[slug], Stage(), whole()
    assert is_taken(destination, stage, lead.created_at + age)
    assert not is_taken(destination, stage, lead.created_at + age + SECOND)
    window = destination.window(event(slug, lead, 1), SETTINGS[slug])
    assert window.closes_at == lead.created_at + age - 60 * SECOND


def test_google_waits_six_hours_after_the_lead() -> None:
    lead = whole()
    rating = Rating(lead=lead, path=(1,), convert_once=False, price=None, currency="EUR", now=lead.created_at)
    (made,) = plan(rating, [target(DESTINATIONS["google_ads"])], [], DESTINATIONS, ["lt-a"]).deliveries
    assert (made.state, made.run_at - lead.created_at) == (State.WAITING, 6 * HOUR)
