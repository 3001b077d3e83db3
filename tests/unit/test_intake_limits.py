"""What a body can be at worst: no JSON, too long, too deep, any value anywhere. Only InvalidInput is ever raised."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit.errors import InvalidInput
from leadtrackr.leads.intake import LONGEST_TEXT, decode, project_ref
from leadtrackr.leads.model import Door, Intake
from tests.unit.making import JSON_VALUES, maps, stored, take

EVENT = {"attributionData": {"gclid": "x"}}


def event_id_of(value: object) -> str | None:
    return take({"formData": {"uniqueEventId": value}} | EVENT).unique_event_id


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "valid JSON"),
        (b"{", "valid JSON"),
        (b"{'a':1}", "valid JSON"),
        (b'{"a":NaN}', "valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":' + b"[" * 100_000, "levels deep|valid JSON"),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "levels deep"),
    ],
)
def test_bodies_that_are_no_json_object(body: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        decode(body)


def test_a_unique_identifier_may_have_255_characters() -> None:
    for name in ("uniqueIdentifier", "unique_identifier"):
        assert take(EVENT | {name: "é" * 255}).unique_identifier == "é" * 255
        with pytest.raises(InvalidInput, match=r"uniqueIdentifier has 256 characters") as caught:
            take(EVENT | {name: "é" * 256})
        assert caught.value.field == "uniqueIdentifier"


def test_a_long_event_id_stays_unique_and_fits_an_index() -> None:
    long = "x" * 100_000
    assert event_id_of(long) == event_id_of(long) != event_id_of(long + "y")
    assert len(event_id_of(long) or "") < 100
    assert event_id_of("x" * 255) == "x" * 255


@pytest.mark.parametrize("name", ["firstName", "phone", "email"])
def test_a_long_text_is_cut_in_its_column_only(name: str) -> None:
    lead = take({"userData": {name: "x" * 10_000}})
    assert {lead.first_name, lead.phone, lead.email} == {None, "x" * LONGEST_TEXT}
    assert json.loads(lead.user_data) == {name: "x" * 10_000}


def storable(lead: Intake) -> bool:
    """Whether both databases take every text of the lead, also in their indexes."""
    stored_lead = stored(lead)
    texts = [value for value in (getattr(stored_lead, name) for name in stored_lead.__struct_fields__) if value]
    indexed = (
        lead.email_key,
        lead.phone,
        lead.phone_e164,
        lead.form_name,
        lead.unique_identifier,
        lead.unique_event_id,
    )
    return all("\0" not in text and text.encode() for text in texts if isinstance(text, str)) and all(
        len(text.encode()) <= 2000 for text in indexed if text
    )


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "userData": maps() | JSON_VALUES,
            "attributionData": maps() | JSON_VALUES,
            "formData": st.dictionaries(st.sampled_from(["formName", "uniqueEventId", "customFormName"]), JSON_VALUES),
            "deviceData": st.dictionaries(st.sampled_from(["ipAddress", "ipAdress", "userAgent"]), JSON_VALUES),
            "channelFlow": JSON_VALUES,
            "lt_channelflow": JSON_VALUES,
            "uniqueIdentifier": JSON_VALUES,
            "projectId": JSON_VALUES,
        },
    ),
    st.sampled_from(Door),
)
def test_no_body_raises_anything_but_invalid_input(body: dict[str, Any], door: Door) -> None:
    for given_body in (body, decode(json.dumps(body).replace("NaN", "0").replace("Infinity", "1e999").encode())):
        with contextlib.suppress(InvalidInput):
            project_ref(given_body)
        try:
            lead = take(given_body, door)
        except InvalidInput:
            continue
        assert storable(lead)


@given(st.binary(max_size=40) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_invalid_input(raw: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        assert storable(take(decode(raw)))
