"""Digests per platform. The vectors are those printed in the platforms' documents, or follow their rules by hand."""

import pytest

from leadtrackr.destinations.registry import RULES
from tests.destinations.making import sha

ALEXZ = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"
GOOGLE, GA4, META = RULES["google_ads"], RULES["ga4"], RULES["meta"]
DIGEST = "0123456789abcdef" * 4


def test_vectors_of_google() -> None:
    assert GOOGLE.email("alexz@example.com") == ALEXZ
    assert GOOGLE.phone("+18005550100") == "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"


def test_vectors_of_meta() -> None:
    assert META.email("John_Smith@gmail.com") == "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert META.phone("+16505551212") == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert META.name("Mary") == "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"
    assert META.name("정") == "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"
    assert META.name("Valéry") == "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"
    assert META.country("US") == "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"


def test_vectors_of_both_phone_forms() -> None:
    with_plus = "e631c2534428c6c9b48c2167604a8983046085e43a2c00ed748733c544c0bb4d"
    assert GOOGLE.phone("+442071838750") == GA4.phone("+442071838750") == with_plus
    assert META.phone("+442071838750") == "8d5f937f3a5590634cbe975951a6aa1543170671ce6e73cce4062f4e8c288417"


@pytest.mark.parametrize(
    ("email", "google", "ga4", "meta"),
    [
        (
            "cloudy.sanfrancisco+shopping@gmail.com",
            "cloudysanfrancisco@gmail.com",
            "cloudysanfrancisco+shopping@gmail.com",
            "cloudy.sanfrancisco+shopping@gmail.com",
        ),
        (
            "j.doe+x@googlemail.com",
            "jdoe@googlemail.com",
            "jdoe+x@googlemail.com",
            "j.doe+x@googlemail.com",
        ),
        ("user.name+NYC@Example.com", *["user.name+nyc@example.com"] * 3),
        (" Test@Example.com ", *["test@example.com"] * 3),
        ("j.d@gmail.com.example.org", *["j.d@gmail.com.example.org"] * 3),
        ("j.d@notgmail.com", *["j.d@notgmail.com"] * 3),
        ("jörg.müller@example.de", *["jörg.müller@example.de"] * 3),
    ],
)
def test_email_rules(email: str, google: str, ga4: str, meta: str) -> None:
    assert GOOGLE.email(email) == sha(google)
    assert GA4.email(email) == sha(ga4)
    assert META.email(email) == sha(meta)


def test_whitespace_inside_goes_for_google_alone() -> None:
    assert GOOGLE.email("alexz @example.com") == ALEXZ


def test_digests_pass_where_the_platform_says_so() -> None:
    assert GOOGLE.email(DIGEST.upper()) == DIGEST
    assert META.email(DIGEST) == DIGEST
    assert GA4.email(DIGEST) == sha(DIGEST)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("  Erika ", "erika"),
        ("O'Brien", "obrien"),
        ("Müller-Lüdenscheidt", "müllerlüdenscheidt"),
        ("van der Berg", "van der berg"),
        ("J.", "j"),
        ("山田", "山田"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_names_for_meta(name: str, text: str) -> None:
    assert META.name(name) == sha(text)


@pytest.mark.parametrize("name", ["", "  ", "-", "...", "'"])
def test_no_name_is_left(name: str) -> None:
    assert META.name(name) is None


@pytest.mark.parametrize("phone", ["+493012345678", "+31201234567", "+442071838750", "+12125550123", "+81312345678"])
def test_phones_of_five_countries(phone: str) -> None:
    assert GOOGLE.phone(phone) == GA4.phone(phone) == sha(phone)
    assert META.phone(phone) == sha(phone[1:])
