"""Which addresses a person may have things sent to; what a name resolves to is the HTTP client's affair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit.addresses import fault_of_target, is_public

GOOD = [
    "https://hooks.example.com",
    "https://hooks.example.com/leads?of=site",
    "https://hooks.example.com:8443/a/b",
    "https://HOOKS.Example.COM/x",
    "https://xn--bcher-kva.example/",
    "https://hooks.example.com./x",
    "https://8.8.8.8/x",
    "https://[2606:4700::1111]/x",
    "https://localhost.example.com/",
    "https://a_b.example.com/",
]


@pytest.mark.parametrize("url", GOOD)
def test_public_addresses_are_fine(url: str) -> None:
    assert fault_of_target(url) == ""


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "app.localhost", "printer.local", "vault.internal", "nas.lan"),
        *("router.home.arpa", "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a00:1]"),  # noqa: S104 - an address to refuse, not to bind
    ],
)
def test_private_hosts_are_refused(host: str) -> None:
    assert "private" in fault_of_target(f"https://{host}/x")
    assert "private" in fault_of_target(f"https://{host}:8443/x")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "intern"])
def test_hosts_that_are_no_whole_name_are_refused(host: str) -> None:
    assert "whole name" in fault_of_target(f"https://{host}/x")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.com/", "https://"),
        ("HTTP://hooks.example.com/", "https://"),
        ("ftp://hooks.example.com/", "https://"),
        ("hooks.example.com/leads", "https://"),
        ("https:///x", "with a host"),
        ("https://user:hush@hooks.example.com/", "without a user"),
        ("https://hooks.example.com@127.0.0.1/", "without a user"),
        ("https://hooks.example.com/#x", "behind #"),
        ("https://hooks.example.com\\@127.0.0.1/", "visible ASCII"),
        ("https://hooks.example.com/a b", "visible ASCII"),
        ("https://hooks.example.com/\n", "visible ASCII"),
        ("https://bücher.example/", "visible ASCII"),
        ("https://hooks.example.com:99999/", "whole address"),
        ("https://[hooks/", "whole address"),
        ("", "visible ASCII"),
    ],
)
def test_other_addresses_are_refused_with_what_is_wrong(url: str, words: str) -> None:
    fault = fault_of_target(url)
    assert words in fault
    assert "hush" not in fault


@given(st.ip_addresses())
def test_every_literal_address_is_judged_as_when_it_is_connected_to(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    assert (fault_of_target(f"https://{host}/") == "") == is_public(str(address))


@given(st.text(max_size=30))
def test_any_text_gets_a_sentence_or_none(text: str) -> None:
    for url in (text, f"https://{text}"):
        fault = fault_of_target(url)
        assert not fault or fault.endswith(".")
