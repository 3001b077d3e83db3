"""Planning: deliveries and warnings from one function, for any lead, path, connections and past."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.conversions.audience import permitted
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, ConnectionState, State
from leadtrackr.conversions.planning import Plan, Planned, Prior, Rating, Target, is_stuck, plan
from leadtrackr.destinations.contract import Event, LeadData
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, iso_millis
from tests.destinations import making

NOW = 1_795_435_200_000_000
SETTINGS = {
    **making.SETTINGS,
    "google_ads": {"operating_account": "1234567890", "user_data": "yes", "click_age_hours": "6"},
    "ga4": {"measurement_id": "G-AB12CD34EF"},
    "meta": {"dataset_id": "123456789012345"},
}
ACTIONS = {**making.ACTIONS, "google_ads": "987654321", "ga4": "qualify_lead", "meta": "Lead"}
CONNECTIONS = {slug: number for number, slug in enumerate(DESTINATIONS, start=1)}
SLUGS = {number: slug for slug, number in CONNECTIONS.items()}
LABELS = (1, 2, 3)


@dataclass(frozen=True)
class Case:
    """One status change with everything that it depends on."""

    rating: Rating
    targets: tuple[Target, ...]
    priors: tuple[Prior, ...]

    def plan(self) -> Plan:
        return plan(self.rating, self.targets, self.priors, DESTINATIONS, [f"lt-{n}" for n in range(len(self.targets))])


def lead(**changes: object) -> LeadData:
    values: dict[str, object] = {
        "lead_id": 42,
        "created_at": NOW - DAY,
        "email": "erika@example.de",
        "ids": {"gclid": "Cj0", "cid": "1.2", "fbp": "fb.1.1790000000000.1098115397"},
    }
    return LeadData(**{**values, **changes})  # type: ignore[arg-type]


def target(slug: str = "google_ads", label: int = 1, **changes: object) -> Target:
    values: dict[str, object] = {
        "label_id": label,
        "connection_id": CONNECTIONS[slug],
        "destination": slug,
        "action": ACTIONS[slug],
        "settings": SETTINGS[slug],
        "state": ConnectionState.ACTIVE,
        "hold_code": None,
        "paused_until": None,
        "pause_code": None,
    }
    return Target(**{**values, **changes})  # type: ignore[arg-type]


def prior(number: int, state: State, label: int = 1, slug: str = "google_ads", *, stuck: bool | None = None) -> Prior:
    waits = state in (State.WAITING, State.HELD)
    return Prior(number, label, CONNECTIONS[slug], state, waits if stuck is None else stuck)


def case(
    *targets: Target,
    of: LeadData | None = None,
    path: tuple[int, ...] = (1,),
    priors: tuple[Prior, ...] = (),
    once: bool = False,
    price: int | None = None,
) -> Case:
    rating = Rating(lead=of or lead(), path=path, convert_once=once, price=price, currency="EUR", now=NOW)
    return Case(rating, targets, priors)


# Any case at all

_consent = st.dictionaries(
    st.sampled_from(["ad_user_data", "ad_personalization", "ad_storage", "analytics_storage"]),
    st.sampled_from(["granted", "denied"]),
)
_ids = st.fixed_dictionaries(
    {}, optional={"gclid": st.just("Cj0"), "cid": st.just("1.2"), "fbp": st.just("fb.1.17.1"), "wbraid": st.just("w")}
)
_leads = st.builds(
    LeadData,
    lead_id=st.just(42),
    created_at=st.integers(NOW - 100 * DAY, NOW + DAY),
    email=st.none() | st.just("erika@example.de"),
    phone=st.none() | st.just("+493012345678"),
    first_name=st.none() | st.just("Erika"),
    last_name=st.none() | st.just("Mustermann"),
    company_name=st.none() | st.just("Muster GmbH"),
    country=st.none() | st.just("DE"),
    ids=_ids,
    consent=_consent,
    ip_address=st.none() | st.just("203.0.113.7"),
    user_agent=st.none() | st.just("Mozilla/5.0"),
)
_priors = st.lists(
    st.tuples(
        st.sampled_from(LABELS), st.sampled_from(list(DESTINATIONS)), st.sampled_from(list(State)), st.booleans()
    ),
    max_size=6,
).map(lambda rows: tuple(prior(n, s, label, slug, stuck=b) for n, (label, slug, s, b) in enumerate(rows, start=1)))


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    path = LABELS[-draw(st.integers(1, 3)) :]
    stops: dict[str, dict[str, object]] = {}
    for slug in DESTINATIONS:
        paused = draw(st.none() | st.integers(NOW - HOUR, NOW + HOUR))
        held = draw(st.booleans())
        stops[slug] = {
            "state": ConnectionState.HELD if held else ConnectionState.ACTIVE,
            "hold_code": "invalid_grant" if held else None,
            "paused_until": paused,
            "pause_code": "server_error" if paused else None,
        }
    pairs = draw(st.lists(st.tuples(st.sampled_from(list(DESTINATIONS)), st.sampled_from(path)), unique=True))
    rating = Rating(
        lead=draw(_leads),
        path=path,
        convert_once=draw(st.booleans()),
        price=draw(st.none() | st.integers(0, 10**12)),
        currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        now=NOW,
    )
    return Case(rating, tuple(target(slug, label, **stops[slug]) for slug, label in pairs), draw(_priors))


any_case = given(_cases())
many = settings(max_examples=150, deadline=None)


@any_case
@many
def test_warnings_are_the_deliveries_skipped_for_missing_data(one: Case) -> None:
    """No more, no fewer, in the same words; and the API's own question, `missing`, says the same."""
    made = one.plan()
    skipped = {
        (d.destination, d.field, d.detail) for d in made.deliveries if d.code in ("missing_data", "consent_denied")
    }
    assert {(w.integration, w.field, w.reason) for w in made.warnings} == skipped
    assert len(made.warnings) == len(skipped)
    assert {w.timestamp for w in made.warnings} <= {iso_millis(NOW)}
    data = permitted(one.rating.lead)
    for delivery in made.deliveries:
        lacks = bool(DESTINATIONS[delivery.destination].missing(data, SETTINGS[delivery.destination]))
        if delivery.code != "converted_once":
            assert lacks == (delivery.state == State.SKIPPED)


@any_case
@many
def test_a_value_never_goes_without_a_currency(one: Case) -> None:
    for delivery in one.plan().deliveries:
        assert (delivery.value_cents, delivery.currency) == (
            one.rating.price,
            None if one.rating.price is None else one.rating.currency,
        )


@any_case
@many
def test_a_conversion_happens_when_the_status_changed_and_never_before_the_lead(one: Case) -> None:
    for delivery in one.plan().deliveries:
        assert delivery.happened_at == max(NOW, one.rating.lead.created_at)


@any_case
@many
def test_nothing_is_sent_outside_its_window(one: Case) -> None:
    for delivery in one.plan().deliveries:
        destination = DESTINATIONS[delivery.destination]
        event = Event(event_id="x", action="x", happened_at=delivery.happened_at, lead=permitted(one.rating.lead))
        window = destination.window(event, SETTINGS[delivery.destination])
        assert delivery.closes_at == window.closes_at
        if delivery.state in (State.QUEUED, State.WAITING):
            assert delivery.run_at >= NOW
            assert delivery.closes_at > NOW
            assert delivery.run_at >= window.opens_at or delivery.code == "destination_paused"
        if delivery.closes_at <= NOW:
            assert delivery.state in (State.EXPIRED, State.SKIPPED)


@any_case
@many
def test_each_event_of_the_label_is_delivered_and_of_its_path_what_was_never_converted(one: Case) -> None:
    made = one.plan()
    done = {(p.label_id, p.connection_id) for p in one.priors if p.state in UNSETTLED or p.state in DELIVERED}
    last = one.rating.path[-1]
    wanted = [
        (t.label_id, t.connection_id)
        for t in one.targets
        if t.label_id == last or (t.label_id, t.connection_id) not in done
    ]
    planned = [(d.label_id, d.connection_id) for d in made.deliveries]
    assert sorted(planned) == sorted(wanted)
    places = [one.rating.path.index(label) for label, _ in planned]
    assert places == sorted(places), "the path's own order"
    assert len({d.event_id for d in made.deliveries}) == len(planned)
    for delivery in made.deliveries:
        twice = (delivery.label_id, delivery.connection_id) in done and delivery.label_id == last
        assert (delivery.code == "converted_once") == (twice and one.rating.convert_once)


@any_case
@many
def test_every_unsettled_delivery_stands_behind_the_last_unsettled_one_before_it(one: Case) -> None:
    made = one.plan().deliveries
    for place, delivery in enumerate(made):
        if delivery.state not in UNSETTLED:
            assert delivery.behind is None
            continue
        before = [-n for n, d in enumerate(made[:place], start=1) if _same_line(d, delivery)]
        earlier = [p.id for p in one.priors if p.connection_id == delivery.connection_id and p.state in UNSETTLED]
        line = earlier + before
        assert delivery.behind == (line[-1] if line else None)


@any_case
@many
def test_what_cannot_be_tried_now_needs_no_first_pass(one: Case) -> None:
    """And only that: a queued delivery with nothing stuck before it keeps its lead pending until it was tried."""
    made = one.plan().deliveries
    stuck = {p.id: p.stuck for p in one.priors}
    for place, delivery in enumerate(made, start=1):
        stuck[-place] = is_stuck(delivery.state, delivery.behind, delivery.passed)
        expected = delivery.state != State.QUEUED or (delivery.behind is not None and stuck[delivery.behind])
        assert delivery.passed == expected


def _same_line(one: Planned, other: Planned) -> bool:
    return one.connection_id == other.connection_id and one.state in UNSETTLED


# By hand


def test_a_held_connection_makes_held_deliveries_with_its_reason() -> None:
    (made,) = case(target(state=ConnectionState.HELD, hold_code="invalid_grant")).plan().deliveries
    assert (made.state, made.code, made.passed) == (State.HELD, "invalid_grant", True)


def test_a_click_that_is_too_recent_waits_for_its_time() -> None:
    (made,) = case(target(), of=lead(created_at=NOW - HOUR)).plan().deliveries
    assert (made.state, made.code, made.run_at, made.passed) == (State.WAITING, "too_recent", NOW + 5 * HOUR, True)


def test_a_window_that_has_closed_expires_at_once_without_a_warning() -> None:
    made = case(target(), of=lead(created_at=NOW - 91 * DAY)).plan()
    assert [(d.state, d.code) for d in made.deliveries] == [(State.EXPIRED, "window_closed")]
    assert made.warnings == ()


def test_a_paused_connection_makes_deliveries_that_wait_for_its_end() -> None:
    (made,) = case(target(paused_until=NOW + 7, pause_code="rate_limited")).plan().deliveries
    assert (made.state, made.code, made.run_at, made.passed) == (State.WAITING, "rate_limited", NOW + 7, True)
    (over,) = case(target(paused_until=NOW, pause_code="rate_limited")).plan().deliveries
    assert (over.state, over.passed) == (State.QUEUED, False)


def test_denied_consent_is_told_from_data_that_was_never_there() -> None:
    there = case(target("meta"), of=lead(ids={}, consent={"ad_user_data": "denied"})).plan()
    assert [(d.code, d.field) for d in there.deliveries] == [("consent_denied", "user_data")]
    assert "ad_user_data" in there.warnings[0].reason
    never = case(target("meta"), of=lead(ids={}, email=None, consent={"ad_user_data": "denied"})).plan()
    assert [d.code for d in never.deliveries] == ["missing_data"]


def test_one_warning_for_a_platform_however_long_the_path() -> None:
    made = case(target(label=1), target(label=2), of=lead(ids={}, email=None), path=(1, 2)).plan()
    assert [d.state for d in made.deliveries] == [State.SKIPPED, State.SKIPPED]
    assert [(w.integration, w.field) for w in made.warnings] == [("google_ads", "gclid")]


def test_once_is_asked_of_each_platform_by_itself() -> None:
    priors = (prior(1, State.ACCEPTED, slug="google_ads"), prior(2, State.EXPIRED, slug="meta"))
    made = case(target("google_ads"), target("meta"), once=True, priors=priors).plan()
    assert {d.destination: d.code for d in made.deliveries} == {"google_ads": "converted_once", "meta": None}


def test_a_long_line_behind_one_that_waits_is_passed_to_its_end() -> None:
    priors = (prior(1, State.WAITING), prior(2, State.QUEUED, stuck=True))
    made = case(target(label=2), target(label=3), path=(2, 3), priors=priors).plan().deliveries
    assert [(d.behind, d.passed, d.code) for d in made] == [(2, True, "behind_earlier"), (-1, True, "behind_earlier")]


def test_a_line_that_moves_is_not_passed() -> None:
    made = case(target(), priors=(prior(1, State.SENDING, label=2),)).plan().deliveries
    assert [(d.behind, d.passed) for d in made] == [(1, False)]
