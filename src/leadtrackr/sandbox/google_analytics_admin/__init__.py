"""The Google Analytics Admin API as far as choosing a stream needs it: `/google_analytics_admin/v1beta/…`.

accountSummaries.list and properties.dataStreams.list. Source: the API's reference, v1beta. Access tokens: those of
`/google_oauth/token` with the scope analytics.readonly or analytics.edit, and any that starts with `sandbox-`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from leadtrackr.sandbox.contract import Answer, Call, Platform, json_answer
from leadtrackr.sandbox.google_ads.report import failure
from leadtrackr.sandbox.world import World

SCOPES: Final = frozenset(f"https://www.googleapis.com/auth/analytics.{right}" for right in ("readonly", "edit"))
FREE_TOKEN: Final = "sandbox-"  # noqa: S105 - a prefix
GOOGLE: Final = "googleapis.com"
MOST: Final = 200
_STREAMS: Final = re.compile(r"/v1beta/(properties/\d+)/dataStreams").fullmatch
_QUERY: Final = frozenset({"pageSize", "pageToken"})


class Stream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A data stream; without a measurement id it is an app's."""

    id: str
    name: str = ""
    measurement_id: str = ""
    uri: str = ""


class Property(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A GA4 property."""

    id: str
    name: str = ""
    streams: tuple[Stream, ...] = ()


class AnalyticsAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An Analytics account."""

    id: str
    name: str = ""
    properties: tuple[Property, ...] = ()


_WEB: Final = Stream(id="1", name="Shop", measurement_id="G-AB12CD34EF", uri="https://shop.example")
_APP: Final = Stream(id="2", name="Shop for Android")
_SHOP: Final = Property(id="301", name="Sandbox Shop", streams=(_WEB, _APP))


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    accounts           what there is
    no_access          properties whose streams the user may not read
    page_rows          most rows a page; Google's is 200
    service_disabled   the API is not enabled in the Cloud project: 403
    """

    accounts: tuple[AnalyticsAccount, ...] = (AnalyticsAccount(id="201", name="Sandbox", properties=(_SHOP,)),)
    no_access: frozenset[str] = frozenset()
    page_rows: Annotated[int, msgspec.Meta(ge=1)] = MOST
    service_disabled: bool = False


class GoogleAnalyticsAdmin(Platform[Settings]):
    """Properties and data streams."""

    slug = "google_analytics_admin"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        refusal = self._refuse_caller(call)
        if refusal is not None:
            return refusal
        if call.method != "GET":
            return failure(404, "Method not found.")
        if unknown := sorted(call.query.keys() - _QUERY):
            return failure(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}".', "INVALID_ARGUMENT")
        if call.path == "/v1beta/accountSummaries":
            return self._page(call, "accountSummaries", [_summary(one) for one in self.settings.accounts])
        if path := _STREAMS(call.path):
            return self._streams(call, path[1])
        return failure(404, "Method not found.")

    def failure(self, status: int) -> Answer:
        """Google's error shape."""
        return failure(status)

    def _refuse_caller(self, call: Call) -> Answer | None:
        name = call.bearer
        if name is None:
            return failure(401, "The request has no access token.", "CREDENTIALS_MISSING", GOOGLE)
        if not name.startswith(FREE_TOKEN):
            token = self.world.token(name)
            if token is None:
                return failure(401, "The access token is invalid or has expired.", "ACCESS_TOKEN_EXPIRED", GOOGLE)
            if not SCOPES & token.scopes:
                sentence = "The access token lacks the scope of this API."
                return failure(403, sentence, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", GOOGLE)
        if self.settings.service_disabled:
            return failure(403, "The Analytics Admin API is not enabled in the project.", "SERVICE_DISABLED", GOOGLE)
        return None

    def _streams(self, call: Call, name: str) -> Answer:
        known = {f"properties/{one.id}": one for account in self.settings.accounts for one in account.properties}
        found = known.get(name)
        if found is None or found.id in self.settings.no_access:
            return failure(403, "The caller does not have permission.")
        return self._page(call, "dataStreams", [_stream(name, one) for one in found.streams])

    def _page(self, call: Call, name: str, rows: Sequence[dict[str, Any]]) -> Answer:
        size, token = call.query.get("pageSize", "50"), call.query.get("pageToken", "0")
        if not size.isdigit() or not token.isdigit():
            return failure(400, "Invalid page size or token.", "INVALID_ARGUMENT")
        start = int(token)
        end = start + min(int(size) or 50, self.settings.page_rows, MOST)
        body: dict[str, Any] = {name: list(rows[start:end])} if rows[start:end] else {}
        if end < len(rows):
            body["nextPageToken"] = str(end)
        return json_answer(200, body)


def _summary(one: AnalyticsAccount) -> dict[str, Any]:
    account = f"accounts/{one.id}"
    properties = [
        {
            "property": f"properties/{each.id}",
            "displayName": each.name,
            "propertyType": "PROPERTY_TYPE_ORDINARY",
            "parent": account,
        }
        for each in one.properties
    ]
    summary = {"name": f"accountSummaries/{one.id}", "account": account, "displayName": one.name}
    return {**summary, **({"propertySummaries": properties} if properties else {})}


def _stream(parent: str, one: Stream) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": f"{parent}/dataStreams/{one.id}", "displayName": one.name}
    if not one.measurement_id:
        return {**shown, "type": "ANDROID_APP_DATA_STREAM", "androidAppStreamData": {"packageName": "example.shop"}}
    web = {"measurementId": one.measurement_id, **({"defaultUri": one.uri} if one.uri else {})}
    return {**shown, "type": "WEB_DATA_STREAM", "webStreamData": web}
