"""Meta's Conversions API: `POST /meta/{version}/{dataset id}/events`, and `GET /meta/{version}/{dataset id}`.

One invalid event rejects the whole batch, and the message does not say which; the ledger's flags do. Source: Meta's
Conversions API pages, the Graph API's error guide, and measured answers (bad token: 401 with code 190; old event: 400
with 100/2804003; thin user_data: 100/2804050). Not verified, hence a setting or only a flag: unknown fields, hashed
values under keys that must be plain, future times, partial acceptance, versions that do not exist yet.
"""

import re
from itertools import count
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.meta.rules import DAY_S, Context, InvalidEventError, check_event
from leadtrackr.sandbox.world import MICROS, World

MAX_EVENTS: Final = 1_000
_PATH = re.compile(r"/v(\d+)\.\d+/([^/]+)(/events)?").fullmatch
_TOKEN = re.compile(r"[A-Za-z0-9_|.\-]+").fullmatch
_NEWEST_VERSION = 26
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens           tokens that are refused; so is one that starts with `bad-`
    datasets             known dataset ids; empty: any number is known
    unknown_datasets     numbers that are not known, or out of the token's reach
    max_age_days         days that an event may lie back
    max_age_store_days   the same for action_source physical_store
    unknown_leads        lead ids that are not Meta's: their events are rejected
    future_s             how far ahead of the clock an event may be
    hashed_plain_keys    a hash under a key that must be plain: `refuse` or `flag`
    partial              take the valid events of a batch with invalid ones, and answer 200
    """

    bad_tokens: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()
    unknown_datasets: frozenset[str] = frozenset()
    max_age_days: NotNegative = 7
    max_age_store_days: NotNegative = 62
    unknown_leads: frozenset[str] = frozenset()
    future_s: NotNegative = 60
    hashed_plain_keys: Literal["refuse", "flag"] = "refuse"
    partial: bool = False


class GraphError(Exception):
    """An error of the Graph API."""

    def __init__(self, status: int, code: int, message: str, subcode: int | None = None, title: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.subcode, self.title = status, code, subcode, title


class Meta(Platform[Settings]):
    """The Conversions API and the connection check."""

    slug = "meta"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._traces = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the Graph API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except GraphError as error:
            return self._refusal(error, flags)

    def failure(self, status: int) -> Answer:
        """A Graph error: throttled for 429, a bad token for 401, transient for 5xx."""
        code = {401: 190, 403: 200, 429: 4}.get(status, 2 if status >= 500 else 100)
        return self._refusal(GraphError(status, code, "The request failed."), [])

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != ("POST" if path[3] else "GET"):
            raise GraphError(404, 2500, "Unknown path or method.")
        if int(path[1]) > _NEWEST_VERSION:
            flags.append(Flag("unknown_version", detail=f"v{path[1]} is newer than any known version."))
        body = _read_body(call) if path[3] else {}
        self._check_token(call, body)
        self._check_dataset(path[2])
        if not path[3]:
            return json_answer(200, {"id": path[2], "name": f"Sandbox dataset {path[2]}"}, flags=flags)
        return self._take_events(call, path[2], body, flags)

    def _check_token(self, call: Call, body: dict[str, Any]) -> None:
        given = call.bearer or body.get("access_token") or call.query.get("access_token")
        is_good = isinstance(given, str) and _TOKEN(given) and not given.startswith("bad-")
        if not is_good or given in self.settings.bad_tokens:
            raise GraphError(401, 190, "Cannot parse access token")

    def _check_dataset(self, dataset: str) -> None:
        known = self.settings.datasets
        is_number = dataset.isascii() and dataset.isdigit()
        if not is_number or dataset in self.settings.unknown_datasets or (known and dataset not in known):
            sentence = f"Unsupported request: the object {dataset} does not exist or cannot be reached."
            raise GraphError(400, 100, sentence, 33)

    def _take_events(self, call: Call, dataset: str, body: dict[str, Any], flags: list[Flag]) -> Answer:
        events = _read_events(body)
        if not isinstance(body.get("test_event_code", ""), str):
            raise GraphError(400, 100, "test_event_code must be a string.")
        refused = self._check_events(call, events, flags)
        flags += [Flag(str(bad.subcode or 100), bad.field, str(bad)) for bad in refused.values()]
        if refused and not self.settings.partial:
            first = refused[min(refused)]
            raise GraphError(400, 100, str(first), first.subcode, first.title)
        rows = [self._accept(event, place, dataset) for place, event in enumerate(events) if place not in refused]
        messages = ["Some events were not processed."] if refused else []
        answer = {"events_received": len(rows), "messages": messages, "fbtrace_id": self._trace()}
        return json_answer(200, answer, accepted=rows, flags=flags)

    def _check_events(self, call: Call, events: list[Any], flags: list[Flag]) -> dict[int, InvalidEventError]:
        """The invalid events by their index."""
        context = self._context(call, flags)
        refused: dict[int, InvalidEventError] = {}
        for place, event in enumerate(events):
            try:
                check_event(event, f"data[{place}]", context)
            except InvalidEventError as error:
                refused[place] = error
        if call.poisons and not refused:
            keys = [event.get("event_id") for event in events]
            for place, _named in call.poisoned(keys):
                refused[place] = InvalidEventError(f"data[{place}]", "Invalid parameter")
        return refused

    def _context(self, call: Call, flags: list[Flag]) -> Context:
        settings = self.settings
        return Context(
            now_s=call.at / MICROS,
            max_age_s=settings.max_age_days * DAY_S,
            max_age_store_s=settings.max_age_store_days * DAY_S,
            future_s=settings.future_s,
            unknown_leads=settings.unknown_leads,
            refuses_hashed_plain=settings.hashed_plain_keys == "refuse",
            flag=flags.append,
        )

    def _accept(self, event: dict[str, Any], place: int, dataset: str) -> Accepted:
        custom = event.get("custom_data", {})
        return Accepted(
            index=place,
            key=event.get("event_id") or None,
            scope=f"{dataset}/{event['event_name']}",
            value=as_float(custom.get("value")),
            currency=custom.get("currency") if isinstance(custom.get("currency"), str) else None,
            event_at=event["event_time"] * MICROS,
            event=event if self.world.ledger.bodies else None,
        )

    def _refusal(self, error: GraphError, flags: list[Flag]) -> Answer:
        body: dict[str, Any] = {
            "message": str(error),
            "type": "GraphMethodException" if error.subcode == 33 else "OAuthException",
            "code": error.code,
        }
        if error.subcode is not None:
            body["error_subcode"] = error.subcode
        body["is_transient"] = error.code in (2, 4)
        if error.title:
            body |= {"error_user_title": error.title, "error_user_msg": str(error)}
        return json_answer(error.status, {"error": {**body, "fbtrace_id": self._trace()}}, flags=flags)

    def _trace(self) -> str:
        return f"A{next(self._traces):010d}sandbox"


def _read_body(call: Call) -> dict[str, Any]:
    """The parameters of a JSON or URL-encoded body; in the latter, `data` is a JSON string."""
    if call.is_form:
        return dict(call.form)
    body = call.json if call.body else {}
    if body is BROKEN or not isinstance(body, dict):
        raise GraphError(400, 100, "The body is not a JSON object.")
    return body


def _read_events(body: dict[str, Any]) -> list[Any]:
    events = body.get("data")
    if isinstance(events, str):
        try:
            events = msgspec.json.decode(events)
        except msgspec.DecodeError as error:
            raise GraphError(400, 100, "The parameter data is not JSON.") from error
    if not isinstance(events, list) or not events:
        raise GraphError(400, 100, "The parameter data is required: a list with at least one event.")
    if len(events) > MAX_EVENTS:
        raise GraphError(400, 100, f"At most {MAX_EVENTS} events are allowed in one request.")
    return events
