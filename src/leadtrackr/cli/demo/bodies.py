"""What each client program in the field writes for a lead, as a JSON object."""

import json
from collections.abc import Mapping
from typing import Final

from leadtrackr.cli.demo.visit import Visit, made_up

Body = dict[str, object]
BROWSER: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0"
PAGE: Final = "www.example.com/offer"


def _given(values: Mapping[str, object]) -> Body:
    return {name: value for name, value in values.items() if value not in ("", None)}


def _compact(visit: Visit) -> list[Body]:
    return [
        {"t": at, "ch": _given({"s": source, "m": medium, "cm": campaign}), "lp": "/offer"}
        for at, source, medium, campaign in visit.flow()
    ]


def _long(visit: Visit) -> list[Body]:
    return [
        {
            "timestamp": at,
            "channel": {"source": source, "medium": medium, "campaign": campaign, "content": "", "term": ""},
        }
        for at, source, medium, campaign in visit.flow()
    ]


def _always(visit: Visit) -> Body:
    """The five ids that browser clients always send, empty when unknown."""
    return {"fbc": "", "fbp": "", "gclid": "", "wbraid": "", "cid": "", **visit.ids()}


def _with_consent(values: Body, visit: Visit) -> Body:
    consent = visit.consent()
    page: Body = {"conversionPage": PAGE} if visit.situation.on_site else {}
    return values | page | ({"consent": consent} if consent else {})


def _names(visit: Visit) -> Body:
    """The names of a visitor who gave some way to be reached."""
    if not visit.situation.reachable:
        return {}
    return {"firstName": visit.person.first_name, "lastName": visit.person.last_name}


def _ip(visit: Visit) -> str:
    """An address kept free for documentation."""
    return f"198.51.100.{visit.number % 250 + 1}"


def wordpress_10(visit: Visit) -> Body:
    """Gravity Forms: fields as a list of one-key maps, the whole name in firstName, sid built from the client id."""
    person, ids = visit.person, visit.ids()
    flow = json.dumps(_compact(visit), separators=(",", ":"))
    return {
        "projectId": visit.project,
        "formData": {
            "formId": 3,
            "formName": "Contact",
            "customFormName": "",
            "formFields": [{"Name": person.first_name}, {"E-mail:": visit.email}, {"": "Call me"}],
        },
        "userData": {
            "firstName": f"{person.first_name} {person.last_name}",
            "lastName": "",
            "email": visit.email,
            "phone": visit.phone,
            "company": person.company,
        },
        "deviceData": {"ipAddress": _ip(visit), "userAgent": BROWSER},
        "attributionData": ids | ({"sid": ids["cid"]} if "cid" in ids else {}),
        "lt_channelflow": flow,
    }


def wordpress_10_cf7(visit: Visit) -> Body:
    """Contact Form 7: lists in form fields, no device data."""
    body = wordpress_10(visit)
    fields = {"your-name": visit.person.first_name, "services": ["roof", "solar"], "<b>Size</b>": "40 m2"}
    form = {"formId": 12, "formName": "Quote", "customFormName": "Quote form", "formFields": fields}
    return body | {"formData": form, "deviceData": {}}


def wordpress_11(visit: Visit) -> Body:
    """Fluent Forms: nested names, a stray nonce, only what is not empty."""
    person = visit.person
    names = {"first_name": person.first_name, "last_name": person.last_name}
    return {
        "projectId": visit.project,
        "formData": {
            "formId": 5,
            "formName": "Contact form",
            "customFormName": "Contact page",
            "formFields": {"names": names, "_fluentform_5_fluentformnonce": "0a1b2c3d4e"},
        },
        "userData": _given(
            {
                "firstName": person.first_name,
                "lastName": person.last_name,
                "email": visit.email,
                "phone": visit.phone,
                "company": person.company,
            }
        ),
        "deviceData": {"ipAddress": "2001:db8::7", "userAgent": BROWSER},
        "attributionData": _with_consent({**visit.ids()}, visit),
        "channelFlow": [*_long(visit)[:1], *_compact(visit)[1:]],
    }


def web_tag_old(visit: Visit) -> Body:
    """The web tag before 2026: long keys, “undefined” for what it does not know."""
    return {
        "projectId": visit.project,
        "formData": {"formName": "undefined form name", "uniqueEventId": visit.ms + visit.number},
        "userData": {
            "firstName": visit.person.first_name,
            "lastName": "undefined",
            "email": visit.email,
            "phone": visit.phone or None,
            "companyName": "",
        },
        "attributionData": _always(visit),
        "channelFlow": _long(visit),
    }


def web_tag(visit: Visit) -> Body:
    """The web tag of today. Its unique event id is shared with the server tag where both report a form."""
    return {
        "projectId": visit.project,
        "formData": {"formName": "Contact", "uniqueEventId": unique_event_id(visit), "formFields": {"budget": 5000}},
        "userData": {**_names(visit), "email": visit.email, "phone": visit.phone, "companyName": ""},
        "attributionData": _with_consent(_always(visit), visit),
        "channelFlow": _compact(visit),
    }


def server_tag_old(visit: Visit) -> Body:
    """The server tag before August 2025: `ipAdress`, with a default that is nobody's."""
    return {
        "projectId": int(visit.project) if visit.project.isdigit() else visit.project,
        "formData": {"formName": "Contact", "uniqueEventId": visit.ms * 1000 + visit.number},
        "userData": {
            "firstName": visit.person.first_name,
            "lastName": None,
            "email": visit.email,
            "phone": visit.phone or "undefined",
        },
        "deviceData": {"ipAdress": "127.0.0.1", "userAgent": BROWSER},
        "attributionData": visit.ids(),
        "channelFlow": json.dumps(_compact(visit), separators=(",", ":")),
    }


def server_tag(visit: Visit) -> Body:
    """The server tag of today: what is unknown is left out, e-mail addresses may come as a list."""
    session: Body = {"sid": visit.ms // 1000} if "cid" in visit.situation.ids else {}
    # Of a visitor who leaves nothing the page is all that the tag knows.
    reachable = visit.situation.reachable
    device: Body = {"deviceData": {"ipAddress": _ip(visit), "userAgent": BROWSER}} if reachable else {}
    contact: Body = {"email": [visit.email] if visit.email else "", "phone": visit.phone}
    return {
        "projectId": visit.project,
        "formData": {"formName": "Contact", "uniqueEventId": unique_event_id(visit)},
        "userData": _given({**_names(visit), **contact}),
        "attributionData": _with_consent(visit.ids() | session, visit),
        "channelFlow": _compact(visit),
        **device,
    }


def leadbot_old(visit: Visit) -> Body:
    """LeadBot before 1.8: WhatsApp, so a phone number and no name."""
    return {
        "projectId": int(visit.project) if visit.project.isdigit() else visit.project,
        "formData": _leadbot_form(visit, "LeadBot — WhatsApp"),
        "userData": _given({"phone": visit.person.e164 if visit.phone else ""}),
        "attributionData": _always(visit),
        "channelFlow": _long(visit),
    }


def leadbot(visit: Visit) -> Body:
    """LeadBot of today."""
    names = _names(visit)
    return {
        "projectId": visit.project,
        "formData": _leadbot_form(visit, "LeadBot — Contact form" if names else "LeadBot — WhatsApp Interceptor"),
        "userData": _given({**names, "email": visit.email, "phone": visit.phone}),
        "attributionData": _with_consent(_always(visit), visit),
        "channelFlow": _compact(visit),
    }


def _leadbot_form(visit: Visit, name: str) -> Body:
    fields = {"page_url": f"https://{PAGE}?utm_source=google", "page_title": ""}
    return {
        "formName": name,
        "uniqueEventId": f"ltb-{visit.ms}-{made_up(str(visit.number))[:6].lower()}",
        "formFields": fields,
    }


def api_program(visit: Visit) -> Body:
    """A program written against the public documentation."""
    person = visit.person
    return {
        "projectId": visit.project,
        "formData": {"formName": "Quote", "formMessage": "Please call", "formCustomField1": "A"},
        "userData": {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "email": visit.email.upper(),
            "phone": visit.phone,
            "companyName": person.company,
        },
        "attributionData": _with_consent({**visit.ids()}, visit),
        "uniqueIdentifier": f"crm-{visit.number}",
    }


def call_tracking(visit: Visit) -> Body:
    """A call: the caller's number is all that is known."""
    return {"projectId": visit.project, "formData": {"formName": "Call"}, "userData": {"phone": visit.person.e164}}


def unique_event_id(visit: Visit) -> str:
    """What both tags of today send for the same form."""
    return f"{visit.ms}.{visit.number}"
