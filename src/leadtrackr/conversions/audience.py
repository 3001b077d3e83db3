"""What a destination may know of a lead: normalised, and without what the visitor's consent forbids. Pure."""

from typing import Final, Protocol

from leadtrackr.destinations.contract import LeadData
from leadtrackr.destinations.registry import CLICK_IDS, DESTINATIONS
from leadtrackr.leads import attribution

ANALYTICS_IDS: Final = frozenset({"cid", "sid"})
"""Ids of analytics, not of advertising: `ad_storage` says nothing of them."""
DENIED: Final = "denied"
_KNOWN: Final = attribution.KNOWN | CLICK_IDS
_SHOWN: Final = {
    slug: frozenset((*each.reads, *each.click_ids)) for slug, each in DESTINATIONS.items() if each.reads is not None
}
"""What a destination is shown of a lead's ids, where that is not all."""


class LeadRow(Protocol):
    """The columns of a lead that matter to a destination."""

    @property
    def email_key(self) -> str | None: ...
    @property
    def phone_e164(self) -> str | None: ...
    @property
    def first_name(self) -> str | None: ...
    @property
    def last_name(self) -> str | None: ...
    @property
    def company_name(self) -> str | None: ...
    @property
    def attribution_data(self) -> object: ...
    @property
    def ip_address(self) -> str | None: ...
    @property
    def user_agent(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...


def lead_data(
    row: LeadRow, *, lead_id: int, created_at: int, country: str | None, destination: str | None = None
) -> LeadData:
    """Everything that is known, before consent is looked at; with a `destination`, of the ids those that it reads.

    `country` is the project's: where its leads live, unless one says otherwise of itself.
    """
    traits = attribution.read(row.attribution_data, _KNOWN if destination is None else shown(destination))
    return LeadData(
        lead_id=lead_id,
        created_at=created_at,
        email=row.email_key,
        phone=row.phone_e164,
        first_name=row.first_name,
        last_name=row.last_name,
        company_name=row.company_name,
        country=row.country or country,
        ids=traits.ids,
        consent=traits.consent,
        conversion_page=traits.conversion_page,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
    )


def shown(destination: str) -> frozenset[str]:
    """The ids of leads that a destination is shown, by name."""
    return _SHOWN.get(destination, _KNOWN)


def permitted(lead: LeadData) -> LeadData:
    """What may leave. `ad_user_data` denied: no personal data, hashed or plain; `ad_storage` denied: no click ids."""
    no_data = lead.consent.get("ad_user_data") == DENIED
    no_ids = lead.consent.get("ad_storage") == DENIED
    if not (no_data or no_ids):
        return lead
    ids = {name: value for name, value in lead.ids.items() if name in ANALYTICS_IDS} if no_ids else lead.ids
    return LeadData(
        lead_id=lead.lead_id,
        created_at=lead.created_at,
        email=None if no_data else lead.email,
        phone=None if no_data else lead.phone,
        first_name=None if no_data else lead.first_name,
        last_name=None if no_data else lead.last_name,
        company_name=None if no_data else lead.company_name,
        country=None if no_data else lead.country,
        ids=ids,
        consent=lead.consent,
        conversion_page=lead.conversion_page,
        ip_address=None if no_data else lead.ip_address,
        user_agent=None if no_data else lead.user_agent,
    )
