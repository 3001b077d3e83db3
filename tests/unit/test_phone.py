"""Phone numbers: every way to write one number gives the same E.164."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from leadtrackr.kit.phone import _read, _read_plain, e164, is_country

COUNTRIES = ("NL", "BE", "DE", "FR", "GB", "ES", "IT", "US", "CA", "SE", "CH", "AT", "PL", "DK", "BR", "MX", "AU", "JP")
KINDS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
FULL_WIDTH = str.maketrans("0123456789+()", "０１２３４５６７８９＋（）")


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("0612345678", "NL", "+31612345678"),
        ("0612345678", "nl", "+31612345678"),
        ("06-1234 5678", "NL", "+31612345678"),
        ("(06) 12.34.56.78", "NL", "+31612345678"),
        ("+31 (0)6 12345678", None, "+31612345678"),
        ("＋３１（０）６１２３４５６７８", None, "+31612345678"),
        ("00 31 6 12345678", "US", "+31612345678"),
        ("0031612345678", None, "+31612345678"),
        ("31612345678", "NL", "+31612345678"),
        ("612345678", "NL", "+31612345678"),
        ("tel:+31-6-12345678", None, "+31612345678"),
        ("+34 (0)91 1234567", None, "+34911234567"),
        ("+39 06 698 12345", "NL", "+390669812345"),
        ("0077-22-1234", "JP", "+810077221234"),
    ],
)
def test_ways_to_write_a_number(number: str, country: str | None, expected: str) -> None:
    assert e164(number, country) == expected


@pytest.mark.parametrize(
    ("number", "country"),
    [
        *[("", "NL"), ("call me", "NL"), ("112", "NL"), ("0612345678", None), ("0612345678", "XX"), ("6" * 300, "NL")],
        *[("+", None), ("+0612345678", None), ("00", None), ("253-0000", "US"), ("\ud800", "NL")],
    ],
)
def test_what_is_no_possible_number_is_none(number: str, country: str | None) -> None:
    assert e164(number, country) is None


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", KINDS)
def test_formats_of_one_number_agree(country: str, kind: int) -> None:
    example = phonenumbers.example_number_for_type(country, kind)
    assert example is not None
    expected = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    ways = {
        expected: None,
        international: None,
        international.replace(" ", "."): None,
        "00" + expected[1:]: None,
        "00 " + international[1:]: country,
        international.translate(FULL_WIDTH): None,
        phonenumbers.format_number(example, PhoneNumberFormat.RFC3966): None,
        national: country,
        national.replace(" ", "").replace("-", ""): country,
        f"  {national} ": country,
    }
    assert {way: e164(way, known) for way, known in ways.items()} == dict.fromkeys(ways, expected)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("01394796481", "IL"),
        ("+4602180276", "SE"),
        ("+8607508195454", "CN"),
        ("00309339122", "ID"),
        ("0018922610106", "DE"),
    ],
)
def test_the_quick_way_leaves_the_hard_ones_to_the_library(number: str, country: str) -> None:
    assert _read_plain(number, country) is None


@settings(max_examples=500)
@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from(["0", "+", "00", "+0", ""]),
    st.text("0123456789", max_size=14),
    st.booleans(),
)
def test_the_quick_way_says_what_the_library_says(country: str, start: str, digits: str, own_code: bool) -> None:
    code = str(phonenumbers.country_code_for_region(country)) if own_code else ""
    number = start + code + digits
    quick = _read_plain(number, country)
    assert quick is None or quick == _read(number, country)


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_quick_way_says_what_the_library_says_of_real_numbers(country: str) -> None:
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(country, kind)
        if example is None:
            continue
        national = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL).replace(" ", "").replace("-", "")
        for number in (national, phonenumbers.format_number(example, PhoneNumberFormat.E164)):
            assert _read_plain(number, country) in (None, _read(number, country))


def test_the_quick_way_takes_the_usual_numbers() -> None:
    assert _read_plain("0612345678", "NL") == _read_plain("+31612345678", None) == "+31612345678"


@given(st.text(st.characters()), st.none() | st.sampled_from(COUNTRIES) | st.text(max_size=3))
def test_no_text_raises(number: str, country: str | None) -> None:
    found = e164(number, country)
    assert found is None or (found.startswith("+") and found[1:].isascii() and found[1:].isdecimal())


def test_is_country() -> None:
    assert is_country("NL")
    assert not is_country("nl")
    assert not is_country("XX")
    assert not is_country("")
