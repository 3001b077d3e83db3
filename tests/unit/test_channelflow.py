"""Channel flow: every wire form comes to one normal form, junk comes to nothing."""

import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.leads.channelflow import first_usable, normalise
from tests.bodies import COMPACT_FLOW, LEGACY_FLOW
from tests.unit.making import JSON_VALUES

NORMAL = [
    {"timestamp": 1789000000000, "channel": {"source": "google", "medium": "organic"}, "landingPage": "/"},
    {
        "timestamp": 1790000000000,
        "channel": {"source": "google", "medium": "cpc", "campaign": "summer sale"},
        "landingPage": "/offer",
    },
]
AS_JSON = json.dumps(COMPACT_FLOW)
WIRE_FORMS = [
    COMPACT_FLOW,
    AS_JSON,
    quote(AS_JSON, safe=""),
    quote(quote(AS_JSON, safe=""), safe=""),
    json.dumps(AS_JSON),
    json.dumps(quote(quote(AS_JSON, safe=""), safe="")),
    {"0": COMPACT_FLOW[0], "2": COMPACT_FLOW[1]},
    NORMAL,
]
JUNK = ["", " ", "undefined", "null", "x", "%", "%5B", "[", "[]", "{}", [], {}, 7, True, None, ["x"], [{}], "[" * 5000]


@pytest.mark.parametrize("sent", WIRE_FORMS)
def test_every_wire_form(sent: object) -> None:
    assert normalise(sent) == NORMAL


@pytest.mark.parametrize("sent", WIRE_FORMS)
def test_what_is_stored_reads_the_same(sent: object) -> None:
    kept = first_usable(sent)
    assert kept is not None
    assert msgspec.json.decode(kept) == sent
    assert normalise(kept) == NORMAL


@pytest.mark.parametrize("sent", JUNK)
def test_junk_is_none(sent: object) -> None:
    assert normalise(sent) is None
    assert first_usable(sent, None) is None


def test_legacy_members_that_are_empty_are_left_out() -> None:
    assert normalise(LEGACY_FLOW) == [
        {"timestamp": 1789000000000, "channel": {"source": "google", "medium": "organic"}}
    ]


def test_mixed_entries_and_entries_of_neither_form() -> None:
    sent = [
        *LEGACY_FLOW,
        {"ch": {"s": "x"}},
        "junk",
        None,
        {"t": True},
        {"t": "soon"},
        {"t": -1},
        {"t": "1" * 5000},
        *COMPACT_FLOW,
    ]
    assert [entry["timestamp"] for entry in normalise(sent) or []] == [1789000000000, 1789000000000, 1790000000000]


def test_oddities_of_php() -> None:
    sent = [{"t": "1790000000000", "ch": [], "lp": ""}, {"t": 1790000000001.0, "ch": {"s": 7, "m": ["cpc"]}}]
    assert normalise(sent) == [
        {"timestamp": 1790000000000, "channel": {}},
        {"timestamp": 1790000000001, "channel": {"source": "7", "medium": "cpc"}},
    ]


def test_one_entry_alone() -> None:
    assert normalise(COMPACT_FLOW[0]) == NORMAL[:1]


def test_every_member_has_its_name() -> None:
    channel = {"source": "a", "medium": "b", "campaign": "c", "content": "d", "term": "e"}
    compact = {"t": 1, "ch": {"s": "a", "m": "b", "cm": "c", "ct": "d", "tm": "e"}, "lp": "/p"}
    assert normalise([compact]) == [{"timestamp": 1, "channel": channel, "landingPage": "/p"}]
    assert normalise([{"timestamp": 1, "channel": channel}]) == [{"timestamp": 1, "channel": channel}]


def test_escapes_inside_json_stay() -> None:
    assert normalise('[{"t":1,"ch":{},"lp":"/a%20b"}]') == [{"timestamp": 1, "channel": {}, "landingPage": "/a%20b"}]


@pytest.mark.parametrize("first", [*JUNK[:4], None])
def test_the_old_name_counts_when_the_new_one_is_empty(first: object) -> None:
    assert first_usable(first, AS_JSON) == json.dumps(AS_JSON)
    assert first_usable(COMPACT_FLOW[:1], AS_JSON) == msgspec.json.encode(COMPACT_FLOW[:1]).decode()


@given(JSON_VALUES | st.lists(st.dictionaries(st.sampled_from(["t", "ch", "lp", "timestamp", "channel"]), JSON_VALUES)))
def test_nothing_raises_and_the_normal_form_is_stable(sent: Any) -> None:
    normal = normalise(sent)
    assert normal is None or normalise(normal) == normal
    kept = first_usable(sent)
    assert (kept is None) == (normal is None)
    assert kept is None or normalise(kept) == normal
