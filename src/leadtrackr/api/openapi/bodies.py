"""The bodies that are posted. Slots without a type take every JSON type, because clients in the field send them all."""

from typing import Final

from leadtrackr.api.openapi.parts import Schema, anything, ref
from leadtrackr.leads.intake import LONGEST_IDENTIFIER

_ANY_ID: Final = "Any other key is kept as it is sent."
_CONSENT_KINDS: Final = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")
_CLICK_IDS: Final = {
    "gclid": ("Google click id.", "Cj0KCQjw_example"),
    "wbraid": ("Google click id of iOS visitors.", "CmYKCQ_example"),
    "gbraid": ("Google click id of iOS visitors.", "0AAAAA_example"),
    "cid": ("Google Analytics client id.", "1111111111.1790000000"),
    "sid": ("Google Analytics session id.", "1790000001"),
    "fbp": ("Meta's browser id, from the cookie `_fbp`.", "fb.1.1790000000123.1098765432"),
    "fbc": ("Meta's click id, from the cookie `_fbc`.", "fb.1.1790000000456.IwAR0_example"),
    "msclkid": ("Microsoft click id.", "a1b2c3d4e5f60718293a4b5c6d7e8f90"),
    "li_fat_id": ("LinkedIn click id.", "11111111-2222-3333-4444-555555555555"),
    "ttclid": ("TikTok click id.", "E.C.P.example"),
    "meta_lead_id": ("Meta's id of a lead from an Instant Form, as a text of 15 to 17 digits.", "1234567890123456"),
}

USER_DATA: Final = anything(
    "Who it is. Names, phone and company take numbers too, and of an array the first text or number; an object in one "
    "of these places is kept as it is and not read. null, `[]` and other types count as empty.",
    properties={
        "firstName": anything("First name.", "Jan"),
        "lastName": anything("Last name.", "de Vries"),
        "email": anything("E-mail address; one that is none is kept too.", "jan@example.com"),
        "phone": anything("Phone number, in any form that people type.", "+31612345678"),
        "companyName": anything("Company; `company` means the same.", "Bakery"),
        "country": anything(
            "Country, two letters; `countryCode`, `country_code` and the same in `address` are read too. A phone "
            "number that is none of the project's country is read as one of this.",
            "NL",
        ),
    },
)
_CONSENT: Final = anything(
    "What the visitor consented to. A kind that is missing is unknown, never denied.",
    properties={
        kind: anything("`granted` or `denied`; anything else is kept and means unknown.", "granted")
        for kind in _CONSENT_KINDS
    },
)
ATTRIBUTION_DATA: Final = anything(
    "Where the lead came from. Click ids are what lets a platform recognise the visitor. " + _ANY_ID,
    properties={
        **{name: anything(words, example) for name, (words, example) in _CLICK_IDS.items()},
        "conversionPage": anything("Host and path of the page with the form.", "www.example.com/contact"),
        "consent": _CONSENT,
    },
)
FORM_DATA: Final = anything(
    "The form and what was filled in. " + _ANY_ID,
    properties={
        "formName": anything("The form's name; `customFormName`, when not blank, is preferred to it.", "Quote"),
        "formMessage": anything("The visitor's message.", "Please call me"),
        "uniqueEventId": anything(
            "The id of this submission: a second post with it completes the lead instead of making another one, also "
            'when it comes by another call. 123 and `"123"` are the same id. Blank does not count.',
            "evt-1",
        ),
        "formFields": anything("The fields, as an object, a list or anything else.", {"Budget": "5000"}),
    },
)
_DEVICE_DATA: Final = anything(
    "The visitor's device. What it does not say createLead takes from the request, when that is a browser's; the calls "
    "for servers never do.",
    properties={
        "ipAddress": anything("IP address; `ipAdress` is read too, and 127.0.0.1 means unknown.", "203.0.113.7"),
        "userAgent": anything("Browser.", "Mozilla/5.0"),
    },
)
_CHANNEL_FLOW: Final = anything(
    "The visits that led here: an array of steps, or its JSON text, URL-encoded or not. What cannot be read is "
    "ignored. `lt_channelflow` is read when this holds nothing that can be used.",
    [{"t": 1790000000000, "ch": {"s": "google", "m": "cpc"}, "lp": "/offer"}],
)
_UNIQUE_IDENTIFIER: Final = anything(
    "Your own id of the lead, such as the CRM's; a number too. `unique_identifier` means the same.",
    "crm-lead-456",
    maxLength=LONGEST_IDENTIFIER,
)
_PROJECT_ID: Final[Schema] = {
    "type": ["string", "integer"],
    "description": "The project: its number, as text or number, or its public id.",
    "examples": ["16"],
}
_LEAD_PROPERTIES: Final[Schema] = {
    "projectId": _PROJECT_ID,
    "userData": ref("UserData"),
    "attributionData": ref("AttributionData"),
    "formData": ref("FormData"),
    "deviceData": ref("DeviceData"),
    "channelFlow": _CHANNEL_FLOW,
    "uniqueIdentifier": _UNIQUE_IDENTIFIER,
}
_IGNORED: Final = "Other keys are ignored, `status`, `platform` and `createdBy` too."
NEW_LEAD: Final[Schema] = {
    "type": "object",
    "description": f"At least one of userData and attributionData must hold a value somewhere. {_IGNORED}",
    "required": ["projectId"],
    "properties": _LEAD_PROPERTIES,
    "anyOf": [{"required": ["userData"]}, {"required": ["attributionData"]}],
}
NEW_SERVER_LEAD: Final[Schema] = {
    "type": "object",
    "description": "userData must be there, if only as `{}`; at least one of userData and attributionData must hold a "
    f"value somewhere. {_IGNORED}",
    "required": ["projectId", "userData"],
    "properties": _LEAD_PROPERTIES,
}
_NEWEST: Final = "The newest lead is taken."
_LOOKED_AT: Final = "When it decides it must be a text or a number; otherwise it is not looked at."
STATUS_UPDATE: Final[Schema] = {
    "type": "object",
    "description": "The lead is found by leadId, else uniqueIdentifier, else email, else phone. The first one that is "
    "not blank decides alone; if it matches no lead the answer is 404, whatever the others hold. Other keys are "
    "ignored.",
    "required": ["conversionId"],
    "properties": {
        "leadId": {
            "type": ["integer", "string", "null"],
            "description": "The lead's number; a text of digits too.",
            "examples": [42],
        },
        "uniqueIdentifier": anything(f"Your own id. {_NEWEST} {_LOOKED_AT}", "crm-lead-456"),
        "email": anything(f"Compared trimmed and in lower case. {_NEWEST} {_LOOKED_AT}", "jan@example.com"),
        "phone": anything(
            f"Compared in E.164 with the project's country, or letter for letter. {_NEWEST} {_LOOKED_AT}",
            "+31612345678",
        ),
        "conversionId": {
            "type": "string",
            "description": "The id (UUID) of one of the project's conversion labels, or `open`, or `lost`.",
            "examples": ["3fa85f64-5717-4562-b3fc-2c963f66afa6", "lost", "open"],
        },
        "price": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1_000_000_000_000_000,
            "description": "The lead's value in cents of the project's currency, rounded to whole cents. Without it "
            "the lead keeps its price.",
            "examples": [150000],
        },
    },
    "anyOf": [{"required": [name]} for name in ("leadId", "uniqueIdentifier", "email", "phone")],
}

SCHEMAS: Final[Schema] = {
    "UserData": USER_DATA,
    "AttributionData": ATTRIBUTION_DATA,
    "FormData": FORM_DATA,
    "DeviceData": _DEVICE_DATA,
    "NewLead": NEW_LEAD,
    "NewServerLead": NEW_SERVER_LEAD,
    "StatusUpdate": STATUS_UPDATE,
}

FORM_POST: Final[Schema] = {
    "projectId": "16",
    "userData": {"firstName": "Jan", "lastName": "de Vries", "email": "jan@example.com", "phone": "+31612345678"},
    "attributionData": {
        "gclid": "Cj0KCQjw_example",
        "cid": "1111111111.1790000000",
        "conversionPage": "www.example.com/contact",
        "consent": dict.fromkeys(_CONSENT_KINDS, "granted"),
    },
    "formData": {"formName": "Quote", "formMessage": "Please call me", "uniqueEventId": "evt-1"},
    "uniqueIdentifier": "crm-lead-456",
}
CLICK_ONLY: Final[Schema] = {
    "projectId": "16",
    "userData": {},
    "attributionData": {"gclid": "Cj0KCQjw_example"},
    "formData": {"formName": "WhatsApp", "uniqueEventId": "evt-2"},
}
CALL_POST: Final[Schema] = {
    "projectId": "16",
    "userData": {"phone": "+31612345678"},
    "attributionData": {"gclid": "Cj0KCQjw_example"},
}
RATE: Final[Schema] = {
    "leadId": 42,
    "conversionId": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "price": 150000,
}
LOSE: Final[Schema] = {"uniqueIdentifier": "crm-lead-456", "conversionId": "lost"}
REOPEN: Final[Schema] = {"email": "jan@example.com", "conversionId": "open"}
