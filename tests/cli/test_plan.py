"""`leadtrackr conversions plan`: what a rating would send, and what the platforms say to it, on both databases."""

import json
from typing import Any

import pytest

from .conftest import Environment, Run, Started, call, data, url_of

LEAD = {
    "userData": {"firstName": "Jan", "lastName": "de Vries", "email": "jan@example.com"},
    "attributionData": {"cid": "111.222", "fbp": "fb.1.1700000000000.123456789"},
    "uniqueIdentifier": "crm-1",
}


@pytest.fixture
def settings(on: Environment, sandbox_url: str) -> Environment:
    """Everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url}


@pytest.fixture
def made(run: Run, settings: Environment, started: Started) -> tuple[str, str]:
    """A project with a lead and three platforms; its id and a label's conversionId."""
    new = data(run(settings, "project", "create", "My site", "--json"))
    project = str(new["projectId"])
    google = ("operating_account=1234567890", "client_id=c", "client_secret=hush", "refresh_token=hush")
    run(settings, "connect", project, "google_ads", *google)
    run(settings, "connect", project, "ga4", "measurement_id=G-AB12CD34EF", "api_secret=hush")
    run(settings, "connect", project, "meta", "dataset_id=1234567890123456", "access_token=hush")
    events = ("--event", "google_ads=987654321", "--event", "ga4=qualify_lead", "--event", "meta=Lead")
    label = data(run(settings, "label", "create", project, "Qualified", *events, "--json"))
    with started(settings, "serve", "--port", "0", "--no-worker", until='"listening"') as server:
        post = call("POST", f"{url_of(server)}/api/leads/createLead", LEAD | {"projectId": project}, {})
        assert post[0] == 201
    return project, str(label["conversionId"])


def ledger(sandbox_url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", f"{sandbox_url}/_sandbox/ledger")[1]["calls"]
    return found


def test_it_shows_what_would_be_sent_and_asks_nobody(
    run: Run, settings: Environment, made: tuple[str, str], sandbox_url: str
) -> None:
    project, label = made
    seen = ledger(sandbox_url)
    found = data(
        run(settings, "conversions", "plan", project, "--email", "JAN@example.com", "--label", label, "--json")
    )
    by = {one["destination"]: one for one in found["deliveries"]}
    assert {slug: one["state"] for slug, one in by.items()} == {
        "google_ads": "skipped",
        "ga4": "queued",
        "meta": "queued",
    }
    assert by["meta"]["request"]["url"] == f"{sandbox_url}/meta/v25.0/1234567890123456/events"
    assert json.loads(by["ga4"]["request"]["body"])["client_id"] == "111.222"
    assert "validations" not in found
    text = run(settings, "conversions", "plan", project, "--identifier", "crm-1", "--label", label).stdout
    assert all(words in text for words in ("It would be sent at once.", "Bearer ***", "gclid", "Google Ads"))
    assert "hush" not in text + json.dumps(found)
    assert ledger(sandbox_url) == seen
    assert data(run(settings, "conversions", "list", project, "--json")) == {"deliveries": []}


def test_validate_asks_who_can_be_asked_and_nothing_counts(
    run: Run, settings: Environment, made: tuple[str, str], sandbox_url: str
) -> None:
    project, label = made
    before = len(ledger(sandbox_url))
    args = ("conversions", "plan", project, "--lead", "1", "--label", label, "--price", "5000", "--validate")
    found = data(run(settings, *args, "--json"))
    said = {one["destination"]: one for one in found["validations"]}
    assert {slug: (one["asked"], one["right"]) for slug, one in said.items()} == {
        "google_ads": (False, None),
        "ga4": (True, True),
        "meta": (False, None),
    }
    assert "without counting" in said["meta"]["sentence"]
    (asked,) = ledger(sandbox_url)[before:]
    assert (asked["path"], asked["validation"], asked["accepted"]) == ("/debug/mp/collect", True, [])
    assert "finds the form of the request right" in run(settings, *args).stdout
    assert data(run(settings, "conversions", "list", project, "--json")) == {"deliveries": []}


def test_what_cannot_be_planned_is_one_sentence(run: Run, settings: Environment, made: tuple[str, str]) -> None:
    project, label = made
    for args, words in {
        ("--lead", "99", "--label", label): "Lead not found",
        ("--label", label): "one of leadId",
        ("--lead", "1", "--label", "nonsense"): "no such conversion label",
    }.items():
        result = run(settings, "conversions", "plan", project, *args)
        assert (result.exit_code, words in result.stderr) == (1, True), result.stderr
    opened = run(settings, "conversions", "plan", project, "--lead", "1", "--label", "open")
    assert "Nothing would be sent" in opened.stdout


def test_open_is_told_with_what_it_would_stop(run: Run, settings: Environment, started: Started) -> None:
    new = data(run(settings, "project", "create", "My site", "--json"))
    project = str(new["projectId"])
    run(settings, "connect", project, "meta", "dataset_id=1234567890123456", "access_token=hush")
    made = ("Sold", "--event", "meta=Purchase", "--take-back", "--json")
    label = data(run(settings, "label", "create", project, *made))["conversionId"]
    key = {"X-API-Key": str(new["apiKey"])}
    with started(settings, "serve", "--port", "0", "--no-worker", until='"listening"') as server:
        assert call("POST", f"{url_of(server)}/api/leads/createLead", LEAD | {"projectId": project}, {})[0] == 201
        rating = {"leadId": 1, "conversionId": label}
        assert call("POST", f"{url_of(server)}/api/leads/updateLeadStatus", rating, key)[0] == 201
    args = ("conversions", "plan", project, "--lead", "1", "--label", "open")
    found = data(run(settings, *args, "--json"))
    (stopped,) = found["cancels"]
    assert (stopped["destination"], stopped["code"], found["deliveries"]) == ("meta", "taken_back", [])
    text = run(settings, *args).stdout
    for words in ("pending job", "Nothing would be sent. Not sent any more: Sold on Meta.", stopped["sentence"]):
        assert words in text
    assert f"cancelled, delivery {stopped['id']}" in text
    asked = run(settings, "conversions", "will-count", project, "--lead", "1", "--label", "open").stdout
    assert "Not sent any more: Sold on Meta." in asked


def test_it_says_before_the_rating_what_would_count(
    run: Run, settings: Environment, made: tuple[str, str], sandbox_url: str
) -> None:
    project, label = made
    seen = ledger(sandbox_url)
    args = ("conversions", "will-count", project, "--email", "JAN@example.com")
    found = data(run(settings, *args, "--label", label, "--json"))
    (of_label,) = found["labels"]
    by = {one["destination"]: one for one in of_label["platforms"]}
    assert {slug: one["answer"] for slug, one in by.items()} == {"google_ads": "no", "ga4": "yes", "meta": "yes"}
    text = run(settings, *args, "--label", label).stdout
    assert "Qualified: Counts on Google Analytics 4, Meta. Does not count on Google Ads." in text
    assert all(words in text for words in ("gclid: The lead has no Google click id", "no end known", "What to do"))
    whole = run(settings, *args).stdout
    assert "Lost: The label has no event on Google Ads, Google Analytics 4, Meta." in whole
    assert "The lead has no Google click id" in whole, "of several labels each row says what is missing"
    assert "Nothing would be sent" in run(settings, *args, "--label", "open").stdout
    assert ledger(sandbox_url) == seen, "no platform is asked"
    assert data(run(settings, "conversions", "list", project, "--json")) == {"deliveries": []}
    for wrong, words in ((("--lead", "99"), "Lead not found"), ((), "one of leadId")):
        result = run(settings, "conversions", "will-count", project, *wrong)
        assert (result.exit_code, words in result.stderr) == (1, True), result.stderr
