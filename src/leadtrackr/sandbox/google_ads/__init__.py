"""Google Ads by the Data Manager API v1: `/google_ads/v1/events:ingest`, `/google_ads/v1/requestStatus:retrieve`.

Sources: googleapis google/ads/datamanager/v1/*.proto and the Data Manager API guides (limits, errors, diagnostics,
conversion adjustments). Access tokens: those given out at `/google_oauth/token`, and any that starts with `sandbox-`.
What Google does not document is a setting (`settings.py`).
"""

from collections import deque
from dataclasses import replace
from typing import Final

from leadtrackr.sandbox.contract import BROKEN, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.google_ads.report import Report, failure
from leadtrackr.sandbox.google_ads.request import Request, read_request
from leadtrackr.sandbox.google_ads.settings import EVERY, Settings
from leadtrackr.sandbox.google_ads.status import Processing, Taken, show
from leadtrackr.sandbox.world import MICROS, World

SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
FREE_TOKEN: Final = "sandbox-"  # noqa: S105 - a prefix
GOOGLE: Final = "googleapis.com"


class GoogleAds(Platform[Settings]):
    """The two methods of the Data Manager API that offline conversions need."""

    slug = "google_ads"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._taken: dict[str, Taken] = {}
        self._calls: deque[int] = deque()
        self._requests = 0

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        methods = {
            ("POST", "/v1/events:ingest"): self._ingest,
            ("GET", "/v1/requestStatus:retrieve"): self._retrieve,
        }
        method = methods.get((call.method, call.path))
        if method is None:
            return failure(404, "Method not found.")
        return self._refuse_caller(call) or method(call)

    def failure(self, status: int) -> Answer:
        """Google's error shape."""
        reason = {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL_ERROR", 504: "DEADLINE_EXCEEDED"}.get(status, "")
        return failure(status, reason=reason)

    def forget(self) -> None:
        """Forget the requests taken; their status cannot be asked any more."""
        self._taken.clear()
        self._calls.clear()

    def _refuse_caller(self, call: Call) -> Answer | None:
        """401 and 403 for the credential, 429 for its quota, else None."""
        name = call.bearer
        if name is None:
            return failure(401, "The request has no access token.", "CREDENTIALS_MISSING", GOOGLE)
        if not name.startswith(FREE_TOKEN):
            token = self.world.token(name)
            if token is None:
                sentence = "The access token is invalid or has expired."
                return failure(401, sentence, "ACCESS_TOKEN_EXPIRED", GOOGLE)
            if SCOPE not in token.scopes:
                sentence = "The access token lacks the scope of this API."
                return failure(403, sentence, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", GOOGLE)
        if self.settings.service_disabled:
            sentence = "The Data Manager API is not enabled in the Cloud project."
            return failure(403, sentence, "SERVICE_DISABLED", GOOGLE)
        if self._is_over_quota(call.at):
            return self.failure(429)
        return None

    def _is_over_quota(self, now: int) -> bool:
        limit = self.settings.requests_per_minute
        if not limit:
            return False
        while self._calls and self._calls[0] <= now - 60 * MICROS:
            self._calls.popleft()
        if len(self._calls) >= limit:
            return True
        self._calls.append(now)
        return False

    def _ingest(self, call: Call) -> Answer:
        body = call.json if call.body else {}
        if body is BROKEN:
            return failure(400, "Invalid JSON payload received.", "INVALID_ARGUMENT")
        report = Report()
        request = read_request(body, self.settings, call.at, report)
        return replace(self._judge(call, request, report), validation=request.validate_only)

    def _judge(self, call: Call, request: Request, report: Report) -> Answer:
        if report.is_clean:
            if (refusal := self._refuse_account(request)) is not None:
                return refusal
            self._poison(call, request, report)
        if not report.is_clean:
            return report.answer(self._request_id("t-"))
        if request.validate_only:
            return self._success(self._request_id("v-"))
        processing = Processing(self.slug, self.world.ledger, self.settings, call.at)
        rows, outcomes = processing.run(request)
        request_id = self._request_id("")
        self._taken[request_id] = Taken(call.at, outcomes)
        success = self._success(request_id)
        return Answer(200, success.content, success.headers, rows, _flags(request))

    def _success(self, request_id: str) -> Answer:
        warnings = self.settings.field_warnings
        return json_answer(200, {"requestId": request_id, **({"fieldWarnings": warnings} if warnings else {})})

    def _request_id(self, prefix: str) -> str:
        self._requests += 1
        return f"{prefix}{self.world.now():x}{self._requests:06x}"

    def _refuse_account(self, request: Request) -> Answer | None:
        no_access, unknown = self.settings.no_access, self.settings.unknown_actions
        if not no_access and not unknown:
            return None
        for target in request.targets:
            if EVERY in no_access or not no_access.isdisjoint((target.account_id, target.login_id)):
                sentence = "The user has no permission, or the resource does not exist."
                return failure(403, sentence, "PERMISSION_DENIED", request_id=self._request_id("t-"))
            if EVERY in unknown or target.action in unknown:
                return failure(404, "Resource not found.", "NOT_FOUND", request_id=self._request_id("t-"))
        return None

    def _poison(self, call: Call, request: Request, report: Report) -> None:
        if not call.poisons:
            return
        for index, named in call.poisoned([event.key for event in request.events]):
            report.refuse(f"events.events[{index}]", "INVALID_EVENT", "This event is not valid.")
            report.unnamed = report.unnamed or not named

    def _retrieve(self, call: Call) -> Answer:
        request_id = call.query.get("requestId") or call.query.get("request_id")
        report = Report()
        if not request_id:
            report.missing("request_id")
            return report.answer(self._request_id("t-"))
        taken = self._taken.get(request_id)
        if taken is None:
            report.refuse("request_id", "INVALID_REQUEST_ID", "No status can be retrieved for this request id.")
            return report.answer(self._request_id("t-"))
        return json_answer(200, show(taken, call.at, self.settings))


def _flags(request: Request) -> list[Flag]:
    """What the documents leave open, and a careful sender does not do."""
    return [
        Flag("value_without_currency", f"events.events[{index}].currency", "A value needs a currency.")
        for index, event in enumerate(request.events)
        if event.value is not None and event.currency is None
    ]
