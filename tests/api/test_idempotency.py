"""The Idempotency-Key of updateLeadStatus."""

import json

import pytest

from leadtrackr.kit.clock import DAY, SECOND
from tests.api.conftest import Api
from tests.support.program import Answer, together

REUSED = "Idempotency-Key was used with another body before. Use a new key for a new request"


def test_same_key_and_body_give_the_first_answer_again(api: Api) -> None:
    body = {"leadId": api.create(firstName="Jan"), "conversionId": "lost", "price": 5}
    first = api.rate(body, Idempotency_Key="k")
    before = api.tables()
    again = api.rate(body, Idempotency_Key="k")
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    api.program.deliver()
    settled = api.rate(body, Idempotency_Key="k")
    assert (settled.status, settled.body) == (201, first.body)
    assert len(api.tables()["jobs"]) == len(before["jobs"])


def test_open_is_given_again_too(api: Api) -> None:
    body = {"leadId": api.create(firstName="Jan"), "conversionId": "open"}
    first, again = (api.rate(body, Idempotency_Key="k") for _ in range(2))
    assert (again.status, again.body) == (200, first.body)


def test_without_a_key_the_second_is_409(api: Api) -> None:
    body = {"leadId": api.create(firstName="Jan"), "conversionId": "lost"}
    assert [api.rate(body).status for _ in range(2)] == [201, 409]
    assert [api.rate({**body, "leadId": api.create(firstName="J")}, Idempotency_Key=" ").status for _ in range(2)] == [
        201,
        201,
    ]


def test_same_key_with_another_body_is_409_and_changes_nothing(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    assert api.rate({"leadId": lead_id, "conversionId": "open", "price": 5}, Idempotency_Key="k").status == 200
    before = api.tables()
    other = {"leadId": lead_id, "conversionId": "open", "price": 6}
    answer = api.rate(other, Idempotency_Key="k")
    assert (answer.status, answer.message) == (409, REUSED)
    spaced = json.dumps({"leadId": lead_id, "conversionId": "open", "price": 5}, indent=1).encode()
    assert api.rate(spaced, Idempotency_Key="k").status == 409
    assert api.tables() == before
    assert api.rate(other, Idempotency_Key="k2").status == 200


def test_refused_request_does_not_use_up_its_key(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    before = api.tables()
    assert api.rate({"leadId": lead_id, "conversionId": "nothing"}, Idempotency_Key="k").status == 400
    assert api.rate({"leadId": 0, "conversionId": "lost"}, Idempotency_Key="k").status == 404
    assert api.tables() == before
    assert api.rate({"leadId": lead_id, "conversionId": "lost"}, Idempotency_Key="k").status == 201


def test_keys_are_each_projects_own(api: Api, other: Api) -> None:
    for project in (api, other):
        body = {"leadId": project.create(firstName="Jan"), "conversionId": "lost"}
        assert project.rate(body, Idempotency_Key="shared").status == 201


def test_after_24_hours_a_key_is_new(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    first, second = ({"leadId": lead_id, "conversionId": "open", "price": price} for price in (1, 2))
    assert api.rate(first, Idempotency_Key="k").status == 200
    api.clock.step(DAY - SECOND)
    assert api.rate(second, Idempotency_Key="k").status == 409
    api.clock.step(SECOND)
    assert api.rate(second, Idempotency_Key="k").status == 200
    assert api.lead(lead_id)["price"] == 2
    assert api.rate(first, Idempotency_Key="k").status == 409


def test_repeats_at_once_make_one_job_and_get_one_answer(api: Api) -> None:
    for number in range(5):
        body: dict[str, object] = {"leadId": api.create(firstName="Jan"), "conversionId": "lost"}

        def rate(_: int, body: dict[str, object] = body, key: str = f"race-{number}") -> Answer:
            return api.rate(body, Idempotency_Key=key)

        answers = together(8, rate)
        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize("length", [255, 256])
def test_key_has_at_most_255_characters(api: Api, length: int) -> None:
    body = {"leadId": api.create(firstName="Jan"), "conversionId": "lost"}
    answer = api.rate(body, Idempotency_Key="k" * length)
    assert answer.status == (201 if length == 255 else 400)
    if length == 256:
        assert "Idempotency-Key" in answer.message
        assert api.lead(int(str(body["leadId"])))["status"] == "open"
