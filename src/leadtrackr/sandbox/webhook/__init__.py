"""A receiver of webhooks: `POST /webhook/<any path>`, by Standard Webhooks 1.0.0.

Checks the three headers, the signature, the time of the try, and the recommended body. Source: the specification at
standardwebhooks.com and its vector. What an address answers besides is a setting, path by path.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from leadtrackr.sandbox.contract import Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.world import MICROS, World

LONGEST: Final = 20_000
_TYPE: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*").fullmatch
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)").fullmatch
_SECONDS: Final = re.compile(r"\d{1,12}", re.ASCII).fullmatch


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an address answers: a status other than 200 (the event is not taken), where to, and how late."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    location: str = ""
    retry_after: str = ""
    delay_s: Annotated[float, msgspec.Meta(ge=0)] = 0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    secrets      `whsec_` secrets of which one must have signed; empty: only the signature's form is checked
    tolerance_s  how far the time of the try may be from the clock
    paths        path, such as `/gone` → what it answers: `status`, `location`, `retry_after`, `delay_s`
    """

    secrets: tuple[str, ...] = ()
    tolerance_s: Annotated[float, msgspec.Meta(ge=0)] = 300
    paths: dict[str, Way] = {}


class NotTakenError(Exception):
    """The event is refused, with this status and flag."""

    def __init__(self, status: int, code: str, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.field = status, code, field


class Webhook(Platform[Settings]):
    """The receiver."""

    slug = "webhook"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Take one event, or refuse it."""
        way = self.settings.paths.get(call.path, Way())
        headers = {"Location": way.location, "Retry-After": way.retry_after}
        if not 200 <= way.status < 300:
            given = {name: value for name, value in headers.items() if value}
            return json_answer(way.status, {"error": "So it was set."}, headers=given, delay_s=way.delay_s)
        try:
            return self._take(call, way)
        except NotTakenError as error:
            flag = Flag(error.code, error.field, str(error))
            return json_answer(error.status, {"error": str(error)}, flags=[flag], delay_s=way.delay_s)

    def failure(self, status: int) -> Answer:
        """Any receiver's failure."""
        return json_answer(status, {"error": f"Failure {status}."})

    def _take(self, call: Call, way: Way) -> Answer:
        if call.method != "POST":
            raise NotTakenError(405, "method", "", "A webhook is a POST.")
        if not call.headers.get("content-type", "").startswith("application/json"):
            raise NotTakenError(415, "content_type", "content-type", "The body must be JSON.")
        if len(call.body) > LONGEST:
            raise NotTakenError(413, "too_large", "", f"A body should have less than {LONGEST} bytes.")
        event_id = self._verify(call)
        body = _read(call)
        if body["type"] == "ping":
            return json_answer(way.status, {}, validation=True, delay_s=way.delay_s)
        if call.poisoned([event_id]):
            raise NotTakenError(400, "poison", "data", "This event is not wanted.")
        row = _accepted(call, event_id, body, keep=self.world.ledger.bodies)
        return json_answer(way.status, {}, accepted=[row], flags=_flags(body["data"]), delay_s=way.delay_s)

    def _verify(self, call: Call) -> str:
        """The event's id, once headers, time and signature are right."""
        event_id, at, signatures = (
            call.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        if not event_id or "." in event_id:
            raise NotTakenError(400, "bad_id", "webhook-id", "webhook-id must be there and have no dot.")
        if not _SECONDS(at):
            raise NotTakenError(400, "bad_timestamp", "webhook-timestamp", "webhook-timestamp must be Unix seconds.")
        if abs(int(at) - call.at / MICROS) > self.settings.tolerance_s:
            raise NotTakenError(401, "old_timestamp", "webhook-timestamp", "The time of the try is too far from now.")
        found = [_signature(one) for one in signatures.split(" ") if one.startswith("v1,")]
        if not found or not all(len(one) == 32 for one in found):
            raise NotTakenError(401, "no_signature", "webhook-signature", "There is no signature v1,<base64>.")
        content = b".".join((event_id.encode(), at.encode(), call.body))
        wanted = [hmac.new(_key(secret), content, hashlib.sha256).digest() for secret in self.settings.secrets]
        if wanted and not any(hmac.compare_digest(one, right) for one in found for right in wanted):
            raise NotTakenError(401, "wrong_signature", "webhook-signature", "No signature fits a known secret.")
        return event_id


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix("v1,"), validate=True)
    except ValueError:
        return b""


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _read(call: Call) -> dict[str, Any]:
    body = call.json
    if not isinstance(body, dict):
        raise NotTakenError(400, "bad_body", "", "The body must be a JSON object.")
    if not isinstance(body.get("type"), str) or not _TYPE(body["type"]):
        raise NotTakenError(400, "bad_type", "type", "type has letters, digits and underscores, with dots between.")
    if _micros(body.get("timestamp")) is None:
        raise NotTakenError(400, "bad_time", "timestamp", "timestamp must be ISO 8601 with a zone.")
    if not isinstance(body.get("data"), dict):
        raise NotTakenError(400, "bad_data", "data", "data must be an object.")
    return body


def _micros(value: object) -> int | None:
    if not isinstance(value, str) or not _TIME(value):
        return None
    try:
        return round(datetime.fromisoformat(value).timestamp() * MICROS)
    except (ValueError, OverflowError):
        return None


def _accepted(call: Call, event_id: str, body: dict[str, Any], *, keep: bool) -> Accepted:
    data = body["data"]
    currency = data.get("currency")
    return Accepted(
        index=0,
        key=event_id,
        scope=f"{call.path}/{body['type']}",
        value=as_float(data.get("value")),
        currency=currency if isinstance(currency, str) else None,
        event_at=_micros(body["timestamp"]),
        event=body if keep else None,
    )


def _flags(data: dict[str, Any]) -> list[Flag]:
    """What a careful sender does not do."""
    value, currency = data.get("value"), data.get("currency")
    flags = []
    if value is not None and as_float(value) is None:
        flags.append(Flag("bad_value", "data.value", "A value is a number."))
    if value is not None and currency is None:
        flags.append(Flag("value_without_currency", "data.currency", "A value needs a currency."))
    if currency is not None and not (isinstance(currency, str) and currency in CODES):
        flags.append(Flag("bad_currency", "data.currency", "A currency is an ISO 4217 code."))
    return flags
