"""What is kept of a request: its form, and no secret."""

import pytest

from leadtrackr.conversions.masking import head, masked_body, read_head
from leadtrackr.destinations.contract import Request


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(service="x", url="https://x.example/?key=hush", headers=named)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", "Bearer hush", "Bearer ***"),
        ("Authorization", "basic aHVzaA==", "basic ***"),
        ("Authorization", "hush", "***"),
        ("Authorization", "AWS4 Credential=hush", "***"),
        ("DeveloperToken", "hush", "***"),
        ("X_Anything_New", "hush", "***"),
        ("X_Anything_New", "bearer", "***"),
        ("webhook_signature", "v1,hush", "***"),
        ("Content_Type", "application/json", "application/json"),
        ("LinkedIn_Version", "202601", "202601"),
    ],
)
def test_every_header_is_named_and_only_known_harmless_values_are_kept(name: str, value: str, kept: str) -> None:
    text = head(request(**{name: value}))
    assert read_head(text) == ("POST", {name.replace("_", "-").lower(): kept})
    assert "hush" not in text


def test_what_sent_nothing_has_no_head() -> None:
    assert read_head("") == ("", {})


def test_plain_values_under_the_keys_are_masked_wherever_they_stand() -> None:
    mask = masked_body(("ip", "agent"))
    assert mask('{"ip":"1.2.3.4","in":{"agent": "Fox \\"5\\"","em":"abc"}}') == (
        '{"ip":"***","in":{"agent":"***","em":"abc"}}'
    )
    assert masked_body(())('{"ip":"1"}') == '{"ip":"1"}'
