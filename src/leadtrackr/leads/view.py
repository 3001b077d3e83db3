"""A stored lead as the API shows it."""

import msgspec

from leadtrackr.kit.clock import iso_millis
from leadtrackr.leads.channelflow import normalise
from leadtrackr.leads.model import Lead


def to_wire(lead: Lead) -> dict[str, object]:
    """The lead object of getLead and getLeads, for `msgspec.json.encode`. Price in cents, absent values None.

    formData, userData and attributionData are what the client sent, passed on without decoding; channelFlow is in its
    normal form.
    """
    return {
        "id": lead.id,
        "status": lead.status,
        "formName": lead.form_name,
        "firstName": lead.first_name,
        "lastName": lead.last_name,
        "phone": lead.phone,
        "email": lead.email,
        "companyName": lead.company_name,
        "price": lead.price,
        "note": lead.note,
        "formData": _shown(lead.form_data),
        "userData": _shown(lead.user_data),
        "attributionData": _shown(lead.attribution_data),
        "channelFlow": None if lead.channel_flow is None else normalise(lead.channel_flow),
        "uniqueIdentifier": lead.unique_identifier,
        "createdAt": iso_millis(lead.created_at),
    }


def _shown(stored: str) -> msgspec.Raw:
    # PHP sends an empty map as a list; whoever reads it expects an object.
    return msgspec.Raw("{}" if stored == "[]" else stored)
