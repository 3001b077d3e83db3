"""Amounts and digests, by ISO 4217 and FIPS 180-4."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit.hashing import is_sha256_hex, sha256_hex
from leadtrackr.kit.money import is_currency, to_units

CASES = [
    (5000, "EUR", "50.00"),
    (5000, "JPY", "5000"),
    (5000, "KWD", "5.000"),
    (1999, "USD", "19.99"),
    (1, "GBP", "0.01"),
    (0, "EUR", "0.00"),
    (12345, "CLF", "1.2345"),
    (7, "KRW", "7"),
    (10**17 + 1, "EUR", "1000000000000000.01"),
]


@pytest.mark.parametrize(("cents", "currency", "text"), CASES)
def test_amounts_by_iso_4217(cents: int, currency: str, text: str) -> None:
    assert str(to_units(cents, currency)) == text
    assert msgspec.json.Encoder(decimal_format="number").encode(to_units(cents, currency)) == text.encode()


@given(st.integers(0, 10**18), st.sampled_from(["EUR", "JPY", "KWD", "USD", "CLF"]))
def test_nothing_is_lost_in_either_direction(cents: int, currency: str) -> None:
    units = to_units(cents, currency)
    assert units.scaleb({"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2, "CLF": 4}[currency]) == Decimal(cents)


@pytest.mark.parametrize("code", ["", "eur", "XAU", "XXX", "ABC", "EURO", " EUR"])
def test_other_codes_are_no_currency(code: str) -> None:
    assert not is_currency(code)
    with pytest.raises(ValueError, match="no ISO 4217 currency code"):
        to_units(100, code)


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD", "USD", "GBP", "CHF", "SEK"])
def test_currencies(code: str) -> None:
    assert is_currency(code)


def test_digests() -> None:
    assert sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert is_sha256_hex(sha256_hex("abc"))
    assert is_sha256_hex(sha256_hex("abc").upper())
    assert not is_sha256_hex("g" * 64)
    assert not is_sha256_hex("a" * 63)
