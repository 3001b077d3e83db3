"""The knobs of the Data Manager emulator."""

from typing import Annotated, Any, Final, Literal

import msgspec

EVERY: Final = "*"
Accounts = frozenset[str]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs. Account and action lists take ids, or `*` for all.

    max_age_days          older events are refused; Google documents no threshold
    future_s              how far ahead of the clock an event may be; Google documents none
    both_braids           gbraid and wbraid in one event: `refuse` or `accept`; no request rule is documented
    gclid_with_braid      gclid and a braid in one event: `refuse` or `accept`; not documented either
    max_transaction_id    longest transaction id taken; 0: any length, since Google documents none
    processing_s          how long requestStatus says PROCESSING, in seconds
    processing_errors     transaction id or gclid → ProcessingErrorReason that processing ends with
    clicks                click id, or a hash as it is sent → Unix seconds of the click, whose age is judged then
    click_age_h           hours that a click must be old, else TOO_RECENT_CLICK
    click_days            days after which it is EVENT_TOO_OLD, with a click id
    hashed_days           the same with hashed data alone
    repeats               an earlier request's transaction id again: `identical` (a DUPLICATE_TRANSACTION_ID error when
                          value, currency and time are the same, else a restatement), `all` or `none` are errors
    record_indices        how errorCounts gives indices: `number`, `string` or `absent`; the JSON type is not documented
    failed_word           `FAILED` as in the enum, or `FAILURE` as in the prose
    field_warnings        returned with each success, as given
    requests_per_minute   more are answered with 429; Google's limit is 300; 0: no limit
    service_disabled      the API is not enabled in the Cloud project: 403
    no_access             operating or login accounts that the credential may not use: 403
    unknown_actions       conversion actions that do not exist: 404
    wrong_type_actions    conversion actions that are not for uploads
    too_new_actions       conversion actions created less than 6 hours ago
    terms_not_signed      accounts that have not signed the enhanced conversions terms; requests with userData fail
    leads_not_enabled     accounts without enhanced conversions for leads; requests with userData fail
    policy_prohibits      accounts whose policy forbids enhanced conversions; requests with userData fail
    """

    max_age_days: NotNegative = 90
    future_s: NotNegative = 60
    both_braids: Literal["refuse", "accept"] = "refuse"
    gclid_with_braid: Literal["refuse", "accept"] = "accept"
    max_transaction_id: Annotated[int, msgspec.Meta(ge=0)] = 0
    processing_s: NotNegative = 1
    processing_errors: dict[str, str] = {}
    clicks: dict[str, float] = {}
    click_age_h: NotNegative = 6
    click_days: NotNegative = 90
    hashed_days: NotNegative = 63
    repeats: Literal["identical", "all", "none"] = "identical"
    record_indices: Literal["number", "string", "absent"] = "number"
    failed_word: Literal["FAILED", "FAILURE"] = "FAILED"
    field_warnings: list[dict[str, Any]] = []
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    service_disabled: bool = False
    no_access: Accounts = frozenset()
    unknown_actions: Accounts = frozenset()
    wrong_type_actions: Accounts = frozenset()
    too_new_actions: Accounts = frozenset()
    terms_not_signed: Accounts = frozenset()
    leads_not_enabled: Accounts = frozenset()
    policy_prohibits: Accounts = frozenset()
