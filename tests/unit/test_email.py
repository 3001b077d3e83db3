"""The lookup key of an e-mail address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit.email import LONGEST, email_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (" Jan@Example.COM\n", "jan@example.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("jan", None),
        ("@example.com", None),
        ("jan@", None),
        (" @ ", None),
        ("", None),
        ("a" * LONGEST + "@b", None),
    ],
)
def test_email_key(text: str, key: str | None) -> None:
    assert email_key(text) == key


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    key = email_key(text + "@example.com")
    assert key is None or email_key(f" {key} ") == key
