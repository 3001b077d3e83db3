"""The knobs of the emulated Google Ads API."""

from typing import Annotated, Final, Literal

import msgspec

EVERY: Final = "*"
Ids = frozenset[str]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs. Lists of accounts and actions take ids, or `*` for all.

    oldest_version       versions before it are retired: 404
    not_allowed          accounts that may not upload: every row fails with CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE
    adjusting_allowed    whether such accounts may still adjust; not documented
    no_access            accounts or managers that the credential may not use: 403
    service_disabled     the API is not enabled in the Cloud project: 403
    exhausted_s          over the daily operations: 429, and how long to wait, in seconds; 0: never
    unknown_actions      conversion actions that do not exist
    wrong_type_actions   conversion actions that are not for uploads
    too_new_actions      conversion actions created less than 6 hours ago
    terms_not_signed     accounts without the enhanced conversions terms; rows with user data fail
    leads_not_enabled    accounts without enhanced conversions for leads; rows with user data fail
    policy_prohibits     accounts whose policy forbids enhanced conversions; rows with user data fail
    row_errors           order id or click id → ConversionUploadError or ConversionAdjustmentUploadError of its row
    clicks               click id, or a hash as it is sent → Unix seconds of the click, for errors by its age
    click_age_h          hours that a click must be old, else TOO_RECENT_EVENT
    click_days           days after which it is EXPIRED_EVENT, with a click id
    hashed_days          the same with hashed data alone
    gclid_with_braid     gclid and a braid in one row: `accept` or `refuse`; not documented
    adjust_after_h       hours that a conversion must be old to be adjusted
    adjust_days          days after which it cannot be any more
    """

    oldest_version: int = 23
    not_allowed: Ids = frozenset()
    adjusting_allowed: bool = True
    no_access: Ids = frozenset()
    service_disabled: bool = False
    exhausted_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    unknown_actions: Ids = frozenset()
    wrong_type_actions: Ids = frozenset()
    too_new_actions: Ids = frozenset()
    terms_not_signed: Ids = frozenset()
    leads_not_enabled: Ids = frozenset()
    policy_prohibits: Ids = frozenset()
    row_errors: dict[str, str] = {}
    clicks: dict[str, float] = {}
    click_age_h: NotNegative = 6
    click_days: NotNegative = 90
    hashed_days: NotNegative = 63
    gclid_with_braid: Literal["accept", "refuse"] = "accept"
    adjust_after_h: NotNegative = 24
    adjust_days: NotNegative = 54


def among(one: str, listed: Ids) -> bool:
    """Whether a list names it, or all."""
    return one in listed or EVERY in listed
