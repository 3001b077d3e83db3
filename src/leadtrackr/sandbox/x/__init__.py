"""X's Conversion API: `POST /x/12/measurement/conversions/{pixel id}`, and `GET /x/12/accounts`, both signed.

A request succeeds when no conversion in it is at fault; else all faults are listed, not whose they are. Source: X's
reference and troubleshooting pages. Not verified, hence a setting or only a flag: ages, future times, unknown fields,
how far a clock may be off, the codes that come with a bad signature.
"""

import re
from itertools import count
from typing import Annotated, Any, Final

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.world import MICROS, World
from leadtrackr.sandbox.x.rules import DAY_S, Context, InvalidConversionError, check_conversion, time_of
from leadtrackr.sandbox.x.signature import BadSignatureError, WrongTimeError, verify

MAX_CONVERSIONS: Final = 500
_PATH = re.compile(r"/(\d+)/(?:measurement/conversions/([0-9a-z]+)|accounts)").fullmatch
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    secrets            key or token → its secret; of one that is not named, the secret is `secret-of-` and the key
    revoked            keys and tokens that are refused (401); so is one that starts with `bad-`
    no_ads_access      keys of apps without access to the Ads API (403)
    unknown_pixels     pixels that do not exist or are out of reach (404)
    unknown_events     event ids that the account does not have (400)
    retired_versions   versions that are refused with 410
    hosts              names under which the API is called, as they are signed
    clock_skew_s       how far the time of a signature may be off
    max_age_days       days that a conversion may lie back; 0 is any
    future_s           how far ahead of the clock a conversion may be
    """

    secrets: dict[str, str] = {}
    revoked: frozenset[str] = frozenset()
    no_ads_access: frozenset[str] = frozenset()
    unknown_pixels: frozenset[str] = frozenset()
    unknown_events: frozenset[str] = frozenset()
    retired_versions: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ("ads-api.x.com", "ads-api.twitter.com")
    clock_skew_s: NotNegative = 300
    max_age_days: NotNegative = 0
    future_s: NotNegative = 60


class XError(Exception):
    """A refusal with the Ads API's code."""

    def __init__(self, status: int, code: str | int, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.parameter = status, code, parameter


class X(Platform[Settings]):
    """The conversions of a pixel, and the list of accounts."""

    slug = "x"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._used: dict[tuple[str, str], int] = {}
        self._debug_ids = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the Ads API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except XError as error:
            return _refusal(error.status, [error], flags)

    def failure(self, status: int) -> Answer:
        """TOO_MANY_REQUESTS for 429, UNAUTHORIZED_ACCESS for 401, and so on."""
        codes = {400: "INVALID_PARAMETER", 401: "UNAUTHORIZED_ACCESS", 403: "FORBIDDEN", 404: "NOT_FOUND"}
        codes |= {429: "TOO_MANY_REQUESTS", 503: "SERVICE_UNAVAILABLE"}
        code = codes.get(status, "INTERNAL_ERROR" if status >= 500 else "INVALID")
        return _refusal(status, [XError(status, code, "The request failed.")], [])

    def forget(self) -> None:
        """Nonces may come again."""
        self._used.clear()

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != ("POST" if path[2] else "GET"):
            raise XError(404, "ROUTE_NOT_FOUND", "The requested resource could not be found.")
        if path[1] in self.settings.retired_versions:
            raise XError(410, "VERSION_RETIRED", f"Version {path[1]} is no longer available.")
        if path[1] != "12":
            flags.append(Flag("unknown_version", detail=f"{path[1]} is not the current version."))
        self._check_signature(call)
        if not path[2]:
            body: dict[str, Any] = {
                "request": {"params": {}},
                "data": [{"id": "18ce54d4x5t", "name": "Sandbox"}],
                "next_cursor": None,
            }
            return json_answer(200, body, flags=flags)
        if path[2] in self.settings.unknown_pixels:
            raise XError(404, "NOT_FOUND", f"Pixel {path[2]} was not found.", "pixel_id")
        return self._take_conversions(call, path[2], _read_conversions(call), flags)

    def _check_signature(self, call: Call) -> None:
        settings = self.settings
        try:
            signed = verify(call, settings.hosts, self._secret_of, settings.clock_skew_s)
        except WrongTimeError as error:
            raise XError(401, 135, "Timestamp out of bounds.") from error
        except BadSignatureError as error:
            raise XError(401, "UNAUTHORIZED_ACCESS", f"This request is not properly authenticated. {error}") from error
        oldest = call.at // MICROS - int(settings.clock_skew_s) - 1
        self._used = {nonce: at for nonce, at in self._used.items() if at >= oldest}
        nonce = (signed.token, signed.nonce)
        if nonce in self._used:
            raise XError(401, "UNAUTHORIZED_ACCESS", "This request is not properly authenticated. Nonce used before.")
        self._used[nonce] = signed.timestamp_s
        if signed.consumer_key in settings.no_ads_access:
            raise XError(403, "UNAUTHORIZED_CLIENT_APPLICATION", "The app has no access to the Ads API.")

    def _secret_of(self, key: str) -> str | None:
        if not key or key.startswith("bad-") or key in self.settings.revoked:
            return None
        return self.settings.secrets.get(key, f"secret-of-{key}")

    def _take_conversions(self, call: Call, pixel: str, conversions: list[Any], flags: list[Flag]) -> Answer:
        invalid = self._check_conversions(call, conversions, flags)
        flags += [Flag("INVALID_PARAMETER", bad.field, str(bad)) for bad in invalid]
        if invalid:
            return _refusal(400, [XError(400, bad.code, str(bad), bad.parameter) for bad in invalid], flags)
        rows = [self._accept(one, place, pixel) for place, one in enumerate(conversions)]
        data = {"conversions_processed": len(rows), "debug_id": f"sandbox-{next(self._debug_ids)}"}
        return json_answer(200, {"request": {"params": {}}, "data": data}, accepted=rows, flags=flags)

    def _check_conversions(self, call: Call, conversions: list[Any], flags: list[Flag]) -> list[InvalidConversionError]:
        settings = self.settings
        now_s = call.at / MICROS
        context = Context(
            newest_s=now_s + settings.future_s,
            oldest_s=now_s - settings.max_age_days * DAY_S if settings.max_age_days else 0,
            unknown_events=settings.unknown_events,
            flag=flags.append,
        )
        invalid: list[InvalidConversionError] = []
        for place, one in enumerate(conversions):
            try:
                check_conversion(one, f"conversions[{place}]", context)
            except InvalidConversionError as error:
                invalid.append(error)
        if call.poisons and not invalid:
            keys = [one.get("conversion_id") for one in conversions]
            invalid += [
                InvalidConversionError(f"conversions[{place}]", "The conversion is invalid.")
                for place, _named in call.poisoned(keys)
            ]
        return invalid

    def _accept(self, one: dict[str, Any], place: int, pixel: str) -> Accepted:
        value = one.get("value")
        return Accepted(
            index=place,
            key=one.get("conversion_id") or None,
            scope=f"{pixel}/{one['event_id'].rpartition('-')[2]}",
            value=None if value is None else float(value),
            currency=one.get("price_currency"),
            event_at=int(time_of(one) * MICROS),
            event=one if self.world.ledger.bodies else None,
        )


def _read_conversions(call: Call) -> list[Any]:
    body = call.json
    conversions = body.get("conversions") if isinstance(body, dict) else None
    if body is BROKEN or not isinstance(conversions, list) or not conversions:
        raise XError(400, "MISSING_PARAMETER", "conversions is required.", "conversions")
    if len(conversions) > MAX_CONVERSIONS:
        raise XError(400, "INVALID_PARAMETER", f"Conversion count limit is {MAX_CONVERSIONS}", "conversions")
    return conversions


def _refusal(status: int, errors: list[XError], flags: list[Flag]) -> Answer:
    listed = [{"code": each.code, "message": str(each), "parameter": each.parameter} for each in errors]
    return json_answer(status, {"errors": listed, "request": {"params": {}}}, flags=flags)
