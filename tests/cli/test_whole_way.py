"""The tutorial, command for command: from nothing to a conversion on a platform, on both databases."""

import re
from typing import Any

import pytest

from .conftest import Environment, Run, Started, call, data, until, url_of

LEAD = {
    "projectId": "1",
    "formData": {"formName": "Contact"},
    "userData": {"firstName": "Jan", "lastName": "de Vries", "email": "jan@example.com", "phone": "06 12345678"},
    "attributionData": {"fbp": "fb.1.1700000000000.123456789", "conversionPage": "www.example.com/contact"},
    "uniqueIdentifier": "crm-1",
}


@pytest.fixture
def settings(on: Environment, sandbox_url: str) -> Environment:
    """Everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url, "LEADTRACKR_POLL_SECONDS": "0.1"}


def _rated(run: Run, settings: Environment, started: Started, price: int | None) -> tuple[str, list[dict[str, Any]]]:
    """Follows the tutorial; the project's id and its settled deliveries, oldest first."""
    made = data(run(settings, "project", "create", "My site", "--json"))
    project = str(made["projectId"])
    run(settings, "connect", project, "meta", "dataset_id=1234567890123456", "access_token=sandbox-token")
    run(settings, "label", "create", project, "Qualified", "--event", "meta=QualifiedLead")
    path = ("--done", "--after", "Qualified", "--event", "meta=Purchase")
    deal = data(run(settings, "label", "create", project, "Deal signed", *path, "--json"))
    with started(settings, "serve", "--port", "0", until='"listening"') as server:
        url, headers = url_of(server), {"Content-Type": "application/json", "X-API-Key": made["apiKey"]}
        assert call("POST", f"{url}/api/leads/createLead", LEAD | {"projectId": project}, headers)[0] == 201
        rating = {"uniqueIdentifier": "crm-1", "conversionId": deal["conversionId"], "price": price}
        assert call("POST", f"{url}/api/leads/updateLeadStatus", rating, headers)[0] == 201

        def settled() -> list[dict[str, Any]] | None:
            found = data(run(settings, "conversions", "list", project, "--json"))["deliveries"]
            return found if all(one["settledAt"] for one in found) else None

        return project, list(reversed(until(settled)))


def test_from_nothing_to_a_conversion(run: Run, settings: Environment, started: Started, sandbox_url: str) -> None:
    project, (first, second) = _rated(run, settings, started, 125_000)
    assert [(one["label"], one["action"], one["state"]) for one in (first, second)] == [
        ("Qualified", "QualifiedLead", "accepted"),
        ("Deal signed", "Purchase", "accepted"),
    ]
    assert (second["valueCents"], second["currency"]) == (125_000, "EUR")
    calls = call("GET", f"{sandbox_url}/_sandbox/ledger?destination=meta")[1]["calls"]
    assert [event["key"] for one in calls for event in one["accepted"]] == [first["eventId"], second["eventId"]]
    shown = data(run(settings, "conversions", "show", project, str(second["id"]), "--json"))
    assert shown["delivery"] == second
    (attempt,) = shown["attempts"]
    assert (attempt["outcome"], attempt["httpStatus"], attempt["number"]) == ("accepted", 200, 1)
    assert second["eventId"] in attempt["request"]
    assert "jan@example.com" not in run(settings, "conversions", "show", project, str(second["id"])).stdout
    text = run(settings, "conversions", "show", project, str(second["id"])).stdout
    assert all(words in text for words in ("1250.00 EUR", "HTTP 200", "Attempt 1", "Meta took the conversion"))


def test_a_refusal_is_told_with_its_next_step(run: Run, settings: Environment, started: Started) -> None:
    project, (_, second) = _rated(run, settings, started, None)
    assert (second["state"], second["code"]) == ("rejected", "100/2804009")
    assert second["sentence"].startswith("Meta takes a Purchase only with a value")
    assert second["nextStep"].startswith("Send the price with the rating")
    listed = run(settings, "conversions", "list", project, "--state", "rejected").stdout
    assert "Meta takes a Purchase only with a value" in listed
    text = run(settings, "conversions", "show", project, str(second["id"])).stdout
    assert "Send the price" in text
    assert second["link"]
    assert len(re.findall(rf"^ *More +{re.escape(second['link'])}$", text, re.MULTILINE)) == 2, "of it and its attempt"
    for args, count in {
        ("--state", "accepted"): 1,
        ("--state", "waiting"): 0,
        ("--destination", "meta"): 2,
        ("--destination", "ga4"): 0,
        ("--lead", str(second["leadId"])): 2,
        ("--lead", str(10**30)): 0,
        ("--limit", "1"): 1,
    }.items():
        found = data(run(settings, "conversions", "list", project, *args, "--json"))["deliveries"]
        assert len(found) == count, args
    assert "There is no such delivery." in run(settings, "conversions", "list", project, "--state", "held").stdout


def test_a_delivery_of_another_project_is_not_shown(run: Run, settings: Environment, started: Started) -> None:
    project, (first, _) = _rated(run, settings, started, 1)
    other = str(data(run(settings, "project", "create", "Other", "--json"))["projectId"])
    result = run(settings, "conversions", "show", other, str(first["id"]))
    assert result.stderr.strip() == f"Error: This project has no delivery {first['id']}."
    assert run(settings, "conversions", "show", project, str(10**30)).exit_code == 1
    assert run(settings, "conversions", "show", project, str(first["id"])).exit_code == 0
