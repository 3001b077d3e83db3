"""What the client programs in the field send, one sample each, as the decoded body. Both generations stay in use.

`WEB` goes to createLead, `SERVER` to createServerSideLead, `CALL` to createCTLead and `WEBHOOK` to a connection's
custom webhook. `REFUSED` are real bodies of createLead that hold no value and get a 400.
"""

import json
from typing import Final

Body = dict[str, object]

GCLID: Final = "Cj0KCQjwSample_AbCdEfGhIjKlMnOpQrStUvWxYz-0123456789aBcDeFgH"
FBP: Final = "fb.1.1790000000123.1098765432"
FBC: Final = "fb.1.1790000000456.IwAR0SampleFbclid_-AbC"
CID: Final = "1111111111.1790000000"
GRANTED: Final = {
    "ad_storage": "granted",
    "analytics_storage": "granted",
    "ad_user_data": "granted",
    "ad_personalization": "granted",
}
COMPACT_FLOW: Final = [
    {"t": 1789000000000, "ch": {"s": "google", "m": "organic"}, "lp": "/"},
    {"t": 1790000000000, "ch": {"s": "google", "m": "cpc", "cm": "summer sale"}, "lp": "/offer"},
]
LEGACY_FLOW: Final = [
    {
        "timestamp": 1789000000000,
        "channel": {"source": "google", "medium": "organic", "campaign": "", "content": "", "term": ""},
    },
]

WP_10_GRAVITY: Final[Body] = {
    "projectId": "16",
    "formData": {
        "formId": 3,
        "formName": "Contact",
        "customFormName": "",
        "formFields": [{"Voornaam:": "Jan"}, {"Mail": "jan@example.com"}, {"": "Hello"}],
    },
    "userData": {
        "firstName": "Jan",
        "lastName": "",
        "email": "jan@example.com",
        "phone": "06-1234 5678",
        "company": "Bakery",
    },
    "deviceData": {"ipAddress": "198.51.100.7", "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"},
    "attributionData": {"fbp": FBP, "gclid": GCLID, "cid": CID, "sid": CID},
    "lt_channelflow": '[{"t":1789000000000,"ch":{"s":"google","m":"cpc","cm":"zomeractie"},"lp":"/"}]',
}
WP_10_CF7: Final[Body] = {
    "projectId": "16",
    "formData": {
        "formId": 12,
        "formName": "Quote",
        "customFormName": "Quote form",
        "formFields": {"your-name": "Piet Jansen", "services": ["roof", "solar"], "<b>Size</b>": "40 m2"},
    },
    "userData": {
        "firstName": "Piet Jansen",
        "lastName": "",
        "email": {"your-name": "Piet Jansen", "services": ["roof", "solar"]},
        "phone": ["020 123 4567", ""],
        "company": "",
    },
    "deviceData": [],
    "attributionData": [],
}
WP_10_EMPTY: Final[Body] = {
    "projectId": "16",
    "formData": {"formId": 1, "formName": "Newsletter", "customFormName": "", "formFields": []},
    "userData": [],
    "deviceData": {"ipAddress": None, "userAgent": None},
    "attributionData": [],
}
WP_11_FLUENT: Final[Body] = {
    "projectId": "16",
    "formData": {
        "formId": 5,
        "formName": "Contact form",
        "customFormName": "Contact page",
        "formFields": {
            "names": {"first_name": "Jan", "last_name": "de Vries"},
            "email": "jan@example.com",
            "_fluentform_5_fluentformnonce": "0a1b2c3d4e",
        },
    },
    "userData": {"firstName": "Jan", "lastName": "de Vries", "email": "jan@example.com", "company": "Bakery"},
    "deviceData": {"ipAddress": "2001:db8::7", "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"},
    "attributionData": {
        "gclid": GCLID,
        "gbraid": "0AAAAASample",
        "msclkid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "ttclid": "E.C.P.Sample",
        "li_fat_id": "11111111-2222-3333-4444-555555555555",
        "fbc": FBC,
        "fbp": FBP,
        "cid": CID,
        "conversionPage": "www.example.com/contact",
        "consent": GRANTED,
    },
    "channelFlow": [
        {"t": 1789000000000, "ch": [], "lp": "/"},
        {"t": "1790000000000", "ch": {"s": "google", "m": "cpc"}, "lp": "/contact"},
    ],
}
LEADBOT_CONTACT: Final[Body] = {
    "projectId": "16",
    "formData": {
        "formName": "LeadBot — Contact form",
        "uniqueEventId": "ltb-1790000000000-a1b2c3",
        "formFields": {
            "message": "Could you call me about a quote?",
            "page_url": f"https://www.example.com/offer?utm_source=google&gclid={GCLID}",
            "page_title": "Offer",
        },
    },
    "userData": {
        "firstName": "Jan",
        "lastName": "de Vries",
        "email": "Jan.deVries@Example.com",
        "phone": "06 12 34 56 78",
    },
    "attributionData": {
        "fbc": "",
        "fbp": FBP,
        "gclid": GCLID,
        "wbraid": "",
        "cid": CID,
        "conversionPage": "www.example.com/offer",
        "consent": GRANTED,
    },
    "channelFlow": COMPACT_FLOW,
}
LEADBOT_WHATSAPP: Final[Body] = {
    "projectId": 16,
    "formData": {
        "formName": "LeadBot — WhatsApp",
        "uniqueEventId": "ltb-1790000000001-z9",
        "formFields": {"page_url": "https://www.example.com/", "page_title": ""},
    },
    "userData": {"phone": "+31612345678"},
    "attributionData": {"fbc": "", "fbp": "", "gclid": "", "wbraid": "", "cid": CID},
    "channelFlow": LEGACY_FLOW,
}
LEADBOT_NO_QUESTION: Final[Body] = {
    "projectId": "16",
    "formData": {
        "formName": "LeadBot — WhatsApp Interceptor",
        "uniqueEventId": "ltb-1790000000002-0",
        "formFields": {"page_url": "http://localhost:8080/", "page_title": "Home"},
    },
    "userData": {},
    "attributionData": {
        "fbc": "",
        "fbp": "",
        "gclid": "",
        "wbraid": "",
        "cid": "",
        "conversionPage": "localhost:8080/",
    },
}
GTM_OLD: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "undefined form name", "uniqueEventId": 1790000000003, "formFields": {"budget": 5000}},
    "userData": {
        "firstName": "Jan",
        "lastName": "undefined",
        "email": "jan@example.com",
        "phone": None,
        "companyName": "",
    },
    "attributionData": {"fbc": "", "fbp": FBP, "gclid": GCLID, "cid": CID},
    "channelFlow": LEGACY_FLOW,
}
GTM_RAW_COOKIES: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "Contact"},
    "userData": {"email": "jan@example.com"},
    "attributionData": {
        "fbc": "IwAR0SampleFbclid_-AbC",
        "fbp": FBP,
        "gclid": f"GCL.1790000000.{GCLID}",
        "wbraid": "",
        "cid": f"GA1.1.{CID}",
    },
}
GTM_NEW: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "Contact", "uniqueEventId": "1790000000004.5", "formFields": {"message": "Hello"}},
    "userData": {
        "firstName": "Jan",
        "lastName": "de Vries",
        "email": "jan@example.com",
        "phone": 31612345678,
        "companyName": "Bakery",
    },
    "attributionData": {
        "fbc": FBC,
        "fbp": FBP,
        "gclid": GCLID,
        "wbraid": "",
        "cid": CID,
        "conversionPage": "www.example.com/contact",
        "consent": GRANTED | {"ad_user_data": "denied", "ad_personalization": "denied"},
    },
    "channelFlow": COMPACT_FLOW,
}
SGTM_OLD: Final[Body] = {
    "projectId": 16,
    "formData": {"formName": "Contact", "uniqueEventId": 1790000000005, "formFields": {"message": "Hello"}},
    "userData": {"firstName": "Jan", "lastName": None, "email": "jan@example.com", "phone": "undefined"},
    "deviceData": {"ipAdress": "198.51.100.8", "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"},
    "attributionData": {"fbp": FBP, "cid": CID},
    "channelFlow": "%5B%7B%22t%22%3A1789000000000%2C%22ch%22%3A%7B%22s%22%3A%22bing%22%2C%22m%22%3A%22cpc%22%7D%7D%5D",
}
SGTM_OLD_MINIMAL: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "undefined form name"},
    "userData": {},
    "deviceData": {"ipAdress": "127.0.0.1"},
    "attributionData": {},
}
SGTM_NEW: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": 1234, "uniqueEventId": "order-1790000000006", "formFields": {"message": "Hello"}},
    "userData": {"firstName": "Jan", "email": ["jan@example.com", "piet@example.com"], "phone": 31612345678},
    "deviceData": {"ipAddress": "198.51.100.9", "userAgent": "Mozilla/5.0 (Linux; Android 14)"},
    "attributionData": {
        "gclid": GCLID,
        "fbp": FBP,
        "cid": CID,
        "sid": 1790000001,
        "conversionPage": "www.example.com/contact",
        "consent": {"ad_storage": "granted", "analytics_storage": "denied", "functionality_storage": "granted"},
    },
    "channelFlow": COMPACT_FLOW,
    "uniqueIdentifier": "crm-lead-456",
}
SGTM_NEW_BARE: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "undefined form name", "uniqueEventId": "1790000000007"},
    "userData": {},
    "attributionData": {"cid": CID},
}
API_CLIENT: Final[Body] = {
    "projectId": "p2345abcde234567",
    "formData": {"formName": "Quote", "formMessage": "Please call", "uniqueEventId": "evt-1", "formCustomField1": "A"},
    "userData": {
        "firstName": "Jan",
        "lastName": "de Vries",
        "email": "jan@example.com",
        "phone": "+31 6 1234 5678",
        "companyName": "Bakery",
    },
    "deviceData": {"ipAddress": "198.51.100.10", "userAgent": "Mozilla/5.0"},
    "attributionData": {"gclid": GCLID, "sid": "1790000001"},
    "unique_identifier": "crm-lead-457",
    "status": "sold",
    "platform": "other",
    "createdBy": 7,
}
PHONE_CALL: Final[Body] = {
    "projectId": "16",
    "formData": {"formName": "Call"},
    "userData": {"phone": "020 123 4567"},
    "attributionData": {"gclid": GCLID},
}
SGTM_UPDATE: Final[Body] = {
    "event_id": "evt-1790000000008",
    "event_name": "purchase",
    "transaction_id": "T-1001",
    "value": 249.5,
    "currency": "EUR",
    "attribution": {
        "gclid": GCLID,
        "ga_cid": CID,
        "ga_sid": "1790000001",
        "user_agent": "Mozilla/5.0",
        "ip": "198.51.100.11",
    },
    "user_data": {
        "email": "jan@example.com",
        "phone_number": "+31612345678",
        "company": "Bakery",
        "address": {
            "first_name": "Jan",
            "last_name": "de Vries",
            "city": "Utrecht",
            "postal_code": "3511",
            "country": "NL",
        },
    },
}

WEB: Final[dict[str, Body]] = {
    "WordPress plugin 1.0, Gravity Forms": WP_10_GRAVITY,
    "WordPress plugin 1.0, Contact Form 7": WP_10_CF7,
    "WordPress plugin 1.1, Fluent Forms": WP_11_FLUENT,
    "LeadBot, contact form": LEADBOT_CONTACT,
    "LeadBot, WhatsApp": LEADBOT_WHATSAPP,
    "LeadBot, WhatsApp without question": LEADBOT_NO_QUESTION,
    "web tag, old": GTM_OLD,
    "web tag of August 2025, whole cookies": GTM_RAW_COOKIES,
    "web tag, new": GTM_NEW,
    "server tag, old": SGTM_OLD,
}
REFUSED: Final[dict[str, Body]] = {
    "WordPress plugin 1.0, empty form": WP_10_EMPTY,
    "server tag, old, minimal": SGTM_OLD_MINIMAL,
}
SERVER: Final[dict[str, Body]] = {
    "server tag, new": SGTM_NEW,
    "server tag, new, nothing known": SGTM_NEW_BARE,
    "WordPress plugin 1.1 with an API key": WP_11_FLUENT,
    "program written against the API": API_CLIENT,
}
CALL: Final[dict[str, Body]] = {"call tracking": PHONE_CALL}
WEBHOOK: Final[dict[str, Body]] = {"server tag, Update Lead": SGTM_UPDATE}


def wire(body: Body) -> bytes:
    """The body as browsers and tag managers write it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def php(body: Body) -> bytes:
    """The body as PHP writes it: empty maps as lists, `\\/` and `\\uXXXX` escapes."""
    return json.dumps(_listed(body)).replace("/", "\\/").encode()


def _listed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()} or []
    return [_listed(item) for item in value] if isinstance(value, list) else value
