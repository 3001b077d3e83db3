"""OAuth 1.0a signatures: the examples printed in RFC 5849 and in X's documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.x.oauth1 import Keys, authorization, base_string, encoded, signature
from leadtrackr.sandbox.contract import Call
from leadtrackr.sandbox.x.signature import BadSignatureError, verify

NOBODY = Keys("", "", "", "")
X_PARAMS = [
    ("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),
    ("oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog"),
    ("oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
    ("oauth_signature_method", "HMAC-SHA1"),
    ("oauth_timestamp", "1318622958"),
    ("oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
    ("oauth_version", "1.0"),
]
X_KEYS = Keys(
    "xvz1evFS4wEEPTGEFPHBog",
    "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
    "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
)


def test_the_base_string_of_the_rfc() -> None:
    """Section 3.4.1.1: repeated, empty and escaped parameters, a form, and an address in other capitals."""
    form = [("c2", ""), ("a3", "2 q")]
    oauth = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ]
    assert base_string("post", "http://EXAMPLE.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", [*oauth, *form]) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26"
        "c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
        "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_the_signature_of_the_rfc() -> None:
    """Section 1.2, the request for the photo."""
    oauth = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]
    base = base_string("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", oauth)
    keys = Keys("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")
    assert signature(base, keys) == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


@pytest.mark.parametrize(
    ("version", "printed"), [("1", "tnnArxj06cWHq44gCs1OSKk/jLY="), ("1.1", "hCtSmYh+iHYCEqBWrE7C7hYmtUk=")]
)
def test_the_signature_that_x_prints(version: str, printed: str) -> None:
    url = f"https://api.twitter.com/{version}/statuses/update.json?include_entities=true"
    assert signature(base_string("POST", url, X_PARAMS), X_KEYS) == printed


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Ladies + Gentlemen", "Ladies%20%2B%20Gentlemen"),
        ("An encoded string!", "An%20encoded%20string%21"),
        ("Dogs, Cats & Mice", "Dogs%2C%20Cats%20%26%20Mice"),
        ("☃", "%E2%98%83"),
        ("-._~/", "-._~%2F"),
    ],
)
def test_percent_encoding_as_x_prints_it(text: str, escaped: str) -> None:
    assert encoded(text) == escaped


def test_the_header() -> None:
    found = authorization("POST", "https://ads-api.x.com/12/measurement/conversions/o8z6j", X_KEYS, 1318622958, "n+1")
    assert found.startswith('OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", oauth_nonce="n%2B1", oauth_signature="')
    assert found.endswith(f'oauth_timestamp="1318622958", oauth_token="{X_KEYS.token}", oauth_version="1.0"')
    assert X_KEYS.consumer_secret not in found
    assert X_KEYS.token_secret not in found


keys = st.text(min_size=1, max_size=12)


@given(keys=st.builds(Keys, keys, keys, keys, keys), nonce=keys, value=st.text(max_size=8), other=st.text(max_size=8))
def test_what_we_sign_another_program_verifies(keys: Keys, nonce: str, value: str, other: str) -> None:
    """The sandbox's own code, whatever letters are in keys and parameters; and nothing else is verified."""
    secrets = {keys.consumer_key: keys.consumer_secret, keys.token: keys.token_secret}
    url = f"https://ads-api.x.com/12/accounts?q={encoded(value)}"
    header = authorization(
        "GET",
        url,
        Keys(keys.consumer_key, secrets[keys.consumer_key], keys.token, secrets[keys.token]),
        1_795_435_200,
        nonce,
    )

    def check(query: str, method: str = "GET") -> str:
        headers = {"authorization": header}
        call = Call(method, "/12/accounts", {"q": query}, headers, b"{}", 1_795_435_200_000_000)
        return verify(call, ["ads-api.x.com"], secrets.get, 300).nonce

    assert check(value) == nonce
    with pytest.raises(BadSignatureError):
        check(value, "POST")
    if other != value:
        with pytest.raises(BadSignatureError):
            check(other)
