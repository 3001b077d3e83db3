"""No JSON body whatever, and no bytes whatever, make a fault of the server."""

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import bodies
from tests.api.conftest import Api

POSTS: Final = ("createLead", "createServerSideLead", "createCTLead", "updateLeadStatus")
# The fixture gives a project, which the examples may share; a busy machine is slow and not wrong.
FEW: Final = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = st.sampled_from(
    [
        "",
        " ",
        "undefined",
        "null",
        "open",
        "lost",
        "pending",
        "\x00",
        "\ud800",
        "0612345678",
        "a@b.nl",
        "%",
        "x" * 300,
        "1e5",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.floats(),
    st.text(max_size=20),
    WORDS,
)
NAMES: Final = (
    *("projectId", "userData", "attributionData", "formData", "deviceData", "channelFlow", "lt_channelflow"),
    *("uniqueIdentifier", "unique_identifier", "leadId", "email", "phone", "conversionId", "price", "status"),
)
INNER: Final = (
    *("firstName", "lastName", "email", "phone", "companyName", "company", "formName", "customFormName", "formFields"),
    *("uniqueEventId", "gclid", "cid", "fbp", "fbc", "consent", "ipAddress", "ipAdress", "userAgent", "t", "ch", "s"),
)
KEYS = st.one_of(st.sampled_from(INNER), st.text(max_size=8))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
BODIES = st.one_of(VALUES, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10))


def raw(value: object) -> bytes:
    """JSON, or what Python takes for it: NaN, Infinity and halves of surrogate pairs go out as well."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("call", POSTS)
@FEW
@given(body=BODIES, reach=st.booleans())
def test_any_json_gets_a_proper_answer(api: Api, call: str, body: Any, reach: bool) -> None:
    if reach and isinstance(body, dict):
        body = {**body, "projectId": api.number, "conversionId": "lost"}
    answer = api.program.post(call, raw(body), api.key)
    assert answer.status < 500, answer.body
    assert answer.message


@pytest.mark.parametrize("call", POSTS)
@FEW
@given(body=st.binary(max_size=200) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_get_a_proper_answer(api: Api, call: str, body: bytes) -> None:
    answer = api.program.post(call, body, api.key)
    assert answer.status < 500, answer.body
    assert answer.message


SLOTS: Final = (
    "formData",
    "attributionData",
    "deviceData",
    "channelFlow",
    "lt_channelflow",
    "status",
    "platform",
    "own",
)


@FEW
@given(
    slots=st.dictionaries(st.sampled_from(SLOTS), VALUES, max_size=8),
    user=st.dictionaries(st.sampled_from(INNER[:6]), VALUES, max_size=6),
)
def test_lead_with_a_value_is_taken_whatever_else_is_in_it(
    api: Api, slots: dict[str, Any], user: dict[str, Any]
) -> None:
    """And whatever was taken can be read and rated."""
    answer = api.program.post(
        "createLead", raw({**slots, "projectId": api.number, "userData": {**user, "own": "value"}})
    )
    if b"NaN" in raw([slots, user]) or b"Infinity" in raw([slots, user]):
        assert answer.status in (200, 201, 400)
    else:
        assert answer.status in (200, 201), answer.body
    if answer.status == 201:
        lead_id = answer.json["leadId"]
        assert api.get(leadId=lead_id).status == 200
        assert api.rate({"leadId": lead_id, "conversionId": "lost"}).status == 201


@FEW
@given(
    name=st.sampled_from(
        ["leadId", "uniqueIdentifier", "email", "phone", "limit", "page", "status", "formName", "createdAt__gte",
         "createdAt__lte", "search", "sort", "gclid__exists", "fbc__exists"]
    ),
    value=st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers().map(str), WORDS),
)  # fmt: skip
def test_any_parameter_gets_a_proper_answer(api: Api, name: str, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for call in ("getLead", "getLeads"):
        answer = api.program.get(call, api.key, **{name: value})
        assert answer.status in (200, 400, 404), answer.body
        assert answer.message


@FEW
@given(query=st.binary(max_size=40))
def test_any_query_string_gets_a_proper_answer(api: Api, query: bytes) -> None:
    text = "".join(f"%{byte:02x}" if byte < 33 or byte > 126 or byte == 35 else chr(byte) for byte in query)
    for call in ("getLead", "getLeads"):
        assert api.program.send("GET", f"/api/leads/{call}?{text}", headers={"X-API-Key": api.key}).status in (
            200,
            400,
            404,
        )


CLIENTS: Final[dict[str, bodies.Body]] = bodies.WEB | bodies.SERVER | bodies.CALL


@pytest.mark.parametrize("name", CLIENTS)
def test_every_client_body_can_be_rated(api: Api, name: str) -> None:
    answer = api.post("createServerSideLead", {**CLIENTS[name], "projectId": api.number}, api.key)
    assert api.rate({"leadId": answer.json["leadId"], "conversionId": "lost", "price": 1}).status == 201
