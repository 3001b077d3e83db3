"""What leaves of a lead, for any consent."""

from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.conversions.audience import ANALYTICS_IDS, permitted
from leadtrackr.destinations.contract import Event, LeadData
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.leads.attribution import IDS
from tests.destinations import making

PERSONAL = ("email", "phone", "first_name", "last_name", "company_name", "country", "ip_address", "user_agent")
EVERYTHING = {
    "email": "erika@example.de",
    "phone": "+493012345678",
    "first_name": "Erika",
    "last_name": "Mustermann",
    "company_name": "Muster GmbH",
    "country": "DE",
    "ip_address": "203.0.113.7",
    "user_agent": "Mozilla/5.0",
}
ALL_IDS = {name: f"value-of-{name}" for name in IDS}
_consent = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(["granted", "denied"])
        for name in ("ad_user_data", "ad_personalization", "ad_storage", "analytics_storage")
    },
)


def everything(consent: dict[str, str]) -> LeadData:
    return LeadData(lead_id=1, created_at=1, ids=ALL_IDS, consent=consent, conversion_page="example.de", **EVERYTHING)


@given(_consent)
def test_denied_user_data_takes_every_personal_value_away_and_nothing_else_does(consent: dict[str, str]) -> None:
    left = permitted(everything(consent))
    denied = consent.get("ad_user_data") == "denied"
    for name in PERSONAL:
        assert getattr(left, name) == (None if denied else EVERYTHING[name])


@given(_consent)
def test_denied_storage_takes_every_click_id_away_and_nothing_else_does(consent: dict[str, str]) -> None:
    left = permitted(everything(consent)).ids
    assert dict(left) == (
        {name: ALL_IDS[name] for name in ANALYTICS_IDS} if consent.get("ad_storage") == "denied" else ALL_IDS
    )


@given(_consent)
def test_what_was_recorded_is_passed_on_as_it_is(consent: dict[str, str]) -> None:
    left = permitted(everything(consent))
    assert (left.consent, left.lead_id, left.created_at, left.conversion_page) == (consent, 1, 1, "example.de")


@given(st.sampled_from(list(DESTINATIONS)), _consent)
def test_no_request_holds_what_is_denied(slug: str, consent: dict[str, str]) -> None:
    """Down to the bytes: neither plain nor, where it is the only source, hashed."""
    settings = {
        **making.SETTINGS,
        "google_ads": {"operating_account": "1234567890", "user_data": "yes"},
        "ga4": {"measurement_id": "G-AB12CD34EF", "api_secret": "s"},
        "meta": {"dataset_id": "12345", "access_token": "t"},
    }[slug]
    data = permitted(everything(consent))
    destination = DESTINATIONS[slug]
    if destination.missing(data, settings):
        return
    event = Event(event_id="lt-x", action="1", happened_at=2_000_000, lead=data)
    sent = destination.build([event], settings, "token").body.decode()
    if consent.get("ad_user_data") == "denied":
        empty = destination.build(
            [Event(event_id="lt-x", action="1", happened_at=2_000_000, lead=_without_personal(data))], settings, "token"
        ).body.decode()
        assert sent == empty
        assert not any(value in sent for value in EVERYTHING.values() if value != "DE")
    if consent.get("ad_storage") == "denied":
        assert not any(value in sent for name, value in ALL_IDS.items() if name not in ANALYTICS_IDS)


def _without_personal(data: LeadData) -> LeadData:
    return LeadData(
        lead_id=data.lead_id,
        created_at=data.created_at,
        ids=data.ids,
        consent=data.consent,
        conversion_page=data.conversion_page,
    )
