"""Refresh tokens that are good for one use: stored before use, by one process at a time, whatever dies in between.

Over real HTTP against the token endpoint of the sandbox, which refuses a refresh token that was used before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from leadtrackr.conversions import connections, housekeeping, receipts, renewal, service
from leadtrackr.conversions.model import Connection, State
from leadtrackr.conversions.renewal import Turn
from leadtrackr.conversions.tokens import STORING_S, Tokens
from leadtrackr.db import tables
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Outcome, Settings
from leadtrackr.destinations.microsoft import MICROSOFT
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.http import HttpClient, Outgoing, Sent
from tests.support.engine import World
from tests.support.working import Works, working

T = TypeVar("T")
DELIVERIES = prepare(select(tables.deliveries))
TURN_US = int((MICROSOFT.limits.timeout_s + STORING_S) * SECOND)
Meanwhile = Callable[[], Awaitable[object]]


class Killed(BaseException):
    """The process ends here and now."""


class Failing:
    """A database on which one write fails, once `next_fails` says with what."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.next_fails: BaseException | None = None
        self.dialect, self.alone = db.dialect, db.alone

    async def write(self, work: Callable[[Tx], T], *, durable: bool = True) -> T:
        if self.next_fails is not None:
            error, self.next_fails = self.next_fails, None
            raise error
        return await self._db.write(work, durable=durable)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._db.read(work)

    async def ready(self) -> None:
        await self._db.ready()

    async def close(self) -> None:
        await self._db.close()


class Interrupted(HttpClient):
    """Something happens before the request has left, or after its answer has come."""

    def __init__(self, url: str, *, before: Meanwhile | None = None, after: Meanwhile | None = None) -> None:
        super().__init__(url)
        self._before, self._after = before, after

    async def send(self, request: Outgoing, timeout_s: float = 30.0) -> Sent:
        before, self._before = self._before, None
        if before is not None:
            await before()
        sent = await super().send(request, timeout_s)
        after, self._after = self._after, None
        if after is not None:
            await after()
        return sent


class Scene:
    """A connection to Microsoft, and processes that ask for its token."""

    def __init__(self, world: World, works: Works) -> None:
        self.world, self.works = world, works
        self.clients: list[HttpClient] = []

    def process(self, db: Any = None, **meanwhile: Meanwhile) -> Tokens:
        """Another process: it knows what the database knows and nothing else."""
        http = Interrupted(self.works.url, **meanwhile)
        self.clients.append(http)
        return Tokens(http, self.world.clock, db or self.world.db, self.world.box)

    async def connection(self) -> Connection:
        """As it is stored now."""
        number = self.world.connections["microsoft"].id
        found = await self.world.db.read(lambda tx: connections.by_id(tx, number))
        assert found is not None
        return found

    async def settings(self) -> Settings:
        """With its secrets."""
        return connections.full_settings(await self.connection(), self.world.box)

    async def stored(self) -> str:
        """The refresh token in the database."""
        return (await self.settings())["refresh_token"]

    async def get(self, tokens: Tokens, of: Connection | None = None) -> str | Outcome:
        """A token, for whoever has read the connection now or before."""
        connection = of or await self.connection()
        found = await tokens.get(connection, MICROSOFT, connections.full_settings(connection, self.world.box))
        assert found is not None
        return found

    async def reconnect(self, **values: str) -> None:
        """A person connects it anew."""
        await connections.connect(self.world.db, self.world.box, self.world.project_ref, "microsoft", values)

    async def answers(self) -> list[int]:
        """The status of each of the token endpoint's answers."""
        return [call["status"] for call in await self.works.calls("microsoft_oauth")]


@contextlib.asynccontextmanager
async def scene(world: World) -> AsyncIterator[Scene]:
    async with working(world) as works:
        made = Scene(world, works)
        try:
            yield made
        finally:
            for client in made.clients:
                await client.close()


def told(world: World, story: Callable[[Scene], Awaitable[None]], *, rated: int = 0) -> None:
    """Plays a story with one connection to Microsoft, and so many leads that wait to be sent there."""
    world.furnish("microsoft")
    for number in range(rated):
        world.rate(world.lead(attribution={"msclkid": f"click-{number}"}), "Won", 5000)

    async def play() -> None:
        async with scene(world) as made:
            await story(made)

    world.run(play())


def test_the_next_refresh_token_is_stored_encrypted_and_used_the_next_time(world: World) -> None:
    async def story(it: Scene) -> None:
        tokens = it.process()
        first = await it.get(tokens)
        second = await it.stored()
        assert second != "hush-refresh"
        assert second not in (await it.connection()).secrets
        assert (await it.connection()).renewing_until is None
        others = {name: value for name, value in (await it.settings()).items() if name != "refresh_token"}
        assert others["developer_token"] == "hush-developer"
        it.world.step(HOUR)
        assert await it.get(tokens) != first
        assert await it.stored() not in ("hush-refresh", second)
        assert await it.answers() == [200, 200]

    told(world, story)


def test_an_access_token_outlives_the_refresh_token_that_it_came_with(world: World) -> None:
    async def story(it: Scene) -> None:
        tokens, before = it.process(), await it.connection()
        first = await it.get(tokens)
        assert await it.get(tokens) == first, "the refresh token has changed, the access token has not"
        assert await it.get(tokens, before) == first, "nor for who has read the connection before"
        assert await it.answers() == [200]
        await it.get(it.process())
        assert await it.get(tokens) == first, "nor when another process has renewed it since"
        assert await it.answers() == [200, 200]

    told(world, story)


def test_a_second_process_goes_on_from_what_the_first_has_stored(world: World) -> None:
    async def story(it: Scene) -> None:
        before = await it.connection()
        assert isinstance(await it.get(it.process()), str)
        assert isinstance(await it.get(it.process(), before), str), "with what is stored, not with what it had read"
        assert await it.answers() == [200, 200]

    told(world, story)


def test_processes_that_need_one_at_once_take_turns(world: World) -> None:
    async def story(it: Scene) -> None:
        found = await asyncio.gather(*(it.get(it.process()) for _ in range(3)))
        assert all(isinstance(one, str) for one in found), found
        assert await it.answers() == [200, 200, 200]
        assert isinstance(await it.get(it.process()), str), "what is stored last is alive"

    told(world, story)


def test_who_finds_the_secret_changed_meanwhile_uses_what_is_there(world: World) -> None:
    """A turn that was taken over: the other process has used the refresh token before this one's request arrives."""

    async def story(it: Scene) -> None:
        async def the_other() -> None:
            it.world.step(TURN_US)
            assert isinstance(await it.get(it.process()), str)

        assert isinstance(await it.get(it.process(before=the_other)), str)
        assert await it.answers() == [200, 400, 200]
        assert isinstance(await it.get(it.process()), str)

    told(world, story)


@pytest.mark.parametrize("grace_s", [0, 3600])
def test_a_crash_between_the_answer_and_the_write(world: World, grace_s: int) -> None:
    """The newest token is gone with the process. Where the old one is dead too a person is told; no lead is lost."""

    async def story(it: Scene) -> None:
        await it.works.settings(microsoft_oauth={"grace_s": grace_s})
        db = Failing(it.world.db)

        async def killed() -> None:
            db.next_fails = Killed()

        with pytest.raises(Killed):
            await it.get(it.process(db, after=killed))
        assert await it.stored() == "hush-refresh"
        it.world.step(TURN_US)
        await it.works.deliver()
        (row,) = await it.world.db.read(lambda tx: tx.all(DELIVERIES))
        if grace_s:
            assert (row.state, await it.stored() == "hush-refresh") == (State.ACCEPTED, False)
            return
        assert (row.state, row.code) == (State.HELD, "invalid_grant")
        words = receipts.words_of("microsoft", row.code)
        assert "cut off in the moment between Microsoft's answer with the next token and its being stored" in (
            words.sentence
        )
        assert words.next_step.startswith("Connect Microsoft Advertising again: what waits is sent then")
        await it.reconnect(refresh_token="hush-of-a-person")
        await it.works.deliver()
        await it.works.deliver()
        (row,) = await it.world.db.read(lambda tx: tx.all(DELIVERIES))
        assert row.state == State.ACCEPTED

    told(world, story, rated=1)


def test_an_answer_that_came_while_the_database_was_away_is_stored_when_it_is_back(world: World) -> None:
    async def story(it: Scene) -> None:
        db = Failing(it.world.db)

        async def away() -> None:
            db.next_fails = Unavailable("away")

        tokens = it.process(db, after=away)
        with pytest.raises(Unavailable):
            await it.get(tokens)
        assert await it.stored() == "hush-refresh"
        assert isinstance(await it.get(tokens), str)
        assert await it.stored() != "hush-refresh"
        assert await it.answers() == [200], "nothing is asked with a token that was used"

    told(world, story)


def test_whoever_is_stopped_in_the_middle_stores_the_answer_first(world: World) -> None:
    async def story(it: Scene) -> None:
        asking: list[asyncio.Task[str | Outcome]] = []

        async def stop() -> None:
            asking[0].cancel()
            await asyncio.sleep(0)

        tokens = it.process(after=stop)
        asking.append(asyncio.create_task(it.get(tokens)))
        with pytest.raises(asyncio.CancelledError):
            await asking[0]
        assert await it.stored() != "hush-refresh"
        assert isinstance(await it.get(tokens), str)
        assert await it.answers() == [200]

    told(world, story)


def test_what_a_person_enters_meanwhile_stays(world: World) -> None:
    async def story(it: Scene) -> None:
        async def a_person() -> None:
            await it.reconnect(refresh_token="hush-of-a-person")

        tokens = it.process(after=a_person)
        found = await it.get(tokens)
        assert isinstance(found, str)
        assert await it.stored() not in ("hush-refresh", "hush-of-a-person")
        assert await it.answers() == [200, 200], "the first one's tokens are of credentials that were replaced"
        assert await it.get(tokens) == found
        assert isinstance(await it.get(it.process()), str)

    told(world, story)


def test_another_setting_changed_meanwhile_does_not_lose_the_token(world: World) -> None:
    async def story(it: Scene) -> None:
        async def a_person() -> None:
            await it.reconnect(customer_id="5")

        assert isinstance(await it.get(it.process(after=a_person)), str)
        assert await it.stored() not in ("hush-refresh",)
        assert (await it.settings())["customer_id"] == "5"
        assert isinstance(await it.get(it.process()), str)
        assert await it.answers() == [200, 200]

    told(world, story)


def test_new_credentials_of_a_person_never_go_with_the_old_access_token(world: World) -> None:
    async def story(it: Scene) -> None:
        tokens = it.process()
        first = await it.get(tokens)
        await it.reconnect(refresh_token="hush-of-another")
        assert await it.get(tokens) != first
        assert await it.answers() == [200, 200]

    told(world, story)


def test_who_waits_too_long_for_a_turn_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadtrackr.conversions.tokens._LOOK_S", TURN_US / SECOND)

    async def no_waiting(_: float) -> None:
        return None

    async def story(it: Scene) -> None:
        number = (await it.connection()).id
        taken = await it.world.db.write(lambda tx: renewal.begin(tx, it.world.box, number, TURN_US))
        assert isinstance(taken, Turn)
        with monkeypatch.context() as patched:
            patched.setattr("leadtrackr.conversions.tokens.asyncio.sleep", no_waiting)
            found = await it.get(it.process())
        assert isinstance(found, Outcome)
        assert (found.code, found.kind) == ("access_being_renewed", "retry")
        assert await it.answers() == []
        it.world.step(TURN_US)
        assert isinstance(await it.get(it.process()), str), "the turn of a process that died ends by itself"

    told(world, story)


def test_who_is_alone_ends_the_turns_of_the_dead_at_its_start(world: World) -> None:
    world.furnish("microsoft")
    number = world.connections["microsoft"].id
    world.write(lambda tx: renewal.begin(tx, world.box, number, TURN_US))
    assert world.write(lambda tx: renewal.begin(tx, world.box, number, TURN_US)) is None
    world.write(housekeeping.abandon_leases)
    assert world.write(lambda tx: renewal.begin(tx, world.box, number, TURN_US)) is not None


def test_a_connection_that_was_not_used_for_90_days_is_held_in_words(world: World) -> None:
    async def story(it: Scene) -> None:
        assert isinstance(await it.get(it.process()), str)
        it.world.step(91 * DAY)
        found = await it.get(it.process())
        assert isinstance(found, Outcome)
        assert (found.code, found.hold) == ("AADSTS700082", "credentials")
        assert "not used for 90 days" in receipts.words_of("microsoft", found.code).sentence

    told(world, story)


def test_a_hold_right_after_a_renewal_is_not_taken_for_a_late_one(world: World) -> None:
    """The secrets have changed since the lot was leased, but no person has mended anything."""

    async def story(it: Scene) -> None:
        await it.works.settings(microsoft={"forbidden_accounts": ["123456789"]})
        await it.works.deliver()
        assert await it.answers() == [200]

    told(world, story, rated=1)
    (row,) = world.rows(tables.connections)
    assert (row.state, row.hold_code) == ("held", "106")
    assert world.states() == [State.HELD]


def test_an_access_token_that_ended_early_is_renewed_and_everything_is_sent(world: World) -> None:
    async def story(it: Scene) -> None:
        await it.works.settings(microsoft_oauth={"lifetime_s": 60})
        await it.works.deliver()
        world.step(120 * SECOND)
        await it.works.settings(microsoft_oauth={"lifetime_s": 3600})
        await service.update_status(world.db, world.ids, world.api_key, world.post(world_lead, "Won", 5000))
        await it.works.deliver()
        assert [call["status"] for call in await it.works.calls("microsoft")] == [200, 401, 200]
        assert await it.answers() == [200, 200]

    world.project()
    world_lead = world.lead(attribution={"msclkid": "another"})
    world.label("Won", done=True)
    world.connect("microsoft")
    world.rate(world.lead(attribution={"msclkid": "one"}), "Won", 5000)

    async def play() -> None:
        async with scene(world) as made:
            await story(made)

    world.run(play())
    assert world.states() == [State.ACCEPTED] * 2
