"""The calls about connections: how each stands, pausing one and letting it go on, and that nobody else does."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import jsonschema_rs
import pytest

from leadtrackr.api.openapi import description
from leadtrackr.conversions import connections
from leadtrackr.conversions.hold import hold_connection, pause_connection
from leadtrackr.db.database import Tx
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import iso_millis
from tests.api.conftest import Api
from tests.api.test_conversions import EVERY, PERSON, listed, rated
from tests.support import tables
from tests.support.engine import DOWN, SETTINGS
from tests.support.program import Answer

PATH: Final = "/api/connections"
DOCUMENT: Final = description("https://leads.example.com")
REFUSED: Final = Outcome(
    kind=Kind.HOLD, code="190", detail="Session has expired", scope=Scope.DESTINATION, hold="credentials"
)
ORDERS: Final = ("pause", "resume")


def valid(answer: Answer, schema: str) -> dict[str, Any]:
    """An answer, which is as the description says."""
    assert answer.status == 200, answer.body
    whole = {"components": DOCUMENT["components"], "$ref": f"#/components/schemas/{schema}"}
    jsonschema_rs.Draft202012Validator(whole).validate(answer.json)
    found: dict[str, Any] = answer.json
    return found


def shown(api: Api) -> dict[str, dict[str, Any]]:
    """The connections by platform."""
    found = valid(api.program.get(PATH, api.key), "ConnectionList")["connections"]
    return {one["destination"]: one for one in found}


def order(api: Api, name: str, body: object, key: str | None = None) -> Answer:
    return api.program.post(f"{PATH}/{name}", body, key or api.key)


def done(api: Api, name: str, slug: str = "meta") -> dict[str, Any]:
    return valid(order(api, name, {"id": shown(api)[slug]["id"]}), f"{name.capitalize()}Answer")


def engine(api: Api, work: Callable[[Tx], object]) -> None:
    """What the engine would do."""
    api.program.run(api.program.parts.db.write(work))


def hold(api: Api, slug: str) -> None:
    """The platform refuses the credentials."""
    number = shown(api)[slug]["id"]
    engine(api, lambda tx: hold_connection(tx, number, reason="credentials", outcome=REFUSED, now=tx.now()))


def states(api: Api, slug: str) -> set[str]:
    return {one["state"] for one in listed(api, destination=slug)}


# How each stands


def test_each_connection_says_whether_it_sends_and_what_waits(api: Api) -> None:
    assert shown(api) == {}
    rated(api, 2)
    found = shown(api)
    assert list(found) == list(EVERY), "oldest first"
    meta = found["meta"]
    assert (meta["name"], meta["account"], meta["toSend"]) == ("Meta", "1234567890", 2)
    assert (meta["state"], meta["code"], meta["since"], meta["until"]) == ("active", None, None, None)
    assert (meta["sentence"], meta["nextStep"], meta["class"]) == ("Conversions are sent as they come.", "", None)


def test_a_held_one_says_why_and_since_when_and_what_to_do(api: Api) -> None:
    rated(api)
    hold(api, "meta")
    since = iso_millis(api.clock.now())
    api.clock.step(60_000_000)
    held = shown(api)["meta"]
    row = DESTINATIONS["meta"].codes[REFUSED.code]
    assert (held["state"], held["code"], held["since"], held["until"]) == ("held", REFUSED.code, since, None)
    assert held["detail"] == "Session has expired"
    assert (held["sentence"], held["nextStep"], held["class"]) == (row.sentence, row.next_step, "you_act")
    assert shown(api)["ga4"]["state"] == "active"


def test_one_that_is_left_alone_says_until_when(api: Api) -> None:
    rated(api)
    number, began = shown(api)["meta"]["id"], iso_millis(api.clock.now())
    engine(api, lambda tx: pause_connection(tx, number, outcome=DOWN, now=tx.now(), fraction=1.0))
    paused = shown(api)["meta"]
    assert (paused["state"], paused["code"], paused["since"]) == ("paused", "server_error", began)
    assert paused["until"] > began
    assert (paused["nextStep"], paused["class"]) == ("Nothing to do: sending goes on by itself.", "wait")
    assert done(api, "resume")["message"] == "Connection goes on"
    assert shown(api)["meta"]["state"] == "active"


def test_no_secret_no_setting_and_nothing_personal_is_in_an_answer(api: Api) -> None:
    rated(api)
    parts, secrets = api.program.parts, set()
    for slug, destination in DESTINATIONS.items():
        api.program.run(connections.connect(parts.db, parts.box, str(api.number), slug, SETTINGS[slug]))
        secrets |= {SETTINGS[slug].get(field.name, "") for field in destination.fields if field.secret} - {""}
    answers = [api.program.get(PATH, api.key)]
    for one in shown(api).values():
        answers += [order(api, name, {"id": one["id"]}) for name in ORDERS]
    text = b"".join(answer.body for answer in answers).decode()
    assert len(shown(api)) == len(DESTINATIONS)
    assert len(secrets) >= 3
    words = (*secrets, "jan0@example.com", "Bakery", "access_token", "settings")
    assert [word for word in words if word in text] == []


# Pause and resume


def test_a_pause_holds_what_waits_and_what_comes_and_a_resume_lets_it_go(api: Api) -> None:
    rated(api, 3)
    paused = done(api, "pause")
    assert (paused["message"], paused["count"]) == ("Connection paused", 3)
    one = paused["connection"]
    assert (one["state"], one["code"], one["toSend"]) == ("held", "paused_by_person", 3)
    assert one["since"] == iso_millis(api.clock.now())
    assert (states(api, "meta"), states(api, "ga4")) == ({"held"}, {"queued"})
    label = listed(api)[0]["conversionId"]
    assert api.rate({"leadId": api.create(**PERSON), "conversionId": label}).status == 201
    assert [len(listed(api, destination="meta", state=state)) for state in ("held", "queued")] == [4, 0]
    times = {row["id"]: row["happenedAt"] for row in listed(api, destination="meta")}
    going = done(api, "resume")
    assert (going["message"], going["count"], going["connection"]["state"]) == ("Connection goes on", 4, "active")
    assert states(api, "meta") == {"waiting"}
    assert {row["id"]: row["happenedAt"] for row in listed(api, destination="meta")} == times


def test_asked_twice_it_is_done_once(api: Api) -> None:
    rated(api)
    done(api, "pause")
    before = api.tables()
    again = done(api, "pause")
    assert (again["message"], again["count"]) == ("Connection was paused already", 0)
    assert api.tables() == before
    assert [done(api, "resume")["count"] for _ in range(2)] == [1, 0]
    assert done(api, "resume")["message"] == "Connection was not held"


def test_what_something_else_holds_cannot_be_paused_and_can_be_resumed(api: Api) -> None:
    rated(api)
    hold(api, "meta")
    before = api.tables()
    refused = order(api, "pause", {"id": shown(api)["meta"]["id"]})
    assert (refused.status, refused.message) == (
        409,
        "Meta is held already: nothing is sent there until a person has mended what holds it.",
    )
    assert api.tables() == before
    assert done(api, "resume")["count"] == 1


def test_a_resume_wakes_the_worker_of_this_process(api: Api) -> None:
    rated(api)
    awake = api.program.parts.worker._awake
    awake.clear()
    done(api, "pause")
    assert not awake.is_set()
    done(api, "resume")
    assert awake.is_set()


# Who may, and what is refused


def test_a_key_of_another_project_gets_the_same_404_as_for_what_does_not_exist(api: Api, other: Api) -> None:
    rated(api)
    number = shown(api)["meta"]["id"]
    before = api.tables()
    for name in ORDERS:
        for wanted in (number, 2**40, 2**70):
            answer = order(api, name, {"id": wanted}, other.key)
            assert (answer.status, answer.message) == (404, f"This project has no connection {wanted}.")
    assert shown(other) == {}
    assert api.tables() == before


@pytest.mark.parametrize(("key", "message"), [(None, "Missing X-API-Key header"), ("ltk_no", "Invalid API key")])
def test_without_a_good_key_nothing_is_said_or_done(api: Api, key: str | None, message: str) -> None:
    rated(api)
    number = shown(api)["meta"]["id"]
    before = api.tables()
    post = partial(api.program.post, key=key)
    for answer in (
        api.program.get(PATH, key),
        *(post(f"{PATH}/{name}", body) for name in ORDERS for body in ({"id": number}, b"{", {"id": "x"})),
    ):
        assert (answer.status, answer.message) == (401, message)
    api.revoke_keys()
    assert order(api, "pause", {"id": number}).message == "Invalid API key"
    assert {**api.tables(), "api_keys": []} == {**before, "api_keys": []}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("wrong", ["1", "meta", "\x00", 0, -1, 1.5, True, [1], {}, float(2**80)])
def test_an_id_that_is_no_number_is_refused(api: Api, name: str, wrong: object) -> None:
    rated(api)
    before = api.tables()
    answer = order(api, name, {"id": wrong})
    assert (answer.status, answer.message) == (400, "Invalid parameter: id must be the number of a connection")
    assert api.tables() == before


def test_other_keys_are_refused_and_odd_queries_are_not_looked_at(api: Api) -> None:
    """A `plan` that were not looked at would do what was only to be planned."""
    rated(api)
    number = shown(api)["meta"]["id"]
    for more in ({"plan": True}, {"\x00": 1}, {"destination": "ga4"}):
        answer = order(api, "pause", {"id": number, **more})
        assert (answer.status, answer.message) == (400, "Invalid body: it may hold id, and nothing else")
    for body in ({}, {"id": None}):
        assert order(api, "pause", body).message == "Missing required field: id"
    assert api.program.get(f"{PATH}?x=%00&id=%00", api.key).status == 200
    for path in (f"{PATH}/", f"{PATH}/{number}", f"{PATH}/%00", f"{PATH}/pause/"):
        assert api.program.get(path, api.key).status == 404
    assert states(api, "meta") == {"queued"}


def test_a_wrong_method_names_the_right_one_and_browsers_may_ask(api: Api) -> None:
    for path, allowed in ((PATH, "GET, HEAD, OPTIONS"), (f"{PATH}/pause", "POST, OPTIONS")):
        for method in ("PUT", "DELETE", "POST" if path == PATH else "GET"):
            answer = api.program.send(method, path, headers={"X-API-Key": api.key})
            assert (answer.status, answer.headers["allow"]) == (405, allowed)
            assert answer.headers["access-control-allow-origin"] == "*"
    assert api.program.send("OPTIONS", f"{PATH}/pause").status == 204


def test_an_inactive_project_is_told_so(api: Api) -> None:
    rated(api)
    number = shown(api)["meta"]["id"]
    api.switch_off()
    for answer in (api.program.get(PATH, api.key), *(order(api, name, {"id": number}) for name in ORDERS)):
        assert (answer.status, answer.message) == (403, "Project is inactive")
    query = "SELECT state FROM connections WHERE id = ?"
    assert tables.execute(api.url, query, number) == [("active",)]
