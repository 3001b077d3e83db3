"""Clients that make leads and rate them over HTTP, whatever becomes of the server, and keep what they were told."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from tests.faults.frame import Figure, exactly
from tests.faults.processes import WAIT_S
from tests.support.engine import World

FINE: Final = frozenset({201, 409, 503})
"""What a client may be told while the database is broken."""
LOST: Final = 0
"""Stands for an answer that never came."""
PAUSE_S: Final = 0.1
"""Until a client asks again after a 503. The server asks for more; the tests have less time."""


class Load:
    """So many clients, each on a connection of its own. Each rating has a price of its own, by which it is known.

    With `stubborn`, a rating is asked for until it is answered with something else than a 503 or a broken connection;
    else a client that is cut off goes on with another lead. With `keys`, each rating has an Idempotency-Key. Clients
    rest for `pause_s` after each rating.
    """

    def __init__(
        self, world: World, clients: int, *, stubborn: bool = False, keys: bool = False, pause_s: float = 0.0
    ) -> None:
        self._project = world.project_ref
        self._label = world.labels["Won"].conversion_id
        self._headers = {"X-API-Key": world.api_key}
        self._clients = clients
        self._stubborn, self._keys, self._pause_s = stubborn, keys, pause_s
        self._address: str | None = None
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._news = threading.Condition()
        self._prices = 0
        self.leads: set[int] = set()
        self.ratings: set[tuple[int, int]] = set()
        """Lead and price of each 201."""
        self.answers: Counter[int] = Counter()
        self.broken_off = 0
        self.strange: list[str] = []
        """Answers that nobody may get, and 503 without Retry-After."""
        self.last_at = 0.0
        """When the last 201 for a rating came, by the monotonic clock."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end()

    def only_fine(self) -> Figure:
        """How many answers were none that a client may get; the first of them in the name."""
        words = f" ({self.strange[0]})" if self.strange else ""
        return exactly(f"neither 201, 409 nor 503 with Retry-After{words}", len(self.strange), 0)

    def go(self, address: str) -> None:
        """The server is at this address from now on."""
        self._address = address

    def halt(self) -> None:
        """Clients that are cut off wait for the next address."""
        self._address = None

    def end(self) -> None:
        """Every client ends after what it is about."""
        self._over = True
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the clients never ended"

    def wait_for(self, more: int) -> None:
        """Waits for so many acknowledged ratings more."""
        with self._news:
            wanted = len(self.ratings) + more
            found = self._news.wait_for(lambda: len(self.ratings) >= wanted, WAIT_S)
            assert found, (
                f"the load stands still: {self.answers}, broken off {self.broken_off}, "
                f"clients {'at work' if self._thread.is_alive() else 'dead'}, {self.strange[:3]}"
            )

    async def _all(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers) as session:
            await asyncio.gather(*(self._client(session) for _ in range(self._clients)))

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while not self._over:
            person = {"projectId": self._project, "userData": {"email": "erika@example.de"}}
            status, made = await self._post(session, "createLead", person)
            if status != 201:
                continue
            lead_id = int(made["leadId"])
            self.leads.add(lead_id)
            self._prices += 1
            await self._rate(session, lead_id, self._prices)
            if self._pause_s:
                await asyncio.sleep(self._pause_s)

    async def _rate(self, session: aiohttp.ClientSession, lead_id: int, price: int) -> None:
        body = {"leadId": lead_id, "conversionId": self._label, "price": price}
        headers = {"Idempotency-Key": f"{lead_id}"} if self._keys else {}
        until = time.monotonic() + WAIT_S
        status, _ = await self._post(session, "updateLeadStatus", body, headers)
        while status in (LOST, 503) and self._stubborn and time.monotonic() < until:
            status, _ = await self._post(session, "updateLeadStatus", body, headers)
        if status == 201:
            with self._news:
                self.ratings.add((lead_id, price))
                self.last_at = time.monotonic()
                self._news.notify_all()

    async def _post(
        self, session: aiohttp.ClientSession, call: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        while (address := self._address) is None and not self._over:  # noqa: ASYNC110 - another thread's news
            await asyncio.sleep(0.01)
        try:
            async with session.post(f"{address}/api/leads/{call}", json=body, headers=headers) as answer:
                found: dict[str, Any] = await answer.json()
                self._note(call, answer, found)
                if answer.status == 503:
                    await asyncio.sleep(PAUSE_S)
                return answer.status, found
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.broken_off += 1
            await asyncio.sleep(0.01)
            return LOST, {}

    def _note(self, call: str, answer: aiohttp.ClientResponse, found: dict[str, Any]) -> None:
        self.answers[answer.status] += 1
        if answer.status not in FINE or (answer.status == 503 and not answer.headers.get("Retry-After", "").isdigit()):
            self.strange.append(f"{call}: {answer.status} {found.get('message')}")
