"""What a stored lead's attribution lets a destination know."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.leads.attribution import IDS, consent, conversion_page, ids, read
from leadtrackr.leads.coerce import json_text
from tests.bodies import CID, FBC, FBP, GCLID, GTM_NEW, GTM_RAW_COOKIES, SGTM_NEW, WEB, WP_10_GRAVITY, WP_11_FLUENT
from tests.unit.making import JSON_VALUES, maps, stored, take


def ids_of(**attribution: Any) -> dict[str, str]:
    return read(json.dumps(attribution)).ids


def test_ids_of_a_client() -> None:
    assert ids(stored(take(WP_11_FLUENT))) == {
        "gclid": GCLID,
        "gbraid": "0AAAAASample",
        "msclkid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "ttclid": "E.C.P.Sample",
        "li_fat_id": "11111111-2222-3333-4444-555555555555",
        "fbc": FBC,
        "fbp": FBP,
        "cid": CID,
    }


def test_whole_cookies_are_cut_open_where_it_is_certain() -> None:
    assert ids(stored(take(GTM_RAW_COOKIES))) == {"gclid": GCLID, "cid": CID, "fbp": FBP}


@pytest.mark.parametrize("name", ["gclid", "wbraid", "gbraid", "dclid"])
def test_gcl_cookies(name: str) -> None:
    assert ids_of(**{name: "GCL.1790000000.A.b-C"}) == {name: "A.b-C"}
    for other in ("GCL.A.b", "GCL.1790000000.", "gcl.1.A", "xGCL.1.A", "A.1.B"):
        assert ids_of(**{name: other}) == {name: other}


@pytest.mark.parametrize("value", ["fb.1.1.A", "fb.2.1790000000000.Iw%2FAR.x"])
def test_fbc_with_its_prefix(value: str) -> None:
    assert ids_of(fbc=value) == {"fbc": value}


@pytest.mark.parametrize("value", ["IwAR0", "fb.1.x.A", "fb.1.1790000000000", "fb.1.1790000000000.", "FB.1.1.A"])
def test_fbc_without_its_prefix_is_not_used(value: str) -> None:
    assert ids_of(fbc=value) == {}


@pytest.mark.parametrize("value", ["GA1.1.111.222", "GA1.2-2.111.222", "111.222"])
def test_client_ids(value: str) -> None:
    assert ids_of(cid=value) == {"cid": "111.222"}


@pytest.mark.parametrize("value", ["FPID2.2.abc", "GA1.1.x", "GS1.1.111.222.3", "abc"])
def test_client_ids_of_other_forms_stay(value: str) -> None:
    assert ids_of(cid=value) == {"cid": value}


def test_a_session_id_that_is_a_client_id_is_dropped() -> None:
    assert "sid" not in ids(stored(take(WP_10_GRAVITY)))
    assert ids_of(sid="abc", cid="abc") == {"cid": "abc"}
    assert ids_of(sid="111.222", cid="FPID-value") == {"cid": "FPID-value"}
    assert ids_of(sid=1790000001, cid=CID) == {"sid": "1790000001", "cid": CID}


def test_every_known_id_and_nothing_else() -> None:
    values = {name: f"fb.1.1.{name}" for name in IDS}
    assert ids_of(**values, unknown="x", conversionPage="x", consent={}) == values


def test_stored_lists_hold_no_ids() -> None:
    assert read("[]") == read("{}") == read('["gclid"]')
    assert read("[]").ids == {}


def test_consent_keeps_answers_only() -> None:
    said = {
        "ad_storage": "GRANTED",
        "ad_user_data": " denied ",
        "analytics_storage": "maybe",
        "ad_personalization": None,
    }
    assert read(json.dumps({"consent": said | {"functionality_storage": "granted"}})).consent == {
        "ad_storage": "granted",
        "ad_user_data": "denied",
    }
    assert consent(stored(take(SGTM_NEW))) == {"ad_storage": "granted", "analytics_storage": "denied"}
    assert consent(stored(take(GTM_NEW)))["ad_user_data"] == "denied"
    assert consent(stored(take(WP_10_GRAVITY))) == {}


@pytest.mark.parametrize("said", [None, [], "granted", {}, {"ad_storage": {}}, {"ad_storage": True}, 1])
def test_consent_that_says_nothing(said: object) -> None:
    assert read(json.dumps({"consent": said})).consent == {}


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("www.example.com/contact", "www.example.com/contact"),
        ("localhost:8080/", "localhost:8080/"),
        ("https://www.example.com/contact?a=b#c", "www.example.com/contact"),
        ("", None),
        ("?a", None),
        (None, None),
    ],
)
def test_conversion_page(sent: object, page: str | None) -> None:
    assert read(json.dumps({"conversionPage": sent})).conversion_page == page


def test_conversion_page_of_a_lead() -> None:
    assert conversion_page(stored(take(WP_11_FLUENT))) == "www.example.com/contact"


@pytest.mark.parametrize("body", WEB.values(), ids=WEB.keys())
def test_every_client(body: dict[str, Any]) -> None:
    found = ids(stored(take(body)))
    assert all(value.strip() for value in found.values())
    assert found.get("gclid", GCLID) == GCLID


MANGLE_FREE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=600)


@given(st.sampled_from(sorted(set(IDS) - {"fbc", "sid", "cid"})), MANGLE_FREE.filter(lambda value: value.strip()))
def test_ids_are_byte_exact(name: str, value: str) -> None:
    if value.strip() in ("undefined", "null") or value.startswith("GCL."):
        return
    lead = stored(take({"attributionData": {name: value}}))
    assert ids(lead) == {name: value}


@given(maps() | JSON_VALUES)
def test_nothing_raises(attribution: Any) -> None:
    found = read(json_text(attribution))
    assert set(found.consent.values()) <= {"granted", "denied"}
    assert all(value.strip() for value in found.ids.values())
