"""The log: one stream, one form, and nothing personal or secret in any value."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit import log
from leadtrackr.kit.secretbox import Secret

KEY = "ltk_abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_line_holds_event_level_logger_and_time(stream: io.StringIO) -> None:
    log.set_up("json", stream=stream)
    log.logger("leadtrackr.leads").info("lead created", lead_id=42, seconds=0.25, new=True, note=None)
    (line,) = lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "lead created", "level": "info", "logger": "leadtrackr.leads",
        "lead_id": 42, "seconds": 0.25, "new": True, "note": None,
    }  # fmt: skip


def test_console_is_for_people_and_masks_too(stream: io.StringIO) -> None:
    log.set_up("console", stream=stream)
    log.logger("x").warning("refused", who="jane@example.com")
    assert "refused" in stream.getvalue()
    assert "[email]" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_level_holds_for_both_kinds_of_logger(stream: io.StringIO) -> None:
    log.set_up("json", "warning", stream=stream)
    for name in ("info", "warning"):
        getattr(log.logger("ours"), name)("a")
        getattr(logging.getLogger("theirs"), name)("b %s", 1)
    assert [(line["logger"], line["event"]) for line in lines(stream)] == [("ours", "a"), ("theirs", "b 1")]


def test_set_up_again_does_not_double_the_lines(stream: io.StringIO) -> None:
    log.set_up("json", stream=stream)
    log.set_up("json", stream=stream)
    logging.getLogger("x").warning("once")
    assert len(lines(stream)) == 1


def test_request_id_is_on_every_line_inside(stream: io.StringIO) -> None:
    log.set_up("json", stream=stream)
    with log.bind_request_id("r-1"):
        log.logger("ours").info("a")
        logging.getLogger("theirs").info("b")
    log.logger("ours").info("c")
    assert [line.get("request_id") for line in lines(stream)] == ["r-1", "r-1", None]


def test_uvicorn_lines_lose_address_and_query(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").handlers = [logging.StreamHandler(io.StringIO())]
    log.set_up("json", stream=stream)
    access = logging.getLogger("uvicorn.access")
    access.info('%s - "%s %s HTTP/%s" %d', "203.0.113.7:5", "GET", "/api/leads/getLead?email=jane", "1.1", 200)
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "\x1b[1mStarted"})
    events = [line["event"] for line in lines(stream)]
    assert events == ["Started"], "no line for each request: it would hold the visitor's address and the query"


def test_traceback_is_written_without_its_words(stream: io.StringIO) -> None:
    log.set_up("json", stream=stream)
    try:
        raise ValueError("no lead for jane@example.com")
    except ValueError:
        log.logger("ours").exception("failed")
        logging.getLogger("theirs").exception("failed")
    for line in lines(stream):
        assert str(line["exception"]).endswith("builtins.ValueError"), "the fault's words may repeat a lead's data"
        assert "test_log.py" in str(line["exception"])


def masked(value: object, *secrets: Secret) -> object:
    return log.Masking(secrets)(None, "info", {"value": value})["value"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("mail to Jane.Doe+x@mail.example.co.uk now", "mail to [email] now"),
        ("email=jane%40example.com&x=1", "email=[email]&x=1"),
        ("call +31612345678.", "call [phone]."),
        ("call +31 (0)6 12-34.56 78", "call [phone]"),
        ("phone=%2B31612345678", "phone=[phone]"),
        (f"key {KEY}!", "key ***!"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("postgresql://user:hunter2@db/leads", "postgresql://***@db/leads"),
        (b"jane@example.com", "<16 bytes>"),
        (["a", ("+31612345678", {"jane@example.com"})], ["a", ["[phone]", ["[email]"]]]),
        ({"jane@example.com": {"api_key": "x", "n": 1}}, {"[email]": {"api_key": "***", "n": 1}}),
        (ValueError("jane@example.com"), "ValueError([email]')"),
        (Secret("x"), "***"),
    ],
)
def test_what_looks_personal_or_secret_is_masked(value: object, shown: object) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize(
    "value",
    ["2026-01-31T12:00:00.000+01:00", "lt-abcdefgh", "1700000000000000", "3 + 4", 1700000000000000, 2.5, "@here"],
)
def test_what_is_neither_is_left_alone(value: object) -> None:
    assert masked(value) == value


@pytest.mark.parametrize(
    "name",
    ["api_key", "X-API-Key", "authorization", "Set-Cookie", "smtp_password", "access_token", "secret", "secret_key"],
)
def test_values_under_a_secrets_name_are_masked(name: str) -> None:
    assert log.Masking()(None, "info", {name: "x", "monkey": "x"}) == {name: "***", "monkey": "x"}


def test_given_secrets_are_masked_wherever_they_appear() -> None:
    assert masked("a(b)c and a(b)cd", Secret("a(b)c"), Secret("a(b)cd"), Secret("")) == "*** and ***"


local = st.from_regex(r"\A[a-z][a-z0-9._+-]{0,15}[a-z0-9]\Z")
text = st.text(st.characters(codec="utf-8", exclude_characters="%+@"), max_size=20)


@given(text, local, st.sampled_from(["example.com", "bücher.example", "a.b-c.nl"]), text)
def test_an_address_is_masked_in_any_text(before: str, name: str, host: str, after: str) -> None:
    assert f"{name}@{host}" not in str(masked(f"{before}{name}@{host}{after}"))


@given(text, st.from_regex(r"\A\+[1-9][0-9]{7,14}\Z"), st.sampled_from(["", " ", ",", "x", '"']))
def test_a_number_is_masked_in_any_text(before: str, number: str, after: str) -> None:
    assert number not in str(masked(f"{before}{number}{after}"))


def test_masking_a_long_text_takes_no_longer_than_its_length() -> None:
    """A quadratic pattern would need minutes for this."""
    assert masked("a" * 500_000) == "a" * 500_000
