"""Microsoft Advertising's Customer Management, REST: `POST /microsoft_customers/CustomerManagement/v13/User/Query` and
`…/Accounts/Search`.

Who is asking, and which accounts that user may use. Access tokens as for the emulator of offline conversions. Source:
Microsoft's pages on GetUser, SearchAccounts, Predicate and Paging, and on error codes. Not verified: the REST addresses
(read in connectors), status and body of faults, whether ids are numbers or text (a setting), the largest page.
"""

import re
from typing import Any, Final

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.world import World

SCOPE: Final = "https://ads.microsoft.com/msads.manage"
MOST: Final = 1_000
USER: Final = 4_711
_PATH = re.compile(r"/CustomerManagement/(v\d+)/(User/Query|Accounts/Search)").fullmatch


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account as the settings write it."""

    id: int
    customer: int
    name: str = "Sandbox Bakery"
    currency: str = "EUR"
    status: str = "Active"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    accounts               what the user reaches: id, customer, name, currency, status
    bad_developer_tokens   refused with 105; so is one that starts with `bad-`
    text_ids               ids are written as text
    """

    accounts: tuple[Customer, ...] = (
        Customer(123456789, 987654321),
        Customer(223456789, 987654321, name="Sandbox Florist", currency="USD"),
    )
    bad_developer_tokens: frozenset[str] = frozenset()
    text_ids: bool = False


class FaultError(Exception):
    """A refusal with the number and the name of its error."""

    def __init__(self, status: int, code: int, symbol: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.symbol = status, code, symbol


class MicrosoftCustomers(Platform[Settings]):
    """Both operations."""

    slug = "microsoft_customers"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the service for one call."""
        path = _PATH(call.path)
        if path is None or call.method != "POST":
            return Answer(404)
        try:
            if path[1] != "v13":
                raise FaultError(400, 303, "ApiVersionNoLongerSupported", "This version is no longer supported.")
            self._check_headers(call)
            body = call.json
            if body is BROKEN or not isinstance(body, dict):
                raise FaultError(400, 100, "NullRequest", "The request message is null.")
            return self._user(body) if path[2] == "User/Query" else self._search(body)
        except FaultError as error:
            return _fault(error)

    def failure(self, status: int) -> Answer:
        """A fault with the code that fits the status."""
        if status == 401:
            return _fault(FaultError(401, 109, "AuthenticationTokenExpired", "Authentication token expired."))
        if status == 429:
            return _fault(FaultError(429, 117, "CallRateExceeded", "You have exceeded the number of calls."))
        return _fault(FaultError(status, 0, "InternalError", "An internal error has occurred."))

    def _check_headers(self, call: Call) -> None:
        if call.bearer is None or not call.headers.get("developertoken", "").strip():
            raise FaultError(400, 116, "RequestMissingHeaders", "A required header is missing.")
        token = self.world.token(call.bearer)
        if token is None and call.bearer in self.world.tokens:
            raise FaultError(401, 109, "AuthenticationTokenExpired", "Authentication token expired.")
        if not call.bearer.startswith("sandbox-") and (token is None or SCOPE not in token.scopes):
            raise FaultError(401, 105, "InvalidCredentials", "Authentication failed: the access token.")
        developer = call.headers["developertoken"]
        if developer in self.settings.bad_developer_tokens or developer.startswith("bad-"):
            raise FaultError(401, 105, "InvalidCredentials", "Authentication failed: the developer token.")

    def _user(self, body: dict[str, Any]) -> Answer:
        if body.get("UserId") not in (None, USER, str(USER)):
            raise FaultError(403, 106, "UserIsNotAuthorized", "The user is not authorized to perform this action.")
        customers = sorted({one.customer for one in self.settings.accounts})
        roles = [{"RoleId": 16, "CustomerId": self._id(one), "AccountIds": None} for one in customers]
        user = {"Id": self._id(USER), "UserName": "sandbox@example.com", "Name": {"FirstName": "S", "LastName": "B"}}
        return json_answer(200, {"User": user, "CustomerRoles": roles})

    def _search(self, body: dict[str, Any]) -> Answer:
        user = _user_of(body.get("Predicates"))
        index, size = _page_of(body.get("PageInfo"))
        if user != str(USER):
            return json_answer(200, {"Accounts": []})
        page = self.settings.accounts[index * size : (index + 1) * size]
        return json_answer(200, {"Accounts": [self._account(one) for one in page]})

    def _account(self, one: Customer) -> dict[str, Any]:
        return {
            "Id": self._id(one.id),
            "ParentCustomerId": self._id(one.customer),
            "Name": one.name,
            "Number": f"F{one.id % 1_000_000:06d}",
            "CurrencyCode": one.currency,
            "AccountLifeCycleStatus": one.status,
            "TimeZone": "AmsterdamBerlinBernRomeStockholmVienna",
            "ForwardCompatibilityMap": None,
        }

    def _id(self, number: int) -> int | str:
        return str(number) if self.settings.text_ids else number


def _user_of(predicates: object) -> str:
    """The value of the one predicate, which must name a user."""
    if not isinstance(predicates, list) or len(predicates) != 1 or not isinstance(predicates[0], dict):
        raise FaultError(400, 201, "ApiInputValidationError", "Exactly one predicate must be given.")
    one = predicates[0]
    if (one.get("Field"), one.get("Operator")) != ("UserId", "Equals") or not isinstance(one.get("Value"), str):
        raise FaultError(400, 201, "ApiInputValidationError", "Only UserId Equals is played here.")
    return str(one["Value"])


def _page_of(info: object) -> tuple[int, int]:
    if not isinstance(info, dict) or type(info.get("Index")) is not int or type(info.get("Size")) is not int:
        raise FaultError(400, 203, "MissingElement", "PageInfo must be given.")
    if info["Index"] < 0 or not 1 <= info["Size"] <= MOST:
        raise FaultError(400, 201, "ApiInputValidationError", "The page is out of range.")
    return info["Index"], info["Size"]


def _fault(error: FaultError) -> Answer:
    one = {"Code": error.code, "Detail": None, "ErrorCode": error.symbol, "Message": str(error)}
    body = {"TrackingId": "track-c", "Errors": [one], "Type": "AdApiFaultDetail"}
    return json_answer(error.status, body, flags=[Flag(str(error.code), detail=str(error))])
