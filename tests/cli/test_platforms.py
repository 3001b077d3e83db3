"""One rating on its way to several platforms at once, from the command line to the sandbox, on both databases."""

import json
from typing import Any, Final

import pytest

from .conftest import Environment, Run, Started, call, data, until, url_of

PLATFORMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "tiktok": ("Lead", ("event_source_id=C4A1B2C3D4", "access_token=hush-t")),
    "pinterest": ("lead", ("ad_account_id=549755885175", "access_token=hush-p")),
    "snapchat": ("SIGN_UP", ("pixel_id=1ec32188-754e-4be2", "access_token=hush-s")),
    "x": (
        "tw-o8z6j-o87ne",
        (
            *("pixel_id=o8z6j", "consumer_key=hush-k", "consumer_secret=secret-of-hush-k"),
            *("access_token=hush-a", "access_token_secret=secret-of-hush-a"),
        ),
    ),
}
LEAD: Final = {
    "userData": {"firstName": "Jan", "lastName": "de Vries", "email": "jan@example.com", "phone": "06 12345678"},
    "attributionData": {
        "ttclid": "E.C.P.AbC",
        "epik": "dj0yAbC",
        "scclid": "ScCid-1",
        "twclid": "23opAbC",
        "conversionPage": "www.example.com/contact",
    },
    "uniqueIdentifier": "crm-1",
}


@pytest.fixture
def settings(on: Environment, sandbox_url: str) -> Environment:
    """Everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url, "LEADTRACKR_POLL_SECONDS": "0.1"}


def test_one_rating_reaches_every_platform(run: Run, settings: Environment, started: Started, sandbox_url: str) -> None:
    made = data(run(settings, "project", "create", "My site", "--json"))
    project = str(made["projectId"])
    for slug, (_, values) in PLATFORMS.items():
        run(settings, "connect", project, slug, *values)
    events = [word for slug, (event, _) in PLATFORMS.items() for word in ("--event", f"{slug}={event}")]
    label = data(run(settings, "label", "create", project, "Qualified", *events, "--json"))
    with started(settings, "serve", "--port", "0", until='"listening"') as server:
        url, headers = url_of(server), {"Content-Type": "application/json", "X-API-Key": made["apiKey"]}
        assert call("POST", f"{url}/api/leads/createLead", LEAD | {"projectId": project}, headers)[0] == 201
        rating = {"uniqueIdentifier": "crm-1", "conversionId": label["conversionId"], "price": 12_345}
        status, answer = call("POST", f"{url}/api/leads/updateLeadStatus", rating, headers)
        assert status == 201, answer

        def settled() -> list[dict[str, Any]] | None:
            found = data(run(settings, "conversions", "list", project, "--json"))["deliveries"]
            return found if all(one["settledAt"] for one in found) else None

        deliveries = {one["destination"]: one for one in until(settled)}
    assert {slug: (one["state"], one["code"]) for slug, one in deliveries.items()} == dict.fromkeys(
        PLATFORMS, ("accepted", "ok")
    )
    for slug, one in deliveries.items():
        (sent,) = call("GET", f"{sandbox_url}/_sandbox/ledger?destination={slug}")[1]["calls"]
        ((taken,), flags) = sent["accepted"], sent["flags"]
        assert (taken["key"], taken["value"], taken["currency"], flags) == (one["eventId"], 123.45, "EUR", [])
        shown = json.dumps(data(run(settings, "conversions", "show", project, str(one["id"]), "--json")))
        assert not [word for word in ("hush", "jan@example.com", "12345678") if word in shown]
