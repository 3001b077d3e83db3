"""The Google Ads API's uploads at `/google_ads_legacy/{version}/customers/{id}:uploadClickConversions`, and its
`…:uploadConversionAdjustments`.

Rows fail alone (partial failure), by their index. Access tokens: those given out at `/google_oauth/token` with the
scope adwords, and any that starts with `sandbox-`. Sources: googleapis google/ads/googleads/v25, services and errors.
What Google does not document is a setting (`settings.py`).
"""

import re
from itertools import count
from typing import Any, Final

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.google_ads_legacy.reading import ADJUSTMENTS, CONVERSIONS, MisfitError, fit
from leadtrackr.sandbox.google_ads_legacy.report import Fault, Row, bad_json, failure, partial
from leadtrackr.sandbox.google_ads_legacy.rows import (
    Book,
    Request,
    check_adjustment,
    check_conversion,
    keep_adjustment,
    keep_conversion,
)
from leadtrackr.sandbox.google_ads_legacy.settings import Settings, among
from leadtrackr.sandbox.world import World

SCOPE: Final = "https://www.googleapis.com/auth/adwords"
MAX_ROWS: Final = 2_000
_FREE_TOKEN: Final = "sandbox-"  # noqa: S105 - a prefix
_PATH: Final = re.compile(
    r"/v(\d{1,3})/customers/(\d{10}):(uploadClickConversions|uploadConversionAdjustments)", re.ASCII
)
_UPLOAD, _ADJUST = "conversions", "conversion_adjustments"


class GoogleAdsLegacy(Platform[Settings]):
    """The two methods that offline conversions need."""

    slug = "google_ads_legacy"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._book = Book()
        self._requests = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        path = _PATH.fullmatch(call.path)
        if path is None or call.method != "POST" or int(path[1]) < self.settings.oldest_version:
            return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", {"Content-Type": "text/html"})
        version = f"v{path[1]}"
        if refusal := self._refuse_caller(call, version, path[2]):
            return refusal
        rows = _UPLOAD if path[3] == "uploadClickConversions" else _ADJUST
        if call.json is BROKEN:
            return bad_json("", "Invalid JSON payload received.")
        try:
            body = fit(call.json, CONVERSIONS if rows == _UPLOAD else ADJUSTMENTS)
        except MisfitError as error:
            return bad_json(error.path, str(error))
        return self._refuse_request(body, rows, version) or self._take(call, body, rows, version, path[2])

    def failure(self, status: int) -> Answer:
        """Google's error shape."""
        names = {
            401: ("authenticationError", "OAUTH_TOKEN_INVALID"),
            403: ("authorizationError", "USER_PERMISSION_DENIED"),
            429: ("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED"),
            500: ("internalError", "INTERNAL_ERROR"),
            503: ("internalError", "TRANSIENT_ERROR"),
        }
        faults = [Fault(*names[status], "", "The request failed.")] if status in names else []
        return failure(status, "The request failed.", faults)

    def forget(self) -> None:
        """Forget every conversion."""
        self._book = Book()

    def _refuse_caller(self, call: Call, version: str, account: str) -> Answer | None:
        settings, name, number = self.settings, call.bearer, self._number()
        token = None if name is None else self.world.token(name)
        if name is None or not (token or name.startswith(_FREE_TOKEN)):
            faults = [Fault("authenticationError", "OAUTH_TOKEN_INVALID", "", "The access token is not valid.")]
            return failure(401, "Request had invalid authentication credentials.", faults, version, number)
        if token is not None and SCOPE not in token.scopes:
            return failure(403, "Insufficient scopes.", [], version, number, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        if settings.service_disabled:
            return failure(403, "Google Ads API is not enabled.", [], version, number, "SERVICE_DISABLED")
        login = call.headers.get("login-customer-id", "")
        if among(account, settings.no_access) or (login and among(login, settings.no_access)):
            faults = [Fault("authorizationError", "USER_PERMISSION_DENIED", "", "User doesn't have permission.")]
            return failure(403, "The caller does not have permission", faults, version, number)
        return self._exhausted(number) if settings.exhausted_s else None

    def _exhausted(self, number: str) -> Answer:
        one = Fault("quotaError", "RESOURCE_EXHAUSTED", "", "Too many operations.").show()
        delay = {
            "rateScope": "DEVELOPER",
            "rateName": "Operations per day",
            "retryDelay": f"{self.settings.exhausted_s}s",
        }
        detail = {"errors": [{**one, "details": {"quotaErrorDetails": delay}}], "requestId": number}
        error = {"code": 429, "message": "Resource has been exhausted", "status": "RESOURCE_EXHAUSTED"}
        return json_answer(429, {"error": {**error, "details": [detail]}}, flags=[Flag("RESOURCE_EXHAUSTED")])

    def _refuse_request(self, body: dict[str, Any], rows: str, version: str) -> Answer | None:
        found: list[Fault] = []
        listed = body.get(rows, [])
        if not listed:
            found.append(Fault("requestError", "REQUIRED_FIELD_MISSING", rows, "Required field is missing"))
        if len(listed) > MAX_ROWS:
            many = ("conversionUploadError", "TOO_MANY_CONVERSIONS_IN_REQUEST")
            if rows == _ADJUST:
                many = ("conversionAdjustmentUploadError", "TOO_MANY_ADJUSTMENTS_IN_REQUEST")
            found.append(Fault(*many, rows, "Too many rows."))
        if body.get("partial_failure") is not True:
            sentence = "The partial failure field must be set to true."
            found.append(Fault("partialFailureError", "PARTIAL_FAILURE_MODE_REQUIRED", "partial_failure", sentence))
        if not 0 <= body.get("job_id", 0) < 2**31:
            found.append(Fault("conversionUploadError", "INVALID_JOB_ID", "job_id", "The job id is out of range."))
        return failure(400, "Request contains an invalid argument.", found, version, self._number()) if found else None

    def _take(self, call: Call, body: dict[str, Any], rows: str, version: str, account: str) -> Answer:
        request = Request(account, call.at, self.settings, self._book)
        only_asks = body.get("validate_only", False)
        results: list[dict[str, Any]] = []
        accepted: list[Accepted] = []
        looked = [Row(f"{rows}[{place}]") for place in range(len(body[rows]))]
        self._poison(call, body[rows], looked)
        for place, (given, row) in enumerate(zip(body[rows], looked, strict=True)):
            row_accepted = self._row(given, row, request, place, keep=not only_asks, upload=rows == _UPLOAD)
            accepted += [row_accepted] if row_accepted else []
            results.append({} if row.faults else _echo(given, rows))
        faults = [one for row in looked for one in row.faults]
        number = self._number()
        answer: dict[str, Any] = {} if only_asks else {"results": results, "jobId": str(2**31 + next(self._requests))}
        if faults:
            answer["partialFailureError"] = partial(version, faults, number)
        flags = [*(flag for row in looked for flag in row.flags), *(Flag(one.name, one.path) for one in faults[:20])]
        headers = {"request-id": number}
        return json_answer(200, answer, accepted=accepted, flags=flags, headers=headers, validation=only_asks)

    def _row(
        self, given: dict[str, Any], row: Row, request: Request, place: int, *, keep: bool, upload: bool
    ) -> Accepted | None:
        """Examine one row and write it down; None when it is refused or only asked about."""
        found = None
        if upload:
            check_conversion(given, row, request)
        else:
            found = check_adjustment(given, row, request)
        if row.faults or not keep:
            return None
        if found is not None:
            keep_adjustment(given, found)
            action, at = given["conversion_action"].rpartition("/")[2], found.at
            value, currency = found.value, found.currency
        else:
            action, at = keep_conversion(given, request)
            value, currency = given.get("conversion_value"), given.get("currency_code")
        return Accepted(
            index=place,
            key=given.get("order_id"),
            scope=f"{request.account}/{action}",
            value=value,
            currency=currency,
            event_at=at,
            event=given if self.world.ledger.bodies else None,
        )

    def _poison(self, call: Call, given: list[dict[str, Any]], rows: list[Row]) -> None:
        for place, _named in call.poisoned([one.get("order_id") for one in given]):
            rows[place].refuse("fieldError", "INVALID_VALUE", "", "The value is not valid.")

    def _number(self) -> str:
        return f"sandbox-{next(self._requests):08d}"


def _echo(given: dict[str, Any], rows: str) -> dict[str, Any]:
    """What a result repeats of its row."""
    names = {
        "gclid": "gclid",
        "gbraid": "gbraid",
        "wbraid": "wbraid",
        "conversion_action": "conversionAction",
        "conversion_date_time": "conversionDateTime",
    }
    if rows == _ADJUST:
        names = {"conversion_action": "conversionAction", "order_id": "orderId", "adjustment_type": "adjustmentType"}
    return {shown: given[name] for name, shown in names.items() if name in given}
