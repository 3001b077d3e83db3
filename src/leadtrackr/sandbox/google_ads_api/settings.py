"""The knobs of the Google Ads API emulator, and what it knows of accounts and conversion actions."""

from typing import Annotated, Final, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
CustomerId = Annotated[str, msgspec.Meta(pattern=r"^\d{10}$")]
Number = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d*$")]
Tracking = Literal[
    "NOT_CONVERSION_TRACKED",
    "CONVERSION_TRACKING_MANAGED_BY_SELF",
    "CONVERSION_TRACKING_MANAGED_BY_THIS_MANAGER",
    "CONVERSION_TRACKING_MANAGED_BY_ANOTHER_MANAGER",
]


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account. `below` are the accounts that a manager links to; `conversion_customer` is empty for the account
    itself."""

    id: CustomerId
    name: str = ""
    manager: bool = False
    below: tuple[CustomerId, ...] = ()
    status: Literal["ENABLED", "CANCELED", "SUSPENDED", "CLOSED"] = "ENABLED"
    currency: str = "EUR"
    time_zone: str = "Europe/Amsterdam"
    test: bool = False
    hidden: bool = False
    terms: bool = True
    enhanced_for_leads: bool = True
    tracking: Tracking = "CONVERSION_TRACKING_MANAGED_BY_SELF"
    conversion_customer: Annotated[str, msgspec.Meta(pattern=r"^(\d{10})?$")] = ""


class ConversionAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A conversion action of `customer`. `value` is the default one, in units of the currency."""

    id: Number
    customer: CustomerId
    name: str
    type: str = "UPLOAD_CLICKS"
    status: Literal["ENABLED", "REMOVED", "HIDDEN"] = "ENABLED"
    category: str = "IMPORTED_LEAD"
    counting: Literal["ONE_PER_CLICK", "MANY_PER_CLICK"] = "ONE_PER_CLICK"
    window_days: int = 30
    primary: bool = True
    value: float = 0
    currency: str = ""
    always_default: bool = False


AGENCY: Final = Customer(id="9876543210", name="Sandbox Agency", manager=True, below=("1234567890", "2345678901"))
SHOP: Final = Customer(id="1234567890", name="Sandbox Shop")
BAKERY: Final = Customer(id="2345678901", name="Sandbox Bakery", terms=False, enhanced_for_leads=False)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    customers          every account there is
    accessible         those that the credential is a direct user of
    actions            the conversion actions at the start; what is created comes on top
    versions           live API versions; others are 404
    page_rows          rows a page; Google's fixed size is 10,000
    sparse             fields that are false, 0 or empty are missing, as proto3 JSON may leave them out
    not_approved       the Cloud project may not read production accounts
    service_disabled   the API is not enabled in the Cloud project: 403
    """

    customers: tuple[Customer, ...] = (AGENCY, SHOP, BAKERY)
    accessible: tuple[CustomerId, ...] = (AGENCY.id, SHOP.id)
    actions: tuple[ConversionAction, ...] = (
        ConversionAction(id="987654321", customer=SHOP.id, name="Imported lead"),
        ConversionAction(id="987654322", customer=SHOP.id, name="Page view", type="WEBPAGE", category="PAGE_VIEW"),
    )
    versions: frozenset[str] = frozenset({"v23", "v24", "v25", "v26"})
    page_rows: Positive = 10_000
    sparse: bool = True
    not_approved: bool = False
    service_disabled: bool = False
