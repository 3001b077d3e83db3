"""LinkedIn's conversion rules: those of an ad account listed, and new ones made for the Conversions API.

A rule is what an event is sent to; its type says what the event means. Source: learn.microsoft.com/linkedin/marketing,
the Conversions API and its schema (rules, `autoAssociationType`).
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Actions,
    Code,
    ConversionAction,
    Listing,
    NewAction,
    Outcome,
    Request,
    Response,
    Settings,
    Steps,
)
from leadtrackr.destinations.http_common import JSON, decode, encode, outcome, transport_failure
from leadtrackr.destinations.linkedin.declared import HOST, headers
from leadtrackr.destinations.rows import held, mend
from leadtrackr.kit.errors import InvalidInput

URL: Final = f"{HOST}/rest/conversions"
DOCS: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api"
METHOD: Final = "CONVERSIONS_API"
TYPES: Final = (
    "QUALIFIED_LEAD",
    "MARKETING_QUALIFIED_LEAD",
    "SALES_QUALIFIED_LEAD",
    "LEAD",
    "PURCHASE",
    "SUBMIT_APPLICATION",
    "SIGN_UP",
    "CONTACT",
)
"""Those that mean something for leads; LinkedIn knows more."""
WINDOWS: Final = (1, 7, 30, 90)
LONG_WINDOW: Final = 365
LONG_TYPES: Final = frozenset({"SUBMIT_APPLICATION", "PURCHASE", "ADD_TO_CART", "QUALIFIED_LEAD", "LEAD"})
PAGE: Final = 100
MOST_PAGES: Final = 50
BY_HAND: Final = (
    "Open Measurement, Conversion tracking in the Campaign Manager, choose a rule with the method Conversions API and "
    "take the number behind its name in the address of the page."
)
NEW: Final = "It belongs to every campaign that there is now; add it to those that come later in the Campaign Manager."
_TYPE: Final = re.compile(r"[A-Z][A-Z_]{2,50}")
_hold: Final = partial(held, "configuration", link=DOCS)

RULE_CODES: Final[Mapping[str, Code]] = {
    "rules_token": held(
        "credentials",
        "LinkedIn does not accept the access token.",
        "Connect again, or make a new access token in the Campaign Manager and enter it in the connection.",
        DOCS,
    ),
    "rules_forbidden": _hold(
        "The access token may not read or make the conversion rules of this ad account.",
        "Give the member of the token a role above viewer in the ad account, or enter the rule's id by hand.",
    ),
    "rules_retired": _hold(
        "LinkedIn has retired the API version of the connection.",
        "Set the API version of the connection to a current one, or leave it empty.",
    ),
    "rules_refused": mend("LinkedIn refuses the conversion rule.", "Look at LinkedIn's words and change it.", DOCS),
}
"""Outcomes of listing and making rules; none of them is ever a delivery's."""
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **RULE_CODES}
_T = TypeVar("_T")


class _Rule(msgspec.Struct, rename="camel"):
    id: int
    name: str = ""
    type: str = ""
    enabled: bool = True
    conversion_method: str = ""
    post_click_attribution_window_size: int | None = None
    view_through_attribution_window_size: int | None = None


class _Link(msgspec.Struct):
    rel: str = ""


class _Paging(msgspec.Struct, frozen=True):
    links: tuple[_Link, ...] = ()


class _Rules(msgspec.Struct):
    elements: list[_Rule]
    paging: _Paging = _Paging()


class _Made(msgspec.Struct):
    id: int | None = None


class _Refusal(msgspec.Struct, rename="camel"):
    message: str = ""
    code: str = ""


def list_rules(settings: Settings, token: str | None) -> Steps[tuple[ConversionAction, ...]]:
    """Every rule of the ad account, page by page; those that are not for the Conversions API cannot be sent to."""
    found: list[ConversionAction] = []
    for page in range(MOST_PAGES):
        rules = _read((yield _list_request(settings, token, page * PAGE)), _Rules)
        if isinstance(rules, Outcome):
            return rules
        found += map(_shown, rules.elements)
        if not rules.elements or not any(link.rel == "next" for link in rules.paging.links):
            return tuple(found)
    return outcome(_CODES, "unreadable", "The list does not end.")


def create(new: NewAction, settings: Settings, token: str | None) -> Steps[ConversionAction]:
    """Makes a rule for every campaign that there is, and reads it back from the list."""
    response = yield _create_request(new, settings, token)
    if response.status != 201:
        return _refused(response)
    made = decode(response.body, _Made) if response.body else None
    named = response.headers.get("x-restli-id") or response.headers.get("x-linkedin-id") or ""
    number = str(made.id) if made and made.id is not None else named
    if not number.isdigit():
        return outcome(_CODES, "unreadable")
    listed = yield from list_rules(settings, token)
    if isinstance(listed, Outcome):
        return listed
    as_sent = ConversionAction(id=number, name=new.name.strip(), kind=METHOD, state="enabled", category=new.category)
    one = next((rule for rule in listed if rule.id == number), as_sent)
    return msgspec.structs.replace(one, note=NEW)


def check(new: NewAction) -> None:
    """InvalidInput for what LinkedIn would refuse, or what its rules do not have."""
    if not new.name.strip():
        raise InvalidInput("A conversion rule needs a name.", "name")
    if not _TYPE.fullmatch(new.category):
        raise InvalidInput(f"The category is a rule's type, such as {', '.join(TYPES)}.", "category")
    if new.counting is not None:
        raise InvalidInput("LinkedIn decides by the rule's type how often it counts.", "counting")
    if not new.is_primary:
        raise InvalidInput("LinkedIn's rules are not primary or secondary; campaigns choose theirs.", "secondary")
    if new.value_cents is not None or new.currency is not None or new.always_this_value:
        raise InvalidInput("Conversions bring their own value to LinkedIn; a rule needs none.", "value")
    allowed = (*WINDOWS, LONG_WINDOW) if new.category in LONG_TYPES else WINDOWS
    for name, days in (("window_days", new.window_days), ("view_days", new.view_days)):
        if days is not None and days not in allowed:
            raise InvalidInput(f"LinkedIn counts {', '.join(map(str, allowed))} days for this type.", name)


def _list_request(settings: Settings, token: str | None, start: int) -> Request:
    query = f"q=account&account={quote(_account(settings), safe='')}&start={start}&count={PAGE}"
    return Request(service="linkedin", method="GET", url=f"{URL}?{query}", headers=headers(settings, token))


def _create_request(new: NewAction, settings: Settings, token: str | None) -> Request:
    body: dict[str, Any] = {
        "account": _account(settings),
        "name": new.name.strip(),
        "conversionMethod": METHOD,
        "type": new.category,
        "enabled": True,
        "postClickAttributionWindowSize": new.window_days,
        "viewThroughAttributionWindowSize": new.view_days,
    }
    return Request(
        service="linkedin",
        url=f"{URL}?{urlencode({'autoAssociationType': 'ALL_CAMPAIGNS'})}",
        headers={**JSON, **headers(settings, token)},
        body=encode({name: value for name, value in body.items() if value is not None}),
    )


def _account(settings: Settings) -> str:
    return f"urn:li:sponsoredAccount:{settings['ad_account']}"


def _read(response: Response, shape: type[_T]) -> _T | Outcome:
    if response.status != 200:
        return _refused(response)
    found = decode(response.body, shape)
    return outcome(_CODES, "unreadable") if found is None else found


def _refused(response: Response) -> Outcome:
    refusal = decode(response.body, _Refusal) or _Refusal()
    words = " ".join(filter(None, (refusal.code, refusal.message))) or f"HTTP {response.status}"
    if response.status == 401:
        return outcome(_CODES, "rules_token", words)
    if response.status == 403:
        return outcome(_CODES, "rules_forbidden", words)
    if response.status == 426:
        return outcome(_CODES, "rules_retired", words)
    return transport_failure(_CODES, response, words) or outcome(_CODES, "rules_refused", words)


def _shown(rule: _Rule) -> ConversionAction:
    notes = []
    if rule.conversion_method != METHOD:
        notes.append("Not for the Conversions API.")
    if not rule.enabled:
        notes.append("Switched off.")
    return ConversionAction(
        id=str(rule.id),
        name=rule.name,
        kind=rule.conversion_method,
        state="enabled" if rule.enabled else "disabled",
        category=rule.type,
        window_days=rule.post_click_attribution_window_size,
        view_days=rule.view_through_attribution_window_size,
        is_usable=not notes,
        note=" ".join(notes),
    )


LINKEDIN_RULES: Final = Actions(
    listing=Listing(steps=list_rules, by_hand=BY_HAND), categories=TYPES, check=check, create=create
)
