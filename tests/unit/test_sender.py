"""Refusals narrowed down and answers mapped by index, against a platform that is told what to refuse.

The destination is built from the contract; requests go over real HTTP to a platform in the same loop.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leadtrackr.conversions.model import Claimed, Connection, ConnectionState, Result
from leadtrackr.conversions.sender import Batch, Sender
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.db.database import Tx
from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Code,
    Destination,
    Event,
    Field,
    Kind,
    Limits,
    Outcome,
    PerEvent,
    Refused,
    Request,
    Response,
    Scope,
    Settings,
    TakeBack,
    Token,
    TokenAuth,
    Verdict,
    Whole,
    Window,
    by_index,
)
from leadtrackr.kit.clock import ManualClock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox

T = TypeVar("T")
OK = Outcome(kind=Kind.ACCEPTED, code="ok")
BAD = Outcome(kind=Kind.REJECTED, code="bad")
UNREADABLE = Outcome(kind=Kind.UNKNOWN, code="unreadable")
ODD = -1
"""The value of an event that cannot be built."""
EXPIRED = Outcome(kind=Kind.RETRY, code="token_expired", scope=Scope.DESTINATION)


@dataclass
class Platform:
    """Answers 200 with what `answer` makes of the events' ids, or a status."""

    poison: frozenset[str] = frozenset()
    named: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)
    """Played first, one for each request."""
    statuses: list[int] = field(default_factory=list)
    good_tokens: frozenset[str] | None = None
    tokens: int = 0
    slow_s: list[float] = field(default_factory=list)
    """How long each request takes in its turn."""
    requests: list[list[str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            self.tokens += 1
            return web.json_response({"token": f"t{self.tokens}"})
        ids = [event["id"] for event in json.loads(await request.read())]
        self.requests.append(ids)
        if self.slow_s:
            await asyncio.sleep(self.slow_s.pop(0))
        if self.good_tokens is not None and request.headers["x-token"] not in self.good_tokens:
            return web.json_response({}, status=401)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return web.json_response({}, status=status)
        if self.answers:
            return web.json_response(self.answers.pop(0))
        bad = [index for index, one in enumerate(ids) if one in self.poison]
        if bad:
            return web.json_response({"refused": bad if self.named else []})
        self.taken += ids
        return web.json_response({"each": [[index, "ok"] for index in range(len(ids))]})


def _build(events: Sequence[Event], _settings: Settings, token: str | None) -> Request:
    if any(event.value_cents == ODD for event in events):
        raise ValueError("an odd lead")
    items = tuple(
        json.dumps({"id": event.event_id, "pad": "x" * (event.value_cents or 0)}).encode() for event in events
    )
    return Request(
        service="made_up",
        url="https://example.com/events?secret=1",
        headers={"x-token": token or ""},
        body=b"[" + b",".join(items) + b"]",
        items=items,
    )


def _read(response: Response, n: int) -> Verdict:
    if response.status == 401:
        return Whole(EXPIRED)
    if response.status >= 500:
        return Whole(Outcome(kind=Kind.RETRY, code="server_error", scope=Scope.DESTINATION))
    body = json.loads(response.body)
    if "refused" in body:
        return Refused(BAD, dict.fromkeys(body["refused"], BAD))
    if "raw" in body:
        return PerEvent(tuple(OK for _ in range(body["raw"])))
    return by_index(n, ((index, OK if said == "ok" else BAD) for index, said in body["each"]), UNREADABLE)


AUTH = TokenAuth(
    request=lambda _settings, _now: Request(service="made_up", url="https://example.com/token", body=b"x"),
    read=lambda response: Token(json.loads(response.body)["token"], 3600),
)


def destination(*, auth: TokenAuth | None = None, **limits: Any) -> Destination:
    return Destination(
        slug="made_up",
        name="Made up",
        docs_url="https://example.com",
        api_version="1",
        api_version_ends=None,
        fields=(),
        event_field=Field(name="made_up", label="Event"),
        limits=Limits(**{"batch_events": 2000, "batch_bytes": 10_000_000, "timeout_s": 5, **limits}),
        identifiers=("x",),
        account=lambda _settings: "account",
        missing=lambda _lead, _settings: (),
        window=lambda event, _settings: Window(0, event.happened_at),
        build=_build,
        read=_read,
        check=lambda _settings, _token: Request(service="made_up", url="https://example.com"),
        read_check=lambda _response: OK,
        codes={**HTTP_CODES, "token_refused": Code(Kind.HOLD, "No.", scope=Scope.DESTINATION, hold="credentials")},
        auth=auth,
    )


def delivery(number: int, action: str = "a", size: int | None = None) -> Claimed:
    return Claimed(
        id=number,
        job_id=number,
        lead_id=number,
        account="account",
        action=action,
        event_id=f"e{number}",
        happened_at=2,
        value_cents=size,
        currency="EUR" if size else None,
        closes_at=3,
        tries=0,
        passed=0,
        lead_created_at=1,
        email_key=None,
        phone_e164=None,
        first_name=None,
        last_name=None,
        company_name=None,
        attribution_data="{}",
        ip_address=None,
        user_agent=None,
    )


CONNECTION = Connection(
    id=1,
    project_id=1,
    country=None,
    destination="made_up",
    settings={},
    secrets="",
    state=ConnectionState.ACTIVE,
    hold_reason=None,
    hold_code=None,
    hold_detail=None,
    failures=0,
    paused_until=None,
    pause_code=None,
)


class Nowhere:
    """The database of tokens with which nothing is stored: whoever asks it for something fails."""

    dialect = "none"
    alone = False

    async def write(self, work: Callable[[Tx], T], *, durable: bool = True) -> T:
        raise AssertionError(work, durable)

    async def read(self, work: Callable[[Tx], T]) -> T:
        raise AssertionError(work)

    async def ready(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError


Meanwhile = Callable[[ManualClock, Tokens], object]
"""What happens between the building of a draft and its turn."""


def send(
    platform: Platform,
    deliveries: Sequence[Claimed],
    to: Destination,
    keep: Sequence[bool] = (),
    meanwhile: Meanwhile | None = None,
) -> list[Result]:
    kept = list(keep)

    async def keep_lease() -> bool:
        return kept.pop(0) if kept else True

    async def all_of_it() -> list[Result]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", platform.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        clock = ManualClock(1)
        http = HttpClient(f"http://127.0.0.1:{runner.addresses[0][1]}")
        tokens = Tokens(http, clock, Nowhere(), SecretBox(["k" * 40]))
        sender = Sender(http, tokens, clock, Ids())
        batch = Batch(CONNECTION, to, {}, tuple(deliveries))
        try:
            drafts = () if meanwhile is None else await sender.draft(batch)
            if meanwhile is not None:
                meanwhile(clock, tokens)
            return await sender.send(batch, keep_lease, drafts=drafts)
        finally:
            await http.close()
            await runner.cleanup()

    return asyncio.run(all_of_it())


def kinds(results: Sequence[Result]) -> dict[int, Kind]:
    assert len({one.delivery.id for one in results}) == len(results), "a delivery has two outcomes"
    return {one.delivery.id: one.outcome.kind for one in results}


@pytest.mark.parametrize(("n", "place", "most"), [(1000, 0, 21), (1000, 999, 21), (1000, 617, 21), (2000, 1333, 23)])
def test_one_poison_event_that_nobody_names_is_found_in_few_requests(n: int, place: int, most: int) -> None:
    platform = Platform(poison=frozenset({f"e{place}"}))
    found = kinds(send(platform, [delivery(i) for i in range(n)], destination()))
    assert [i for i, kind in found.items() if kind != Kind.ACCEPTED] == [place]
    assert found[place] == Kind.REJECTED
    assert len(found) == n
    assert len(platform.requests) <= most
    assert len(platform.taken) == len(set(platform.taken)) == n - 1


def test_a_signature_is_made_for_each_attempt_and_kept_in_its_record_without_its_secret() -> None:
    signed: list[tuple[int, str]] = []

    def sign(now: int, nonce: str) -> dict[str, str]:
        signed.append((now, nonce))
        return {"webhook-timestamp": str(now), "webhook-signature": f"v1,{nonce}"}

    to = destination()

    def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
        return msgspec.structs.replace(to.build(events, settings, token), sign=sign)

    platform = Platform(poison=frozenset({"e1"}))
    found = send(platform, [delivery(i) for i in range(2)], msgspec.structs.replace(to, build=build))
    assert len(signed) == len(platform.requests) == 3
    assert {now for now, _ in signed} == {1}
    assert len({nonce for _, nonce in signed}) == 3
    assert all("webhook-timestamp: 1" in one.head and "webhook-signature: ***" in one.head for one in found)


@pytest.mark.parametrize(
    ("meanwhile", "late", "built"),
    [
        pytest.param(lambda _clock, _tokens: None, [], 2, id="nothing happens"),
        pytest.param(lambda _clock, tokens: tokens.forget(1, "t1"), [], 4, id="the token is another"),
        pytest.param(lambda clock, _tokens: clock.step(2), [3], 3, id="a window closes"),
    ],
)
def test_a_request_that_was_built_ahead_is_sent_only_if_it_is_still_right(
    meanwhile: Meanwhile, late: list[int], built: int
) -> None:
    to, builds = destination(auth=AUTH, batch_events=2), list[int]()

    def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
        builds.append(len(events))
        return to.build(events, settings, token)

    due = [msgspec.structs.replace(delivery(i), closes_at=2 if i == 3 else 9) for i in range(4)]
    platform = Platform()
    found = kinds(send(platform, due, msgspec.structs.replace(to, build=build), meanwhile=meanwhile))
    assert [i for i, kind in found.items() if kind == Kind.REJECTED] == late
    assert len(builds) == built
    assert sorted(platform.taken) == [f"e{i}" for i in range(4) if i not in late]
    assert platform.tokens == (2 if built == 4 else 1)


def test_a_named_poison_event_costs_one_request_more() -> None:
    platform = Platform(poison=frozenset({"e5", "e900"}), named=True)
    found = kinds(send(platform, [delivery(i) for i in range(1000)], destination()))
    assert {i for i, kind in found.items() if kind == Kind.REJECTED} == {5, 900}
    assert [len(ids) for ids in platform.requests] == [1000, 998]
    assert len(platform.taken) == len(set(platform.taken)) == 998


@pytest.mark.parametrize("named", [[7], [-1], [0, 3], [2, 99]])
def test_a_named_place_that_is_none_of_ours_names_nothing(named: list[int]) -> None:
    """It is narrowed down as if nothing had been named: neither the wrong one refused nor the same sent for ever."""
    platform = Platform(poison=frozenset({"e1"}), answers=[{"refused": named}])
    found = kinds(send(platform, [delivery(i) for i in range(3)], destination()))
    assert found == {0: Kind.ACCEPTED, 1: Kind.REJECTED, 2: Kind.ACCEPTED}
    assert len(platform.requests) <= 5


_SAID = st.sampled_from(["ok", "bad"])


def _complete(n: int) -> st.SearchStrategy[list[tuple[int, str]]]:
    """Every index once, in any order."""
    said = st.lists(_SAID, min_size=n, max_size=n)
    return st.tuples(st.permutations(range(n)), said).map(lambda pair: list(zip(*pair, strict=True)))


def _any(n: int) -> st.SearchStrategy[list[tuple[int, str]]]:
    return st.lists(st.tuples(st.integers(-2, n + 1), _SAID), max_size=n + 2)


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), _complete(n) | _any(n))))
@settings(max_examples=100, deadline=None)
def test_an_outcome_is_never_on_the_wrong_delivery(case: tuple[int, list[tuple[int, str]]]) -> None:
    """Any set, order, repeat or lack of indices: exactly what was said, or not known for all."""
    n, pairs = case
    deliveries = [delivery(10 + i) for i in range(n)]
    found = kinds(send(Platform(answers=[{"each": pairs}]), deliveries, destination()))
    if sorted(index for index, _ in pairs) == list(range(n)):
        said = dict(pairs)
        assert found == {10 + i: Kind.ACCEPTED if said[i] == "ok" else Kind.REJECTED for i in range(n)}
    else:
        assert found == {10 + i: Kind.UNKNOWN for i in range(n)}


@pytest.mark.parametrize("answer", [{"raw": 2}, {"raw": 4}, {"raw": 0}, {"nothing": 1}, {"each": 5}, {"each": [[1]]}])
def test_an_answer_that_makes_no_sense_leaves_all_of_it_unknown(answer: dict[str, Any]) -> None:
    """Too few, too many, or something at which the destination's own code breaks."""
    found = kinds(send(Platform(answers=[answer]), [delivery(i) for i in range(3)], destination()))
    assert found == {0: Kind.UNKNOWN, 1: Kind.UNKNOWN, 2: Kind.UNKNOWN}


def test_a_destination_that_fails_in_the_middle_costs_the_rest_nothing() -> None:
    """The first part is taken, then the platform breaks down: nothing more is sent, and nothing counts as tried."""
    platform = Platform(statuses=[200, 503])
    results = send(platform, [delivery(i) for i in range(6)], destination(batch_events=2))
    whole = (Kind.RETRY, Scope.DESTINATION)
    assert [(r.outcome.kind, r.outcome.scope) for r in results] == [(Kind.ACCEPTED, Scope.EVENT)] * 2 + [whole] * 4
    assert [r.delivery.id for r in results] == list(range(6))
    assert [r.outcome.code for r in results[2:]] == ["server_error"] * 2 + ["destination_paused"] * 2
    assert len(platform.requests) == 2


def test_batches_keep_to_the_platforms_limits() -> None:
    platform = Platform()
    deliveries = [delivery(i, action="ab"[i % 2]) for i in range(25)] + [delivery(99, size=900)]
    found = kinds(send(platform, deliveries, destination(batch_events=10, batch_bytes=400)))
    assert found.pop(99) == Kind.REJECTED
    assert set(found.values()) == {Kind.ACCEPTED}
    assert max(len(ids) for ids in platform.requests) <= 10
    for ids in platform.requests:
        assert len({int(one[1:]) % 2 for one in ids}) == 1, "two actions in one request"
    assert sorted(platform.taken) == sorted(f"e{i}" for i in range(25))


def test_a_lead_that_cannot_be_built_stops_no_other() -> None:
    platform = Platform()
    deliveries = [delivery(i, size=ODD if i == 2 else None) for i in range(6)]
    results = send(platform, deliveries, destination())
    assert {r.delivery.id: r.outcome.code for r in results} == {**dict.fromkeys(range(6), "ok"), 2: "not_buildable"}


def test_a_token_that_runs_out_is_renewed_once_for_all_requests_under_way() -> None:
    """Four requests with the same old token come back refused together: that is no reason to hold the connection."""
    platform = Platform(good_tokens=frozenset({"t2", "t3", "t4", "t5"}), slow_s=[0.0, 0.1, 0.2, 0.3])
    deliveries = [delivery(i, action=f"a{i}") for i in range(4)]
    found = kinds(send(platform, deliveries, destination(in_flight=4, auth=AUTH)))
    assert set(found.values()) == {Kind.ACCEPTED}
    assert platform.tokens == 2
    assert len(platform.taken) == 4


def test_a_fresh_token_that_is_refused_holds_the_connection() -> None:
    platform = Platform(good_tokens=frozenset())
    # Lost after a while: whoever asks for ever is not waited for.
    results = send(platform, [delivery(i) for i in range(3)], destination(auth=AUTH), keep=[True] * 9 + [False])
    assert {(r.outcome.kind, r.outcome.code, r.outcome.hold) for r in results} == {
        (Kind.HOLD, "token_refused", "credentials")
    }
    assert (len(platform.requests), platform.tokens) == (2, 2)


def test_nothing_is_sent_under_a_lost_lease() -> None:
    platform = Platform(poison=frozenset({"e0"}))
    results = send(platform, [delivery(i) for i in range(4)], destination(), keep=[True, True, False])
    assert len(platform.requests) == 2
    assert results == []


def test_the_copy_that_is_kept_says_where_it_went_without_the_query() -> None:
    (only,) = send(Platform(), [delivery(1)], destination())
    assert only.url.startswith("http://127.0.0.1:"), "and it says where the request really went"
    assert only.url.endswith("/made_up/events")
    assert json.loads(only.request)["id"] == "e1"


def _restate(events: Sequence[Event], _settings: Settings, _token: str | None) -> Request:
    items = tuple(json.dumps({"id": f"again-{event.event_id}-{event.value_cents}"}).encode() for event in events)
    return Request(service="made_up", url="https://example.com/again", body=b"[" + b",".join(items) + b"]", items=items)


def test_take_backs_go_in_requests_of_their_own_under_the_conversions_id() -> None:
    can = TakeBack(restate=True, retract=False, sentence="It can.", build=_restate)
    backs = [
        replace(delivery(n), kind="retraction", takes_back=n - 1, sent_as=f"e{n - 1}", value_cents=0) for n in (2, 4)
    ]
    platform = Platform()
    results = send(platform, [delivery(10), *backs, delivery(11)], replace(destination(), take_back=can))
    assert sorted(platform.requests) == [["again-e1-0", "again-e3-0"], ["e10", "e11"]]
    assert set(kinds(results).values()) == {Kind.ACCEPTED}


def test_a_take_back_for_a_platform_that_takes_none_is_not_sent_as_a_conversion() -> None:
    platform = Platform()
    (result,) = send(platform, [replace(delivery(2), takes_back=1, sent_as="e1")], destination())
    assert (result.outcome.code, platform.requests) == ("not_buildable", [])
