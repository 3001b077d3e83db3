"""The client programs in the field: what each of them sends for a lead. Both generations stay in use."""

import json
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from leadtrackr.cli.demo.visit import Visit, made_up

Body = dict[str, object]
CREATE: Final = "/api/leads/createLead"
SERVER_SIDE: Final = "/api/leads/createServerSideLead"
CALL: Final = "/api/leads/createCTLead"
BROWSER: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0"
PAGE: Final = "www.example.com/offer"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One client program. `php` bodies are written as PHP writes JSON; `keyed` ones bring the API key."""

    name: str
    path: Literal["/api/leads/createLead", "/api/leads/createServerSideLead", "/api/leads/createCTLead"] = CREATE
    keyed: bool = False
    php: bool = False
    agent: str
    body: Callable[[Visit], Body]

    def wire(self, visit: Visit) -> bytes:
        """The body's bytes."""
        body = self.body(visit)
        if self.php:
            return json.dumps(_listed(body)).replace("/", "\\/").encode()
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _listed(value: object) -> object:
    """PHP has one kind of array, so an empty map leaves as a list."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()} or []
    return value


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
    return values | {"conversionPage": PAGE} | ({"consent": consent} if consent else {})


def _names(visit: Visit) -> Body:
    """The names of a visitor who gave some way to be reached."""
    if not (visit.email or visit.phone):
        return {}
    return {"firstName": visit.person.first_name, "lastName": visit.person.last_name}


def _ip(visit: Visit) -> str:
    """An address kept free for documentation."""
    return f"198.51.100.{visit.number % 250 + 1}"


def _wordpress_10(visit: Visit) -> Body:
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


def _wordpress_10_cf7(visit: Visit) -> Body:
    """Contact Form 7: lists in form fields, no device data."""
    body = _wordpress_10(visit)
    fields = {"your-name": visit.person.first_name, "services": ["roof", "solar"], "<b>Size</b>": "40 m2"}
    form = {"formId": 12, "formName": "Quote", "customFormName": "Quote form", "formFields": fields}
    return body | {"formData": form, "deviceData": {}}


def _wordpress_11(visit: Visit) -> Body:
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


def _web_tag_old(visit: Visit) -> Body:
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


def _server_tag_old(visit: Visit) -> Body:
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
    # Without any id the page is all that the tag knows.
    device: Body = {"deviceData": {"ipAddress": _ip(visit), "userAgent": BROWSER}} if session else {}
    contact: Body = {"email": [visit.email] if visit.email else "", "phone": visit.phone}
    return {
        "projectId": visit.project,
        "formData": {"formName": "Contact", "uniqueEventId": unique_event_id(visit)},
        "userData": _given({**_names(visit), **contact}),
        "attributionData": _with_consent(visit.ids() | session, visit),
        "channelFlow": _compact(visit),
        **device,
    }


def _leadbot_old(visit: Visit) -> Body:
    return {
        "projectId": int(visit.project) if visit.project.isdigit() else visit.project,
        "formData": _leadbot_form(visit, "LeadBot — WhatsApp"),
        "userData": _given({"phone": visit.person.e164 if visit.phone else ""}),
        "attributionData": _always(visit),
        "channelFlow": _long(visit),
    }


def _leadbot(visit: Visit) -> Body:
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


def _api_program(visit: Visit) -> Body:
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


def _call_tracking(visit: Visit) -> Body:
    return {"projectId": visit.project, "formData": {"formName": "Call"}, "userData": {"phone": visit.person.e164}}


def unique_event_id(visit: Visit) -> str:
    """What both tags of today send for the same form."""
    return f"{visit.ms}.{visit.number}"


_WORDPRESS: Final = "WordPress/6.8; https://www.example.com"
_TAG_SERVER: Final = "tag-server"

WORDPRESS_10: Final = Client(name="WordPress 1.0", php=True, agent=_WORDPRESS, body=_wordpress_10)
WORDPRESS_10_CF7: Final = Client(name="WordPress 1.0, CF7", php=True, agent=_WORDPRESS, body=_wordpress_10_cf7)
WORDPRESS_11: Final = Client(name="WordPress 1.1", php=True, agent=_WORDPRESS, body=_wordpress_11)
WORDPRESS_11_KEY: Final = Client(
    name="WordPress 1.1, key", path=SERVER_SIDE, keyed=True, php=True, agent=_WORDPRESS, body=_wordpress_11
)
WEB_TAG_OLD: Final = Client(name="web tag, old", agent=BROWSER, body=_web_tag_old)
WEB_TAG: Final = Client(name="web tag", agent=BROWSER, body=web_tag)
SERVER_TAG_OLD: Final = Client(name="server tag, old", agent=_TAG_SERVER, body=_server_tag_old)
SERVER_TAG: Final = Client(name="server tag", path=SERVER_SIDE, keyed=True, agent=_TAG_SERVER, body=server_tag)
LEADBOT_OLD: Final = Client(name="LeadBot, old", agent=BROWSER, body=_leadbot_old)
LEADBOT: Final = Client(name="LeadBot", agent=BROWSER, body=_leadbot)
API_PROGRAM: Final = Client(name="API program", path=SERVER_SIDE, keyed=True, agent="crm/1.0", body=_api_program)
CALL_TRACKING: Final = Client(name="call tracking", path=CALL, keyed=True, agent="calls/1.0", body=_call_tracking)
