"""Microsoft Advertising's offline conversions, REST: `POST /microsoft/CampaignManagement/v13/OfflineConversions/Apply`
and `…/OfflineConversionAdjustments/Apply`.

Each item is judged by itself; the errors name items by `Index` and come in an order of their own. A conversion that is
there already (same click id or else hashes, goal name and time) is ignored: its row in the ledger does not count.
Source: Microsoft's pages on both operations and on error codes, and the models of its REST SDKs. Access tokens: those
given out at `/microsoft_oauth`, and any that starts with `sandbox-`. Not verified, hence a setting or only a flag:
status and body of faults, unknown fields, what is said at once of an adjustment without its conversion.
"""

import re
from itertools import count
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.microsoft.rules import (
    ALREADY_RETRACTED,
    DAY_US,
    INVALID_CLICK,
    NULL_ITEM,
    ORIGINAL_UNKNOWN,
    SECOND_US,
    Context,
    Error,
    Item,
    ItemError,
    read_adjustment,
    read_conversion,
)
from leadtrackr.sandbox.world import World

MAX_ITEMS: Final = 1_000
SCOPE: Final = "https://ads.microsoft.com/msads.manage"
RETRACT: Final = "Retract"
_PATH = re.compile(r"/CampaignManagement/(v\d+)/(OfflineConversions|OfflineConversionAdjustments)/Apply").fullmatch
_HEADERS: Final = ("authorization", "developertoken", "customerid", "customeraccountid")
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_developer_tokens   refused with 105; so is one that starts with `bad-`
    forbidden_accounts     accounts that the user may not use: 106
    unknown_accounts       accounts that do not exist: 208
    goals                  known goal names; empty: any name is known
    new_goals              goals made less than two hours ago: 5615
    no_adjustments         goals whose conversions cannot be adjusted: 5627
    no_hashes              goals that take no hashed data
    not_enabled            the customer may not send offline conversions: 5613
    bad_clicks             click ids that Microsoft does not know: 5604; so is one that starts with `bad-`
    clicks                 click id → when it was clicked, Unix seconds, for 5616 and 5617
    window_days            the goals' conversion window
    max_age_days           days that a conversion may lie back
    future_s               how far ahead of the clock a time may be
    unknown_original       an adjustment without its conversion: `refuse`, or `flag` and take
    fault                  the form of faults: `ad_api` or `api`
    expired_in_success     an expired access token is answered with HTTP 200 and a sentence, as the older service did
    retired_versions       versions that are refused with 303
    """

    bad_developer_tokens: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()
    unknown_accounts: frozenset[str] = frozenset()
    goals: frozenset[str] = frozenset()
    new_goals: frozenset[str] = frozenset()
    no_adjustments: frozenset[str] = frozenset()
    no_hashes: frozenset[str] = frozenset()
    not_enabled: bool = False
    bad_clicks: frozenset[str] = frozenset()
    clicks: dict[str, float] = {}
    window_days: NotNegative = 90
    max_age_days: NotNegative = 90
    future_s: NotNegative = 60
    unknown_original: Literal["refuse", "flag"] = "refuse"
    fault: Literal["ad_api", "api"] = "ad_api"
    expired_in_success: bool = False
    retired_versions: frozenset[str] = frozenset()


class FaultError(Exception):
    """The whole request is refused."""

    def __init__(self, status: int, error: Error) -> None:
        super().__init__(error.message)
        self.status, self.error = status, error


class Microsoft(Platform[Settings]):
    """Both operations."""

    slug = "microsoft"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._tracks = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the service for one call."""
        try:
            return self._route(call)
        except FaultError as error:
            if error.error.code == 109 and self.settings.expired_in_success:
                return Answer(
                    200, b"<s:Envelope>Authentication token expired</s:Envelope>", {"Content-Type": "text/xml"}
                )
            return self._fault(error.status, error.error)

    def failure(self, status: int) -> Answer:
        """A fault with the code that fits the status."""
        errors = {
            401: Error(109, "AuthenticationTokenExpired", "Authentication token expired."),
            403: Error(106, "UserIsNotAuthorized", "The user is not authorized to perform this action."),
            429: Error(117, "CallRateExceeded", "You have exceeded the number of calls for a minute."),
        }
        internal = Error(0, "InternalError", "An internal error has occurred.")
        bad = Error(201, "ApiInputValidationError", "One or more input elements failed validation.")
        return self._fault(status, errors.get(status, internal if status >= 500 else bad))

    def _route(self, call: Call) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != "POST":
            return Answer(404)
        if path[1] != "v13" or path[1] in self.settings.retired_versions:
            raise FaultError(400, Error(303, "ApiVersionNoLongerSupported", "This version is no longer supported."))
        account = self._check_headers(call)
        items = _read_items(call, path[2])
        if self.settings.not_enabled:
            message = "The customer is not enabled for the offline conversion feature."
            raise FaultError(400, Error(5613, "OfflineConversionPilotNotEnabledForCustomer", message))
        return self._apply(call, account, items, adjusts=path[2] != "OfflineConversions")

    def _check_headers(self, call: Call) -> str:
        """The account, once the caller may use it."""
        if any(not call.headers.get(name, "").strip() for name in _HEADERS):
            raise FaultError(400, Error(116, "RequestMissingHeaders", "A required header is missing."))
        self._check_token(call.bearer or "")
        developer = call.headers["developertoken"]
        if developer in self.settings.bad_developer_tokens or developer.startswith("bad-"):
            raise FaultError(401, Error(105, "InvalidCredentials", "Authentication failed: the developer token."))
        account = call.headers["customeraccountid"]
        if not account.isdigit() or not call.headers["customerid"].isdigit():
            raise FaultError(400, Error(208, "InvalidAccount", "The account is not valid."))
        if account in self.settings.unknown_accounts:
            raise FaultError(400, Error(208, "InvalidAccount", "The account is not valid."))
        if account in self.settings.forbidden_accounts:
            raise FaultError(403, Error(106, "UserIsNotAuthorized", "The user is not authorized."))
        return account

    def _check_token(self, given: str) -> None:
        if given.startswith("sandbox-"):
            return
        token = self.world.token(given)
        if token is None and given in self.world.tokens:
            raise FaultError(401, Error(109, "AuthenticationTokenExpired", "Authentication token expired."))
        if token is None or SCOPE not in token.scopes:
            raise FaultError(401, Error(105, "InvalidCredentials", "Authentication failed: the access token."))

    def _apply(self, call: Call, account: str, items: list[Any], *, adjusts: bool) -> Answer:
        flags: list[Flag] = []
        context = self._context(call, flags)
        rows: list[Accepted] = []
        errors: dict[int, Error] = {}
        for index, item in enumerate(items):
            path = f"{'OfflineConversionAdjustments' if adjusts else 'OfflineConversions'}[{index}]"
            try:
                if item is None:
                    raise ItemError(NULL_ITEM)
                found = (read_adjustment if adjusts else read_conversion)(item, path, context)
                take = self._adjust if adjusts else self._take
                rows.append(take(account, found, index, item, rows, flags))
            except ItemError as error:
                errors[index] = error.error
                flags.append(Flag(str(error.error.code), path, error.error.symbol))
        _poison(call, rows, errors)
        # In no order that the caller could rely on.
        listed = [_partial(index, errors[index]) for index in sorted(errors, reverse=True)]
        taken = [row for row in rows if row.index not in errors]
        return json_answer(200, {"PartialErrors": listed}, accepted=taken, flags=flags)

    def _context(self, call: Call, flags: list[Flag]) -> Context:
        knobs = self.settings
        return Context(
            now=call.at,
            max_age_us=int(knobs.max_age_days * DAY_US),
            future_us=int(knobs.future_s * SECOND_US),
            window_us=int(knobs.window_days * DAY_US),
            goals=knobs.goals,
            new_goals=knobs.new_goals,
            no_adjustments=knobs.no_adjustments,
            no_hashes=knobs.no_hashes,
            bad_clicks=knobs.bad_clicks,
            clicks={name: int(at * SECOND_US) for name, at in knobs.clicks.items()},
            flag=flags.append,
        )

    def _take(
        self, account: str, item: Item, index: int, raw: dict[str, Any], before: list[Accepted], _flags: list[Flag]
    ) -> Accepted:
        scope = f"{account}/{item.name}"
        again = self._has(scope, item.key, before)
        return Accepted(
            index=index,
            key=item.key,
            scope=scope,
            value=item.value,
            currency=item.currency,
            event_at=item.at,
            counts=not again,
            processing_error="DuplicateConversionKey" if again else None,
            event=raw if self.world.ledger.bodies else None,
        )

    def _adjust(
        self, account: str, item: Item, index: int, raw: dict[str, Any], before: list[Accepted], flags: list[Flag]
    ) -> Accepted:
        scope = f"{account}/{item.name}"
        if not self._has(scope, item.key, before):
            if self.settings.unknown_original == "refuse":
                raise ItemError(ORIGINAL_UNKNOWN)
            flags.append(Flag("AdjustmentOriginalNotFound", detail=item.key, dropped=True))
        if self._has(f"{scope}/{RETRACT}", item.key, before):
            raise ItemError(ALREADY_RETRACTED)
        return Accepted(
            index=index,
            key=item.key,
            scope=f"{scope}/{item.adjustment}",
            value=item.value,
            currency=item.currency,
            event_at=item.adjusted_at,
            event=raw if self.world.ledger.bodies else None,
        )

    def _has(self, scope: str, key: str, before: list[Accepted]) -> bool:
        if self.world.ledger.find(self.slug, scope, key) is not None:
            return True
        return any(row.scope == scope and row.key == key for row in before)

    def _fault(self, status: int, error: Error) -> Answer:
        one = {"Code": error.code, "ErrorCode": error.symbol, "Message": error.message}
        track = f"track-{next(self._tracks)}"
        if self.settings.fault == "ad_api":
            body: dict[str, Any] = {
                "TrackingId": track,
                "Errors": [{**one, "Detail": None}],
                "Type": "AdApiFaultDetail",
            }
        else:
            listed = [{**one, "Details": None}]
            body = {"TrackingId": track, "BatchErrors": [], "OperationErrors": listed, "Type": "ApiFaultDetail"}
        return json_answer(status, body, flags=[Flag(str(error.code), detail=error.message)])


def _read_items(call: Call, name: str) -> list[Any]:
    body = call.json
    if body is BROKEN or not isinstance(body, dict):
        raise FaultError(400, Error(100, "NullRequest", "The request message is null."))
    items = body.get(name)
    if not isinstance(items, list) or not items:
        message = "The list of offline conversions cannot be null or empty."
        raise FaultError(400, Error(5600, "OfflineConversionsNullOrEmpty", message))
    if len(items) > MAX_ITEMS:
        message = "The list of offline conversions exceeds the limit."
        raise FaultError(400, Error(5601, "OfflineConversionsLimitExceeded", message))
    return items


def _poison(call: Call, rows: list[Accepted], errors: dict[int, Error]) -> None:
    if call.poisons and not errors:
        for place, _named in call.poisoned([row.key for row in rows]):
            errors[place] = INVALID_CLICK


def _partial(index: int, error: Error) -> dict[str, Any]:
    return {
        "FieldPath": None,
        "ErrorCode": error.symbol,
        "Message": error.message,
        "Code": error.code,
        "Details": None,
        "Index": index,
        "Type": "BatchError",
        "ForwardCompatibilityMap": None,
    }
