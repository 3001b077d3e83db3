"""The row about building: a full batch of every destination, against JSON-encoding the same dictionaries.

What a worker does from the deliveries that it has claimed to the bytes of the request: the stored lead is read,
stripped of what consent forbids, normalised, hashed and encoded. The limit gets what comes of it as dictionaries,
hashes and all, and only encodes them: once with the encoder that the program uses, once with the standard library's.
"""

import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from tests.destinations.making import ACTIONS, DAY, NOON, SETTINGS, TOKENS, lead

from leadtrackr.conversions import claim
from leadtrackr.conversions.model import Claimed, Connection, ConnectionState
from leadtrackr.conversions.sender import Batch, built
from leadtrackr.destinations.contract import Destination, Request
from leadtrackr.destinations.registry import DESTINATIONS

MOST: Final = 2000
"""Events of a batch at most: as many as the largest that the first destinations take."""
_CONSENT: Final = {"ad_user_data": "granted", "ad_personalization": "granted", "ad_storage": "granted"}


_STORED: Final = msgspec.json.encode(
    {**lead().ids, "conversionPage": lead().conversion_page, "consent": _CONSENT}
).decode()


def measure(rounds: int) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    """(destination, encoder, milliseconds of the program and of the encoder alone, a pair for each round)."""
    for slug, destination in DESTINATIONS.items():
        batch = Batch(_connection(slug), destination, SETTINGS[slug], tuple(_deliveries(destination)))
        pieces = _pieces(batch)
        bodies = [_body(batch, piece) for piece in pieces]
        prepared = [msgspec.json.decode(one) for one in bodies]
        for name, encode in (("msgspec", msgspec.json.encode), ("json", json.dumps)):
            yield slug, name, [_pair(batch, pieces, prepared, encode) for _ in range(rounds)]


def _pair(
    batch: Batch, pieces: Sequence[Sequence[Claimed]], prepared: Sequence[object], encode: Callable[[object], object]
) -> tuple[float, float]:
    texts = f"[{','.join([_STORED] * len(batch.deliveries))}]"

    def program() -> None:
        assert claim.attribute(batch.deliveries, texts)
        for piece in pieces:
            built(batch, piece, TOKENS[batch.destination.slug])

    def limit() -> None:
        for one in prepared:
            encode(one)

    return _ms(program), _ms(limit)


def _ms(work: Callable[[], None]) -> float:
    """The processor time of this thread: other processes of the machine are no part of it."""
    gc.collect()
    gc.disable()
    started = time.thread_time()
    work()
    gc.enable()
    return (time.thread_time() - started) * 1000


def _body(batch: Batch, piece: Sequence[Claimed]) -> bytes:
    request: Request | None = built(batch, piece, TOKENS[batch.destination.slug])
    assert request is not None, batch.destination.slug
    return request.body


def _pieces(batch: Batch) -> list[Sequence[Claimed]]:
    """As many requests as the destination needs for them."""
    size = batch.destination.limits.batch_events
    return [batch.deliveries[start : start + size] for start in range(0, len(batch.deliveries), size)]


def _deliveries(destination: Destination) -> Iterator[Claimed]:
    someone, slug = lead(), destination.slug
    for number in range(min(MOST, destination.limits.batch_events if destination.limits.batch_events > 1 else 100)):
        yield Claimed(
            id=number,
            job_id=number,
            lead_id=number,
            account=destination.account(SETTINGS[slug]),
            action=ACTIONS[slug],
            event_id=f"lt-{number:026}",
            happened_at=NOON + DAY,
            value_cents=5000 + number,
            currency="EUR",
            closes_at=NOON + 2 * DAY,
            tries=0,
            passed=0,
            lead_created_at=NOON,
            email_key=f"erika.mustermann{number}@example.de",
            phone_e164=f"+49301{number:07}",
            first_name=someone.first_name,
            last_name=someone.last_name,
            company_name=someone.company_name,
            attribution_data=msgspec.json.decode(_STORED),
            ip_address=someone.ip_address,
            user_agent=someone.user_agent,
        )


def _connection(slug: str) -> Connection:
    return Connection(
        id=1,
        project_id=1,
        country="DE",
        destination=slug,
        settings=SETTINGS[slug],
        secrets="",
        state=ConnectionState.ACTIVE,
        hold_reason=None,
        hold_code=None,
        hold_detail=None,
        failures=0,
        paused_until=None,
        pause_code=None,
    )
