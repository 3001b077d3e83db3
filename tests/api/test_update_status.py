"""updateLeadStatus: finding the lead, labels, prices, warnings, the 409, and that a refusal changes nothing."""

from typing import Any

import pytest

from leadtrackr.labels import service as labels
from leadtrackr.labels.service import NewLabel
from tests.api.conftest import Api
from tests.support.program import Answer, together

UNKNOWN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
NO_NAME = "Missing required field: one of leadId, uniqueIdentifier, email or phone"


def qualified(api: Api) -> str:
    return api.labels[0].conversion_id


def refuse(api: Api, body: object, status: int) -> Answer:
    """Posts what must be refused, and looks whether anything at all has changed."""
    before = api.tables()
    answer = api.rate(body)
    assert answer.status == status, answer.body
    assert api.tables() == before
    return answer


def open_again(api: Api, **ref: object) -> Answer:
    return api.rate({**ref, "conversionId": "open"})


def test_label_is_201_pending_and_then_what_was_sent(api: Api) -> None:
    lead_id = api.create(firstName="Jan", uniqueIdentifier="crm-1")
    answer = api.rate({"leadId": lead_id, "conversionId": qualified(api)})
    assert answer.status == 201
    assert answer.json == {
        "message": "Lead queued for processing",
        "leadId": lead_id,
        "uniqueIdentifier": "crm-1",
        "status": "pending",
        "queued": True,
        "warnings": [],
    }
    assert api.lead(lead_id)["status"] == "pending"
    api.program.deliver()
    assert api.lead(lead_id)["status"] == qualified(api)


def test_lost_is_the_projects_lost_label(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    answer = api.rate({"leadId": lead_id, "conversionId": "lost"})
    assert (answer.status, answer.json["status"], answer.json["uniqueIdentifier"]) == (201, "pending", None)
    api.program.deliver()
    assert api.lead(lead_id)["status"] == "lost"


def test_open_clears_the_label_and_makes_no_job(api: Api) -> None:
    lead_id = api.create(firstName="Jan", uniqueIdentifier="crm-1")
    api.rate({"leadId": lead_id, "conversionId": qualified(api), "price": 500})
    api.program.deliver()
    jobs = api.tables()["jobs"]
    answer = open_again(api, leadId=lead_id)
    assert answer.status == 200
    assert answer.json == {
        "message": "Lead status updated to open",
        "leadId": lead_id,
        "uniqueIdentifier": "crm-1",
        "status": "open",
        "queued": False,
    }
    assert api.tables()["jobs"] == jobs
    assert api.row(lead_id, "status", "stage", "label_id", "price") == ("open", "open", None, 500)


def test_label_without_done_goes_back_to_open_with_the_label_kept(api: Api) -> None:
    parts = api.program.parts
    label = api.program.run(labels.create(parts.db, parts.ids, str(api.number), NewLabel(name="Called")))
    lead_id = api.create(firstName="Jan")
    assert api.rate({"leadId": lead_id, "conversionId": label.conversion_id.upper()}).status == 201
    api.program.deliver()
    assert api.row(lead_id, "status", "stage", "label_id") == (label.conversion_id, "open", label.id)


@pytest.mark.parametrize(
    ("kept", "dropped"),
    [("leadId", ()), ("uniqueIdentifier", ("leadId",)), ("email", ("leadId", "uniqueIdentifier")),
     ("phone", ("leadId", "uniqueIdentifier", "email"))],
)  # fmt: skip
def test_first_identifier_present_decides_alone(api: Api, kept: str, dropped: tuple[str, ...]) -> None:
    """Each lead answers to one identifier; the one that stands first is the one that is rated."""
    ids = {
        "leadId": api.create(firstName="A"),
        "uniqueIdentifier": api.create(firstName="B", uniqueIdentifier="crm-1"),
        "email": api.create(email="c@example.com"),
        "phone": api.create(phone="0612345678"),
    }
    ref: dict[str, Any] = {
        "leadId": ids["leadId"], "uniqueIdentifier": "crm-1", "email": "c@example.com", "phone": "0612345678",
    }  # fmt: skip
    for blank in (None, "", " \t", "undefined", "null"):
        assert open_again(api, **{**ref, **dict.fromkeys(dropped, blank)}).json["leadId"] == ids[kept]
        found = {name: value for name, value in {**ref, **dict.fromkeys(dropped, blank)}.items() if value is not None}
        assert api.get(**found).json["lead"]["id"] == ids[kept]
    wrong = {"leadId": 10**12, "uniqueIdentifier": "nobody", "email": "nobody@example.com", "phone": "0699999999"}
    refused = refuse(api, {**ref, **dict.fromkeys(dropped), kept: wrong[kept], "conversionId": "open"}, 404)
    assert refused.message == "Lead not found"


@pytest.mark.parametrize("body", [{}, {"leadId": None}, {"leadId": "", "email": " "}, {"phone": "null"}, {"id": 1}])
def test_no_identifier_is_400(api: Api, body: dict[str, object]) -> None:
    assert refuse(api, {**body, "conversionId": "open"}, 400).message == NO_NAME


@pytest.mark.parametrize("form", ["{}", " {} ", "00{}"])
def test_lead_id_may_be_a_numeric_string(api: Api, form: str) -> None:
    lead_id = api.create(firstName="Jan")
    assert open_again(api, leadId=form.format(lead_id)).json["leadId"] == lead_id


@pytest.mark.parametrize("wrong", ["abc", "1x", "-1", -1, 1.5, "1.0", True, "٤٢", "1e3", "0x10"])
def test_lead_id_that_is_no_number_is_400(api: Api, wrong: object) -> None:
    body = {"leadId": wrong, "email": "jan@example.com", "conversionId": "open"}
    assert refuse(api, body, 400).message == "Invalid parameter: leadId must be a whole number"


@pytest.mark.parametrize("wrong", [0, 10**15, 10**18, 10**19, "9" * 400, 10**305])
def test_lead_id_that_no_lead_has_is_404(api: Api, wrong: object) -> None:
    assert refuse(api, {"leadId": wrong, "conversionId": "open"}, 404).message == "Lead not found"


@pytest.mark.parametrize("name", ["leadId", "uniqueIdentifier", "email", "phone"])
@pytest.mark.parametrize("wrong", [{}, [], {"a": 1}, ["x"], [None]])
def test_identifier_that_is_no_scalar_names_nobody(api: Api, name: str, wrong: object) -> None:
    api.create(email="jan@example.com", phone="0612345678", uniqueIdentifier="crm-1")
    ref = {"uniqueIdentifier": "crm-1", "email": "jan@example.com", "phone": "0612345678"}
    names = ["leadId", *ref]
    before = dict.fromkeys(names[: names.index(name)])
    answer = refuse(api, {**ref, **before, name: wrong, "conversionId": "open"}, 400)
    assert answer.message == f"Invalid parameter: {name} must be a text or a number"


def test_newest_lead_wins(api: Api) -> None:
    user = {"email": "jan@example.com", "phone": "0612345678"}
    ids = []
    for step in (0, 0, 1000):
        api.clock.step(step)
        ids.append(api.create(**user, uniqueIdentifier="crm-1"))
    for ref in ({"email": "jan@example.com"}, {"phone": "0612345678"}, {"uniqueIdentifier": "crm-1"}):
        assert open_again(api, **ref).json["leadId"] == max(ids)
        assert api.get(**ref).json["lead"]["id"] == max(ids)


@pytest.mark.parametrize("written", ["Jan@Example.com", " jan@example.com\n", "JAN@EXAMPLE.COM"])
def test_email_is_compared_trimmed_and_lower_cased(api: Api, written: str) -> None:
    lead_id = api.create(email=" jaN@example.COM ")
    assert open_again(api, email=written).json["leadId"] == lead_id
    assert api.get(email=written).json["lead"]["id"] == lead_id


def test_email_that_is_none_is_found_by_nobody(api: Api) -> None:
    api.create(email="no address")
    refuse(api, {"email": "no address", "conversionId": "open"}, 404)


@pytest.mark.parametrize("written", ["+31612345678", "0612345678", "06-12 34 56 78", "0031 6 12345678", 31612345678])
def test_phone_is_compared_in_e164_by_the_projects_country(api: Api, written: object) -> None:
    lead_id = api.create(phone="06 - 1234 5678")
    assert open_again(api, phone=written).json["leadId"] == lead_id
    assert api.get(phone=written).json["lead"]["id"] == lead_id


def test_phone_that_is_none_is_compared_letter_for_letter(api: Api) -> None:
    lead_id = api.create(phone="ext. 12")
    assert open_again(api, phone="ext. 12").json["leadId"] == lead_id
    refuse(api, {"phone": "EXT. 12", "conversionId": "open"}, 404)


@pytest.mark.parametrize("blank", [None, "", "  ", {}, [], 0, 42, True])
def test_missing_conversion_id_is_400_with_the_exact_message(api: Api, blank: object) -> None:
    lead_id = api.create(firstName="Jan")
    answer = refuse(api, {"leadId": lead_id, "conversionId": blank}, 400)
    assert "conversionId" in answer.message
    if blank in (None, "", "  "):
        assert answer.message == "Missing required field: conversionId"
    assert refuse(api, {"leadId": lead_id}, 400).message == "Missing required field: conversionId"


@pytest.mark.parametrize("wrong", [UNKNOWN, "Qualified", "OPEN", "Lost", "pending", "x" * 5000, "\x00", "1"])
def test_conversion_id_that_is_not_the_projects_is_400(api: Api, wrong: str) -> None:
    lead_id = api.create(firstName="Jan")
    assert "conversionId" in refuse(api, {"leadId": lead_id, "conversionId": wrong}, 400).message


def test_label_of_another_project_is_400(api: Api, other: Api) -> None:
    lead_id = api.create(firstName="Jan")
    assert "conversionId" in refuse(api, {"leadId": lead_id, "conversionId": qualified(other)}, 400).message


@pytest.mark.parametrize(
    "wrong",
    ["-1", "-0.01", "-1e-320", '"100"', '""', "true", "false", "[]", "[1]", "{}", "NaN", "Infinity", "1e300", "1e400",
     "1000000000000001", "9" * 400],
)  # fmt: skip
@pytest.mark.parametrize("conversion", ["open", "lost"])
def test_price_that_is_none_is_400_and_nothing_changes(api: Api, wrong: str, conversion: str) -> None:
    lead_id = api.create(firstName="Jan")
    body = f'{{"leadId":{lead_id},"conversionId":"{conversion}","price":{wrong}}}'.encode()
    message = refuse(api, body, 400).message
    assert "price" in message or "valid JSON" in message
    assert api.lead(lead_id)["price"] is None


@pytest.mark.parametrize(
    ("given", "cents"),
    [("0", 0), ("-0.0", 0), ("150000", 150000), ("1.0", 1), ("99.5", 100), ("100.5", 101), ("99.4999", 99),
     ("1e3", 1000), ("1000000000000000", 10**15)],
)  # fmt: skip
@pytest.mark.parametrize("conversion", ["open", "lost"])
def test_price_is_kept_in_whole_cents(api: Api, given: str, cents: int, conversion: str) -> None:
    lead_id = api.create(firstName="Jan")
    body = f'{{"leadId":{lead_id},"conversionId":"{conversion}","price":{given}}}'.encode()
    assert api.rate(body).status in (200, 201)
    price = api.lead(lead_id)["price"]
    assert price == cents
    assert isinstance(price, int)


def test_price_stays_when_it_is_absent_or_null(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    for body in ({"price": 700}, {}, {"price": None}):
        assert api.rate({"leadId": lead_id, "conversionId": "open", **body}).status == 200
        assert api.lead(lead_id)["price"] == 700


def test_pending_lead_is_409_whatever_is_asked_and_nothing_changes(api: Api) -> None:
    lead_id = api.create(firstName="Jan", email="jan@example.com")
    assert api.rate({"leadId": lead_id, "conversionId": qualified(api), "price": 5}).status == 201
    for conversion in (qualified(api), api.labels[1].conversion_id, "lost", "open"):
        for ref in ({"leadId": lead_id}, {"email": "jan@example.com"}):
            answer = refuse(api, {**ref, "conversionId": conversion, "price": 9}, 409)
            assert answer.message == "Lead already has a pending job. Try again when it has been processed"
    api.program.deliver()
    assert api.rate({"leadId": lead_id, "conversionId": "lost"}).status == 201


def test_of_many_ratings_at_once_one_wins(api: Api) -> None:
    for _ in range(5):
        lead_id = api.create(firstName="Jan")
        ids = [label.conversion_id for label in api.labels]

        def rate(n: int, lead_id: int = lead_id, ids: list[str] = ids) -> Answer:
            return api.rate({"leadId": lead_id, "conversionId": ids[n % 2]})

        answers = together(12, rate)
        assert sorted(answer.status for answer in answers) == [201] + [409] * 11
    assert len([row for row in api.tables()["jobs"] if row[1] == api.number]) == 5


def test_key_is_needed_and_only_the_own_one_reaches_the_lead(api: Api, other: Api) -> None:
    lead_id = api.create(email="jan@example.com", phone="0612345678", uniqueIdentifier="crm-1")
    before = api.tables()
    refs = ({"leadId": lead_id}, {"email": "jan@example.com"}, {"phone": "0612345678"}, {"uniqueIdentifier": "crm-1"})
    for ref in refs:
        body = {**ref, "conversionId": "lost"}
        stranger = api.program.post("updateLeadStatus", body)
        assert (stranger.status, stranger.message) == (401, "Missing X-API-Key header")
        wrong = api.program.post("updateLeadStatus", body, "ltk_wrong")
        assert (wrong.status, wrong.message) == (401, "Invalid API key")
        assert other.rate(body).status == 404
    api.revoke_keys()
    revoked = api.rate({"leadId": lead_id, "conversionId": "lost"})
    assert (revoked.status, revoked.message) == (401, "Invalid API key")
    before["api_keys"] = api.tables()["api_keys"]
    assert api.tables() == before


def test_key_comes_before_the_body(api: Api) -> None:
    assert api.program.post("updateLeadStatus", b"{").status == 401
    assert api.rate(b"{").status == 400


def test_inactive_project_is_403(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    api.switch_off()
    answer = refuse(api, {"leadId": lead_id, "conversionId": "lost"}, 403)
    assert answer.message == "Project is inactive"
