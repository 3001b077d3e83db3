"""The conversion actions of a Google Ads account: listed, and made for imported conversions.

Sources: googleapis google/ads/googleads/v25/resources/conversion_action.proto, its service and enums.
"""

from typing import Any, Final

import msgspec

from leadtrackr.destinations.contract import Actions, ConversionAction, Listing, NewAction, Outcome, Settings, Steps
from leadtrackr.destinations.google_ads.reading import CODES, customer_of, post, query, read, search
from leadtrackr.destinations.http_common import outcome
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.money import is_currency, to_units

IMPORT: Final = "UPLOAD_CLICKS"
CATEGORIES: Final = (
    "QUALIFIED_LEAD",
    "CONVERTED_LEAD",
    "IMPORTED_LEAD",
    "SUBMIT_LEAD_FORM",
    "PHONE_CALL_LEAD",
    "CONTACT",
    "BOOK_APPOINTMENT",
    "REQUEST_QUOTE",
    "PURCHASE",
    "SIGNUP",
)
LONGEST_WINDOW: Final = 90
NEW: Final = "Google takes conversions for it some four to six hours after it was made."
BY_HAND: Final = (
    "Open Goals, Conversions in Google Ads, choose the conversion action and take the number behind ctId= in the "
    "address of the page."
)
_QUERY: Final = query(
    "conversion_action",
    (
        "id",
        "name",
        "resource_name",
        "owner_customer",
        "type",
        "status",
        "category",
        "counting_type",
        "primary_for_goal",
        "click_through_lookback_window_days",
        "value_settings.default_value",
        "value_settings.default_currency_code",
        "value_settings.always_use_default_value",
    ),
)
_COUNTING: Final = {"one": "ONE_PER_CLICK", "every": "MANY_PER_CLICK"}
_COUNTED: Final = {wire: word for word, wire in _COUNTING.items()}


class _Value(msgspec.Struct, rename="camel", frozen=True):
    default_value: float = 0
    default_currency_code: str = ""
    always_use_default_value: bool = False


class _Action(msgspec.Struct, rename="camel"):
    id: str
    name: str = ""
    owner_customer: str = ""
    type: str = ""
    status: str = ""
    category: str = ""
    counting_type: str = ""
    primary_for_goal: bool = False
    click_through_lookback_window_days: int | None = None
    value_settings: _Value = _Value()


class _Row(msgspec.Struct, rename="camel"):
    conversion_action: _Action


class _Made(msgspec.Struct, rename="camel"):
    resource_name: str


class _Results(msgspec.Struct):
    results: list[_Made]


def list_actions(settings: Settings, token: str | None) -> Steps[tuple[ConversionAction, ...]]:
    """Every conversion action of the account, whatever its kind; those of another owner cannot be sent to."""
    return (yield from _query(_QUERY, settings, token))


def create(new: NewAction, settings: Settings, token: str | None) -> Steps[ConversionAction]:
    """Makes one for imported conversions from clicks, and reads it back as Google has it."""
    account, login = settings["operating_account"], settings.get("login_account", "")
    body = {"operations": [{"create": _wire(new)}]}
    made = read((yield post(f"customers/{account}/conversionActions:mutate", token, body, login)), _Results)
    if isinstance(made, Outcome):
        return made
    if len(made.results) != 1:
        return outcome(CODES, "unreadable")
    number = customer_of(made.results[0].resource_name)
    if not number.isdigit():
        return outcome(CODES, "unreadable")
    found = yield from _query(f"{_QUERY} WHERE conversion_action.id = {number}", settings, token)
    if isinstance(found, Outcome):
        return found
    one = next((action for action in found if action.id == number), None)
    return outcome(CODES, "unreadable") if one is None else msgspec.structs.replace(one, note=NEW)


def check(new: NewAction) -> None:
    """InvalidInput for what Google would refuse, or take as something else."""
    if not new.name.strip():
        raise InvalidInput("A conversion action needs a name.", "name")
    if new.category not in CATEGORIES:
        raise InvalidInput(f"The category is one of {', '.join(CATEGORIES)}.", "category")
    if new.window_days is not None and not 1 <= new.window_days <= LONGEST_WINDOW:
        raise InvalidInput(f"Google counts conversions 1 to {LONGEST_WINDOW} days after the click.", "window_days")
    if new.view_days is not None:
        raise InvalidInput("Imported conversions are of clicks; there is no window for views.", "view_days")
    if new.value_cents is not None and new.value_cents < 0:
        raise InvalidInput("A value is 0 or more.", "value")
    if (new.value_cents is None) != (new.currency is None):
        raise InvalidInput("A value needs its currency, and a currency a value.", "currency")
    if new.currency is not None and not is_currency(new.currency):
        raise InvalidInput(f"{new.currency} is not an ISO 4217 currency code, such as EUR.", "currency")
    if new.always_this_value and new.value_cents is None:
        raise InvalidInput("Without a value there is none to use always.", "value")


def _query(text: str, settings: Settings, token: str | None) -> Steps[tuple[ConversionAction, ...]]:
    account = settings["operating_account"]
    rows = yield from search(account, text, _Row, token, settings.get("login_account", ""))
    return rows if isinstance(rows, Outcome) else tuple(_shown(row.conversion_action, account) for row in rows)


def _wire(new: NewAction) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if new.value_cents is not None and new.currency is not None:
        values = {"defaultValue": to_units(new.value_cents, new.currency), "defaultCurrencyCode": new.currency}
        values["alwaysUseDefaultValue"] = new.always_this_value
    optional = {
        "countingType": None if new.counting is None else _COUNTING[new.counting],
        "clickThroughLookbackWindowDays": new.window_days,
        "valueSettings": values or None,
    }
    return {
        "name": new.name.strip(),
        "type": IMPORT,
        "category": new.category,
        "status": "ENABLED",
        "primaryForGoal": new.is_primary,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _shown(one: _Action, account: str) -> ConversionAction:
    owner = customer_of(one.owner_customer) or account
    notes = []
    if one.type != IMPORT:
        notes.append("Not of the type Import, from clicks.")
    if owner != account:
        notes.append(f"Owned by account {owner}: connect that one.")
    values = one.value_settings
    amount = f"{values.default_value:g} {values.default_currency_code}".strip() if values.default_value else ""
    return ConversionAction(
        id=one.id,
        name=one.name,
        kind=one.type,
        state=one.status.lower(),
        category=one.category,
        counting=_COUNTED.get(one.counting_type, ""),
        window_days=one.click_through_lookback_window_days,
        is_primary=one.primary_for_goal,
        value=f"always {amount}" if amount and values.always_use_default_value else amount,
        is_usable=not notes and one.status == "ENABLED",
        note=" ".join(notes),
    )


GOOGLE_ACTIONS: Final = Actions(
    listing=Listing(steps=list_actions, by_hand=BY_HAND), categories=CATEGORIES, check=check, create=create
)
