"""A sandbox in a thread of its own, and a plain HTTP client for it."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from leadtrackr.sandbox.server import Running, start

NOW = 1_795_435_200_000_000
"""2026-11-23T12:00:00Z in microseconds: the time of every test."""
SECOND = 1_000_000
DAY = 86_400 * SECOND
DEADLINE_S = 10
T = TypeVar("T")


def digest(text: str) -> str:
    """SHA-256 in lower-case hex."""
    return sha256(text.encode()).hexdigest()


def rfc3339(at: int) -> str:
    """Microseconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat()


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Calls one sandbox; a call opens and closes its own connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        form: Mapping[str, str] | None = None,
    ) -> Reply:
        """One call; `body` is sent as JSON unless it is bytes, `form` URL-encoded."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode(form).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def in_background(self, pool: ThreadPoolExecutor, *args: Any, **kwargs: Any) -> "Future[Reply]":
        """The same call in another thread."""
        return pool.submit(self.call, *args, **kwargs)

    def calls(self, destination: str, query: str = "") -> list[dict[str, Any]]:
        """The ledger's calls to a destination."""
        found: list[dict[str, Any]] = self.call("GET", f"/_sandbox/ledger?destination={destination}{query}").json[
            "calls"
        ]
        return found

    def last(self, destination: str) -> dict[str, Any]:
        """The latest call to a destination."""
        return self.calls(destination)[-1]

    def summary(self, destination: str) -> dict[str, Any]:
        """The ledger's totals for a destination."""
        totals: dict[str, Any] = self.call("GET", "/_sandbox/ledger/summary").json["destinations"][destination]
        return totals

    def fault(self, *faults: dict[str, Any]) -> None:
        """Set faults."""
        reply = self.call("PUT", "/_sandbox/faults", list(faults))
        assert reply.status == 200, reply.content

    def set(self, section: str, **settings: Any) -> None:
        """Change settings of a platform."""
        reply = self.call("PUT", "/_sandbox/settings", {section: settings})
        assert reply.status == 200, reply.content


class Clock:
    """A clock that stands still until it is moved; µs since the epoch."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Server:
    """An event loop in a thread, with a sandbox in it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.running: Running = self._run(start(clock=clock))

    def stop(self) -> None:
        """Stop the sandbox, the loop and the thread."""
        self._run(self.running.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)


class Ads:
    """Requests to the Data Manager API."""

    ACCOUNT = "1234567890"
    ACTION = "555"

    def __init__(self, client: Client) -> None:
        self.client = client
        self.token = "sandbox-any"

    def event(self, **changes: Any) -> dict[str, Any]:
        """A valid event; a change to None takes the field out."""
        event = {
            "transactionId": "lt_1",
            "eventTimestamp": rfc3339(NOW - 3600 * SECOND),
            "eventSource": "WEB",
            "conversionValue": 12.5,
            "currency": "EUR",
            "adIdentifiers": {"gclid": "Cj0KCQiA"},
            "consent": {"adUserData": "CONSENT_GRANTED"},
            **changes,
        }
        return {name: value for name, value in event.items() if value is not None}

    def destination(self, **changes: Any) -> dict[str, Any]:
        """A valid destination."""
        account = {"accountType": "GOOGLE_ADS", "accountId": self.ACCOUNT}
        destination = {"operatingAccount": account, "productDestinationId": self.ACTION, **changes}
        return {name: value for name, value in destination.items() if value is not None}

    def body(self, *events: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A valid request with these events, or with one."""
        listed = list(events) or [self.event()]
        body = {"destinations": [self.destination()], "events": listed, "encoding": "HEX", **changes}
        return {name: value for name, value in body.items() if value is not None}

    def send(self, body: object, **headers: str) -> Reply:
        """POST events:ingest."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.client.call("POST", "/google_ads/v1/events:ingest", body, sent)

    def ingest(self, *events: dict[str, Any], **changes: Any) -> Reply:
        """Send a request with these events."""
        return self.send(self.body(*events, **changes))

    def status(self, request_id: str) -> Reply:
        """GET requestStatus:retrieve."""
        path = f"/google_ads/v1/requestStatus:retrieve?requestId={request_id}"
        return self.client.call("GET", path, headers={"Authorization": f"Bearer {self.token}"})

    def violations(self, reply: Reply) -> list[tuple[str, str]]:
        """(field, reason) of each violation in a refusal."""
        assert reply.status == 400, reply.content
        details = reply.json["error"].get("details", [])
        listed = [bad for detail in details for bad in detail.get("fieldViolations", [])]
        return [(bad["field"], bad.get("reason", "")) for bad in listed]


class Capi:
    """Requests to Meta's Conversions API."""

    PATH = "/meta/v25.0/123456789012345/events"

    def __init__(self, client: Client) -> None:
        self.client = client

    def event(self, **changes: Any) -> dict[str, Any]:
        """A valid event; a change to None takes the field out."""
        event = {
            "event_name": "Lead",
            "event_time": (NOW - 3600 * SECOND) // SECOND,
            "action_source": "system_generated",
            "event_id": "lt_1",
            "user_data": {"em": [digest("a@example.com")]},
            **changes,
        }
        return {name: value for name, value in event.items() if value is not None}

    def send(self, *events: Any, **changes: Any) -> Reply:
        """POST these events, or one."""
        body = {"data": list(events) or [self.event()], "access_token": "EAAtoken", **changes}
        return self.client.call("POST", self.PATH, body)


class Mp:
    """Requests to GA4's Measurement Protocol."""

    QUERY = "?measurement_id=G-ABC123&api_secret=s3cret"

    def __init__(self, client: Client) -> None:
        self.client = client

    def event(self, **params: Any) -> dict[str, Any]:
        """A valid event with these parameters besides value and currency."""
        return {"name": "qualify_lead", "params": {"value": 10, "currency": "EUR", "event_id": "lt_1", **params}}

    def body(self, *events: Any, **changes: Any) -> dict[str, Any]:
        """A valid payload with these events, or with one."""
        body = {"client_id": "111.222", "events": list(events) or [self.event()], **changes}
        return {name: value for name, value in body.items() if value is not None}

    def send(self, body: object, query: str = QUERY) -> Reply:
        """POST /mp/collect."""
        return self.client.call("POST", f"/ga4/mp/collect{query}", body)

    def debug(self, body: object, query: str = QUERY) -> list[tuple[str, str]]:
        """POST /debug/mp/collect: (fieldPath, validationCode) of each message."""
        reply = self.client.call("POST", f"/ga4/debug/mp/collect{query}", body)
        assert reply.status == 200
        return [(found["fieldPath"], found["validationCode"]) for found in reply.json["validationMessages"]]

    def flags(self) -> list[tuple[str, bool]]:
        """(code, dropped) of the flags of the latest call."""
        return [(flag["code"], flag.get("dropped", False)) for flag in self.client.last("ga4")["flags"]]


class LinkedInApi:
    """Requests to LinkedIn's Conversions API."""

    PATH = "/linkedin/rest/conversionEvents"
    HEADERS: ClassVar = {
        "authorization": "Bearer AQXtoken",
        "linkedin-version": "202609",
        "x-restli-protocol-version": "2.0.0",
        "x-restli-method": "BATCH_CREATE",
    }

    def __init__(self, client: Client) -> None:
        self.client = client

    def event(self, **changes: Any) -> dict[str, Any]:
        """A valid event; a change to None takes the field out."""
        event = {
            "conversion": "urn:lla:llaPartnerConversion:104012",
            "conversionHappenedAt": (NOW - 3600 * SECOND) // 1000,
            "user": {"userIds": [{"idType": "SHA256_EMAIL", "idValue": digest("a@example.com")}]},
            "eventId": "lt_1",
            **changes,
        }
        return {name: value for name, value in event.items() if value is not None}

    def send(self, *events: Any, **headers: str | None) -> Reply:
        """POST these events as a batch; a header of None is left out, underscores stand for hyphens."""
        return self.post({"elements": list(events) or [self.event()]}, **headers)

    def single(self, event: Any, **headers: str | None) -> Reply:
        """POST one event alone."""
        return self.post(event, **{"x_restli_method": None, **headers})

    def post(self, body: object, **headers: str | None) -> Reply:
        """POST a body."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**self.HEADERS, **changed}.items() if value is not None}
        return self.client.call("POST", self.PATH, body, sent)


class RedditApi:
    """Requests to Reddit's Conversions API."""

    PATH = "/reddit/api/v3/pixels/a2_abc/conversion_events"
    TOKEN = "eyToken"

    def __init__(self, client: Client) -> None:
        self.client = client

    def event(self, **changes: Any) -> dict[str, Any]:
        """A valid event; a change to None takes the field out."""
        event = {
            "event_at": (NOW - 3600 * SECOND) // 1000,
            "action_source": "WEBSITE",
            "type": {"tracking_type": "LEAD"},
            "user": {"email": digest("a@example.com")},
            "metadata": {"conversion_id": "lt_1"},
            **changes,
        }
        return {name: value for name, value in event.items() if value is not None}

    def send(self, *events: Any, token: str | None = TOKEN) -> Reply:
        """POST these events, or one."""
        return self.post({"data": {"events": list(events) or [self.event()]}}, token)

    def post(self, body: object, token: str | None = TOKEN) -> Reply:
        """POST a body."""
        return self.client.call("POST", self.PATH, body, {} if token is None else {"Authorization": f"Bearer {token}"})


class OpenAiApi:
    """Requests to OpenAI's Conversions API."""

    PATH = "/openai/v1/events?pid=px1"
    KEY = "sk-key"

    def __init__(self, client: Client) -> None:
        self.client = client

    def event(self, **changes: Any) -> dict[str, Any]:
        """A valid event; a change to None takes the field out."""
        event = {
            "id": "lt_1",
            "type": "lead_created",
            "timestamp_ms": (NOW - 3600 * SECOND) // 1000,
            "action_source": "other",
            "data": {"type": "customer_action"},
            "user": {"emails_sha256": [digest("a@example.com")]},
            **changes,
        }
        return {name: value for name, value in event.items() if value is not None}

    def send(self, *events: Any, **changes: Any) -> Reply:
        """POST these events, or one."""
        return self.post({"events": list(events) or [self.event()], **changes})

    def post(self, body: object, key: str | None = KEY, path: str = PATH) -> Reply:
        """POST a body."""
        return self.client.call("POST", path, body, {} if key is None else {"Authorization": f"Bearer {key}"})
