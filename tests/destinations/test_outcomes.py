"""Every outcome has its class, its words and its next step, and nothing can happen that has none."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.outcomes import ENGINE, OWN_CODES, Entry, anchor, catalogue, entry
from leadtrackr.conversions.outcomes_page import page
from leadtrackr.destinations.contract import Action, Kind
from leadtrackr.destinations.registry import DESTINATIONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "outcomes.md"
SOURCES = ROOT / "src" / "leadtrackr"

ALL = pytest.mark.parametrize("one", catalogue(), ids=lambda one: f"{one.destination}:{one.code}")
ALLOWED = {
    Kind.ACCEPTED: {Action.DONE},
    Kind.CONFIRMED: {Action.DONE},
    Kind.RETRY: {Action.WAIT, Action.YOU_ACT},
    Kind.UNKNOWN: {Action.WAIT},
    Kind.HOLD: {Action.YOU_ACT, Action.WE_ACT},
    Kind.REJECTED: {Action.DONE, Action.YOU_ACT, Action.WE_ACT},
}
INSTRUCTIONS = (
    "Allow Ask Change Check Choose Connect Copy Enable Enter Give Leave Look "
    "Make Mend Open Put Rate Resume See Send Set Use"
)
TALKING_CODES = {one.code for one in catalogue() if re.search(r"[A-Z]{3}|_|/", one.code)}


@ALL
def test_the_class_fits_what_becomes_of_the_delivery(one: Entry) -> None:
    assert one.action in ALLOWED[one.kind]


@ALL
def test_it_is_a_sentence_for_people(one: Entry) -> None:
    assert re.fullmatch(r"[A-Z“].{12,}\.", one.sentence)
    assert not re.search(r"_|[A-Z]{6}|\bHTTP\b|\bJSON\b|\bnull\b|[{}\[\]]|\b\d{3,}\b", one.sentence), "jargon"


@ALL
def test_no_platform_code_is_in_the_words(one: Entry) -> None:
    words = set(re.findall(r"[\w/*-]+", f"{one.sentence} {one.next_step}"))
    assert not words & TALKING_CODES


@ALL
def test_the_next_step_is_an_instruction_for_you_and_nothing_to_do_else(one: Entry) -> None:
    assert one.next_step.endswith(".")
    first = one.next_step.split()[0]
    if one.action is Action.YOU_ACT:
        assert first in INSTRUCTIONS.split()
        assert len(one.next_step.split()) >= 3
    else:
        assert one.next_step.startswith("Nothing to do")
    if one.action is Action.WE_ACT:
        assert "hoever runs" in one.next_step, "who acts must be said"


def _host(link: str) -> str:
    return link.split("/")[2]


@ALL
def test_the_link_leads_somewhere(one: Entry) -> None:
    if one.link.startswith("https://"):
        assert urlsplit(one.link).hostname in {urlsplit(each.docs_url).hostname for each in DESTINATIONS.values()}
        assert re.fullmatch(r"https://[a-z.-]+/[\w/-]+(\?id=\d+)?", one.link)
    else:
        # That the server has this row: tests/dashboard/test_outcomes.py.
        assert one.link == f"/outcomes#{one.anchor}"


def test_the_catalogue_is_every_table_whole() -> None:
    listed = [(one.destination, one.code) for one in catalogue()]
    assert len(set(listed)) == len(listed)
    tables = {ENGINE: OWN_CODES} | {slug: each.codes for slug, each in DESTINATIONS.items()}
    assert set(listed) == {(name, code) for name, table in tables.items() for code in table}
    names = [anchor(*pair) for pair in listed]
    assert len(set(names)) == len(names)
    assert ENGINE not in DESTINATIONS


def test_the_engines_words_go_before_a_platforms() -> None:
    found = entry("meta", "too_recent")
    assert found is not None
    assert (found.destination, found.action) == (ENGINE, Action.WAIT)
    expired = entry("meta", "190/463")
    assert expired is not None
    assert (expired.destination, expired.action, expired.kind) == ("meta", Action.YOU_ACT, Kind.HOLD)
    assert entry("meta", "BRAND_NEW") is None
    assert entry("myspace", "190") is None
    for own in OWN_CODES:
        for destination in DESTINATIONS.values():
            assert own not in destination.codes, "the platform's own words would never be shown"


CLASSES = [
    ("google_ads", "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", Action.DONE),
    ("google_ads", "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", Action.WAIT),
    ("google_ads", "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID", Action.DONE),
    ("google_ads", "PROCESSING_ERROR_REASON_NO_CONSENT", Action.YOU_ACT),
    ("google_ads", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", Action.YOU_ACT),
    ("google_ads", "INVALID_SHA256_FORMAT", Action.WE_ACT),
    ("google_ads", "RESOURCE_EXHAUSTED", Action.WAIT),
    ("google_ads", "invalid_grant", Action.YOU_ACT),
    ("ga4", "ok", Action.DONE),
    ("ga4", "NAME_RESERVED", Action.YOU_ACT),
    ("meta", "100/2804003", Action.YOU_ACT),
    ("meta", "4", Action.WAIT),
    ("meta", "unexpected", Action.WE_ACT),
    ("leadtrackr", "consent_denied", Action.DONE),
    ("leadtrackr", "unreadable_secrets", Action.WE_ACT),
]


@pytest.mark.parametrize(("destination", "code", "action"), CLASSES)
def test_classes(destination: str, code: str, action: Action) -> None:
    (found,) = [one for one in catalogue() if (one.destination, one.code) == (destination, code)]
    assert found.action is action


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page() + "\n", (
        "run: python -m leadtrackr.conversions.outcomes_page > docs/reference/outcomes.md"
    )


def test_every_row_is_on_the_page_in_words() -> None:
    lines = PAGE.read_text().splitlines()
    for one in catalogue():
        (line,) = [line for line in lines if f'<a id="{anchor(one.destination, one.code)}"></a>' in line]
        for cell in (f"`{one.code}`", f"`{one.action}`", f"`{one.kind}`", one.sentence, one.next_step):
            assert f" {cell} |" in line or f">{cell} |" in line


def _outcomes_made(path: Path) -> Iterator[tuple[int, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outcome":
            yield node.lineno, node


def test_destinations_make_outcomes_from_their_tables_alone() -> None:
    """`http_common.outcome` looks the code up, so a code without a row cannot leave a destination."""
    found = [
        path.name
        for path in sorted((SOURCES / "destinations").rglob("*.py"))
        for _ in _outcomes_made(path)
        if path.name != "http_common.py"
    ]
    assert found == []
    assert len(list(_outcomes_made(SOURCES / "destinations" / "http_common.py"))) == 1


def _literal_codes(path: Path) -> Iterator[str]:
    for line, call in _outcomes_made(path):
        codes = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        assert len(codes) == 1, f"{path.name}:{line} makes an outcome without naming its code"
        if isinstance(codes[0], ast.Constant):
            yield str(codes[0].value)


def test_the_engine_says_nothing_without_a_row() -> None:
    literal = {code for path in (SOURCES / "conversions").rglob("*.py") for code in _literal_codes(path)}
    assert {"timeout", "network", "bad_credentials"} <= literal
    for code in literal:
        for slug in DESTINATIONS:
            assert entry(slug, code) is not None, code
    constants = {
        value
        for name, value in vars(outcomes).items()
        if name.isupper() and isinstance(value, str) and name not in ("ENGINE", "PAGE")
    }
    assert constants <= set(OWN_CODES)
    assert len(constants) >= 12
