"""Any JSON value to what a column can hold."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.leads.coerce import DEEPEST, TooDeep, clean_text, exact, holds_value, json_text, mapping, parse, text
from tests.unit.making import JSON_VALUES

ABSENT = ["", " ", "\t\n", "\u00a0", "undefined", "null", " null ", "\0", " \0 ", None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Jan", "Jan"),
        (" Jan ", "Jan"),
        (123, "123"),
        (123.0, "123"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (31612345678, "31612345678"),
        (2**80, "1208925819614629174706176"),
        (True, "true"),
        (False, "false"),
        (["", None, "b", "c"], "b"),
        ([7], "7"),
        ([["a"]], None),
        ([], None),
        ({"a": "b"}, None),
        ({}, None),
        (float("nan"), None),
        (float("inf"), None),
        ("Null", "Null"),
        ("a\0b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ("élan", "élan"),
    ],
)
def test_text(value: object, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize("value", ABSENT)
def test_absent_values(value: object) -> None:
    assert text(value) is None
    assert exact(value) is None
    assert not holds_value(value)
    assert not holds_value({"a": [value, {"b": value}], "c": {}, "d": []})


def test_exact_keeps_every_character() -> None:
    assert exact(" AbC%2F ") == " AbC%2F "
    assert exact([" AbC "]) == " AbC "
    assert exact(1790000001) == "1790000001"


@pytest.mark.parametrize("value", [0, False, 0.0, "0", {"a": {"b": [None, 0]}}, [["x"]]])
def test_zero_and_false_are_values(value: object) -> None:
    assert holds_value(value)


def test_mapping() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert [mapping(value) for value in ([], [1], None, "", 1)] == [{}] * 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"a\\u0000b"', "ab"),
        (b'{"k\\u0000":["\\u0000x"]}', {"k": ["x"]}),
        (b'"\\\\u0000"', "\\u0000"),
        (b"1e400", "1e400"),
        (b"-1e400", "-1e400"),
        (b"1" * 5000, "1" * 5000),
        (b"1" * 40, int("1" * 40)),
        (b"\xef\xbb\xbf{}", {}),
        ('"\\/ \\u2014 —"'.encode(), "/ — —"),
    ],
)
def test_parse_takes_what_senders_make(body: bytes, expected: object) -> None:
    assert parse(body) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"{}x", b"NaN", b"[Infinity]", b'"\xff"', b"'a'", b'"a\nb"', b"\xff"])
def test_parse_refuses_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(body)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_parse_refuses_deep_nesting_only() -> None:
    assert parse(nested(DEEPEST)) is not None
    assert parse(b"[" + nested(DEEPEST - 1) + b",[]]") is not None
    for body in (
        b"[" + nested(DEEPEST) + b",[]]",
        nested(DEEPEST + 1),
        nested(100_000),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ):
        with pytest.raises(TooDeep):
            parse(body)
    assert parse(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000
    assert parse(json.dumps("[" * 1000).encode()) == "[" * 1000


def test_json_text_refuses_what_parse_would_refuse() -> None:
    value: object = "\0"
    for _ in range(5000):
        value = [value]
    with pytest.raises(TooDeep):
        json_text(value)


def test_json_text_takes_numbers_of_any_size() -> None:
    assert json_text([2**80, -1]) == "[1208925819614629174706176,-1]"
    assert json_text({"a": 10**5000}).startswith('{"a":"0x')
    assert text(10**5000) is not None


@given(JSON_VALUES)
def test_nothing_raises_and_nothing_unstorable_stays(value: object) -> None:
    kept = json_text(value)
    assert "\\u0000" not in kept
    assert json_text(msgspec.json.decode(kept)) == kept
    for found in (text(value), exact(value)):
        assert found is None or (found.strip() and "\0" not in found and found.encode())
    assert holds_value(value) in (True, False)


@given(JSON_VALUES)
def test_what_is_stored_is_what_was_parsed(value: object) -> None:
    parsed = parse(json.dumps(value, allow_nan=True).replace("NaN", "0").replace("Infinity", "1").encode())
    assert msgspec.json.decode(json_text(parsed)) == parsed


@given(st.text(st.characters()))
def test_clean_text_is_storable_and_keeps_the_rest(value: str) -> None:
    cleaned = clean_text(value)
    assert cleaned.encode().decode() == cleaned
    assert clean_text(cleaned) == cleaned
    plain = "".join(c for c in value if c != "\0" and not "\ud800" <= c <= "\udfff")
    assert clean_text(plain) == plain
    if "\ufffd" not in plain and not any("\ud800" <= c <= "\udbff" for c in value):
        assert cleaned.replace("\ufffd", "") == plain
