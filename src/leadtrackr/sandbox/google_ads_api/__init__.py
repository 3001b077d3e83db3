"""The Google Ads API as far as connecting an account reads and writes: `/google_ads_api/v25/customers…`.

listAccessibleCustomers, googleAds:search over customer, customer_client and conversion_action, and
conversionActions:mutate. Source: googleapis google/ads/googleads/v25 (services, resources, errors) and the guides on
access and conversions. Access tokens: those of `/google_oauth/token` with the scope adwords, and any that starts with
`sandbox-`.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from leadtrackr.sandbox.contract import BROKEN, Answer, Call, Platform, json_answer
from leadtrackr.sandbox.google_ads.report import failure
from leadtrackr.sandbox.google_ads_api import actions
from leadtrackr.sandbox.google_ads_api.query import Row, parse, show
from leadtrackr.sandbox.google_ads_api.refusals import AdsError
from leadtrackr.sandbox.google_ads_api.settings import ConversionAction, Customer, Settings
from leadtrackr.sandbox.world import World

SCOPE: Final = "https://www.googleapis.com/auth/adwords"
FREE_TOKEN: Final = "sandbox-"  # noqa: S105 - a prefix
GOOGLE: Final = "googleapis.com"
_LIST: Final = re.compile(r"/(v\d+)/customers:listAccessibleCustomers").fullmatch
_SEARCH: Final = re.compile(r"/(v\d+)/customers/([^/]+)/googleAds:search").fullmatch
_MUTATE: Final = re.compile(r"/(v\d+)/customers/([^/]+)/conversionActions:mutate").fullmatch
_CUSTOMER: Final = re.compile(r"\d{10}").fullmatch
_SEARCH_FIELDS: Final = frozenset({"query", "pageToken", "page_token", "pageSize", "page_size", "validateOnly"})


class GoogleAdsApi(Platform[Settings]):
    """Accounts and conversion actions."""

    slug = "google_ads_api"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._created: list[ConversionAction] = []
        self._requests = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        version, request_id = call.path[1:].partition("/")[0], f"R{next(self._requests):012d}"
        if version not in self.settings.versions:
            return failure(404, "Method not found.")
        refusal = self._refuse_caller(call)
        if refusal is not None:
            return refusal
        try:
            found = self._route(call)
        except AdsError as error:
            return error.answer(version, request_id)
        if found is None:
            return failure(404, "Method not found.")
        return json_answer(200, found, headers={"request-id": request_id})

    def failure(self, status: int) -> Answer:
        """Google's error shape."""
        return failure(status, reason={429: "RESOURCE_EXHAUSTED"}.get(status, ""))

    def forget(self) -> None:
        """Forget the conversion actions created."""
        self._created.clear()

    @property
    def _customers(self) -> dict[str, Customer]:
        return {one.id: one for one in self.settings.customers}

    @property
    def _actions(self) -> list[ConversionAction]:
        return [*self.settings.actions, *self._created]

    def _refuse_caller(self, call: Call) -> Answer | None:
        name = call.bearer
        if name is None:
            return failure(401, "The request has no access token.", "CREDENTIALS_MISSING", GOOGLE)
        if not name.startswith(FREE_TOKEN):
            token = self.world.token(name)
            if token is None:
                return failure(401, "The access token is invalid or has expired.", "ACCESS_TOKEN_EXPIRED", GOOGLE)
            if SCOPE not in token.scopes:
                sentence = "The access token lacks the scope of this API."
                return failure(403, sentence, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", GOOGLE)
        if self.settings.service_disabled:
            return failure(403, "The Google Ads API is not enabled in the project.", "SERVICE_DISABLED", GOOGLE)
        return None

    def _route(self, call: Call) -> dict[str, Any] | None:
        if self.settings.not_approved:
            sentence = "The Cloud project is not approved for production accounts."
            raise AdsError(403, "authorizationError", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", sentence)
        if call.method == "GET" and _LIST(call.path):
            return {"resourceNames": [f"customers/{one}" for one in self.settings.accessible]}
        if call.method == "POST" and (path := _SEARCH(call.path)):
            return self._search(call, self._customer(call, path[2]))
        if call.method == "POST" and (path := _MUTATE(call.path)):
            return self._mutate(call, self._customer(call, path[2]))
        return None

    def _customer(self, call: Call, name: str) -> Customer:
        """The account of the path, if the caller may work in it through the login account."""
        if not _CUSTOMER(name):
            raise AdsError(400, "requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{name}'.")
        login = call.headers.get("login-customer-id", name)
        if not _CUSTOMER(login):
            sentence = "The login customer id must be ten digits without hyphens."
            raise AdsError(400, "headerError", "INVALID_LOGIN_CUSTOMER_ID", sentence)
        customer = self._customers.get(name)
        if customer is None or login not in self.settings.accessible or name not in self._reach(login):
            sentence = "The user has no permission to access the customer; check login-customer-id."
            raise AdsError(403, "authorizationError", "USER_PERMISSION_DENIED", sentence)
        if customer.status != "ENABLED":
            sentence = "The customer is not enabled yet, or has been deactivated."
            raise AdsError(403, "authorizationError", "CUSTOMER_NOT_ENABLED", sentence)
        return customer

    def _reach(self, login: str) -> set[str]:
        known, found, ahead = self._customers, set[str](), [login]
        while ahead:
            one = ahead.pop()
            if one not in found and one in known:
                found.add(one)
                ahead += known[one].below
        return found

    def _search(self, call: Call, customer: Customer) -> dict[str, Any]:
        body = _body(call)
        if unknown := sorted(body.keys() - _SEARCH_FIELDS):
            raise AdsError(400, "requestError", "UNKNOWN", f'Unknown name "{unknown[0]}": Cannot find field.')
        if "pageSize" in body or "page_size" in body:
            sentence = "Setting the page size is not supported."
            raise AdsError(400, "requestError", "PAGE_SIZE_NOT_SUPPORTED", sentence)
        query = parse(body.get("query"))
        rows = query.run(self._rows(query.resource, customer))
        start = self._start(body.get("pageToken", body.get("page_token", "")), str(body.get("query")))
        end = start + self.settings.page_rows
        shown = [show(row, query.fields, query.resource, sparse=self.settings.sparse) for row in rows[start:end]]
        # Each row is nested under the resource's own name already.
        found: dict[str, Any] = {"results": shown} if shown else {}
        if end < len(rows):
            found["nextPageToken"] = f"{end}.{_mark(str(body.get('query')))}"
        return {**found, "fieldMask": ",".join(query.fields)}

    def _start(self, token: object, query: str) -> int:
        if token == "":
            return 0
        start, _, mark = str(token).partition(".")
        if not start.isdigit() or mark != _mark(query):
            raise AdsError(400, "requestError", "INVALID_PAGE_TOKEN", "Page token is not valid for this query.")
        return int(start)

    def _rows(self, resource: str, customer: Customer) -> Iterator[Row]:
        if resource == "customer":
            yield _customer_row(customer)
        elif resource == "conversion_action":
            owner = customer.conversion_customer or customer.id
            yield from (actions.row(one, customer.id) for one in self._actions if one.customer == owner)
        else:
            yield from self._client_rows(customer)

    def _client_rows(self, top: Customer) -> Iterator[Row]:
        """The account itself at level 0, then everything below it, each as often as there are ways to it."""
        ahead = [(top, 0, frozenset({top.id}))]
        while ahead:
            one, level, way = ahead.pop(0)
            yield _client_row(top, one, level)
            below = [self._customers[name] for name in one.below if name in self._customers and name not in way]
            ahead += [(child, level + 1, way | {child.id}) for child in below]

    def _mutate(self, call: Call, customer: Customer) -> dict[str, Any]:
        if customer.tracking == "CONVERSION_TRACKING_MANAGED_BY_ANOTHER_MANAGER":
            sentence = "The conversion actions of this account are its manager's."
            raise AdsError(403, "authorizationError", "ACTION_NOT_PERMITTED", sentence)
        made, validate_only = actions.create(_body(call), customer.id, self._actions)
        if validate_only:
            return {}
        self._created += made
        return {"results": [{"resourceName": actions.resource_name(customer.id, one.id)} for one in made]}


def _body(call: Call) -> dict[str, Any]:
    body = call.json if call.body else {}
    if body is BROKEN or not isinstance(body, dict):
        raise AdsError(400, "requestError", "UNKNOWN", "Invalid JSON payload received.")
    return body


def _mark(query: str) -> str:
    return f"{sum(query.encode()):x}"


def _client_row(top: Customer, one: Customer, level: int) -> Row:
    return {
        "customer_client.resource_name": f"customers/{top.id}/customerClients/{one.id}",
        "customer_client.client_customer": f"customers/{one.id}",
        "customer_client.id": int(one.id),
        "customer_client.descriptive_name": one.name,
        "customer_client.manager": one.manager,
        "customer_client.level": level,
        "customer_client.status": one.status,
        "customer_client.currency_code": one.currency,
        "customer_client.time_zone": one.time_zone,
        "customer_client.test_account": one.test,
        "customer_client.hidden": one.hidden,
    }


def _customer_row(one: Customer) -> Row:
    setting = "customer.conversion_tracking_setting"
    return {
        "customer.resource_name": f"customers/{one.id}",
        "customer.id": int(one.id),
        "customer.descriptive_name": one.name,
        "customer.manager": one.manager,
        f"{setting}.google_ads_conversion_customer": f"customers/{one.conversion_customer or one.id}",
        f"{setting}.conversion_tracking_status": one.tracking,
        f"{setting}.accepted_customer_data_terms": one.terms,
        f"{setting}.enhanced_conversions_for_leads_enabled": one.enhanced_for_leads,
    }
