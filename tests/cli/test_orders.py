"""`leadtrackr conversions list`, `retry` and `cancel`: which deliveries an order takes, on both databases."""

import json
from typing import Any

import pytest

from .conftest import Environment, Run, Started, call, data, url_of


@pytest.fixture
def project(run: Run, on: Environment, started: Started) -> str:
    """A project with two rated leads whose deliveries wait to be sent, to two platforms each."""
    new = data(run(on, "project", "create", "My site", "--json"))
    number = str(new["projectId"])
    run(on, "connect", number, "ga4", "measurement_id=G-AB12CD34EF", "api_secret=hush")
    run(on, "connect", number, "meta", "dataset_id=1234567890123456", "access_token=hush")
    events = ("--event", "ga4=qualify_lead", "--event", "meta=Lead")
    label = data(run(on, "label", "create", number, "Qualified", *events, "--json"))["conversionId"]
    with started(on, "serve", "--port", "0", "--no-worker", until='"listening"') as server:
        base, key = f"{url_of(server)}/api/leads", {"X-API-Key": str(new["apiKey"])}
        for name in ("jan", "piet"):
            lead = {"userData": {"email": f"{name}@example.com"}, "attributionData": {"cid": "1.2", "fbp": "fb.1.2.3"}}
            made = call("POST", f"{base}/createLead", lead | {"projectId": number}, {})[1]
            assert (
                call("POST", f"{base}/updateLeadStatus", {"leadId": made["leadId"], "conversionId": label}, key)[0]
                == 201
            )
    return number


def listed(run: Run, on: Environment, project: str, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(run(on, "conversions", "list", project, *args, "--json"))["deliveries"]
    return found


def test_the_list_takes_the_filters_of_the_api(run: Run, on: Environment, project: str) -> None:
    everything = listed(run, on, project)
    lead_id, made = str(everything[0]["leadId"]), everything[0]["createdAt"]
    assert len(everything) == 4
    for args, count in (
        (("--lead", lead_id), 2),
        (("--lead", lead_id, "--destination", "meta"), 1),
        (("--state", "queued", "--state", "held"), 4),
        (("--state", "held", "--state", "rejected"), 0),
        (("--code", "190"), 0),
        (("--since", made), sum(one["createdAt"] >= made for one in everything)),
        (("--until", made), 4),
        (("--since", "2100-01-01"), 0),
        (("--limit", "3"), 3),
    ):
        assert len(listed(run, on, project, *args)) == count, args
    wrong = run(on, "conversions", "list", project, "--since", "yesterday")
    assert (wrong.exit_code, wrong.stderr.strip()) == (
        1,
        "Error: Invalid parameter: --since must be an ISO 8601 date or time",
    )


def test_cancel_says_first_what_it_would_stop_and_retry_undoes_it(run: Run, on: Environment, project: str) -> None:
    nothing = run(on, "conversions", "cancel", project)
    assert (nothing.exit_code, "Say which" in nothing.stderr) == (1, True)
    lead_id = str(listed(run, on, project)[0]["leadId"])
    args = ("conversions", "cancel", project, "--lead", lead_id)
    plan = data(run(on, *args, "--plan", "--json"))
    assert (plan["cancelled"], len(plan["ids"]), plan["left"], plan["more"]) == (0, 2, [], False)
    assert "2 would be stopped." in run(on, *args, "--plan").stdout
    assert {one["state"] for one in listed(run, on, project)} == {"queued"}
    done = data(run(on, *args, "--json"))
    assert (done["cancelled"], done["ids"]) == (2, plan["ids"])
    assert sorted(one["id"] for one in listed(run, on, project, "--state", "cancelled")) == plan["ids"]
    back = ("conversions", "retry", project, "--lead", lead_id, "--code", "cancelled", "--destination", "meta", "--yes")
    assert data(run(on, *back, "--json"))["toSend"] == {"meta": 1}
    assert [one["destination"] for one in listed(run, on, project, "--state", "waiting")] == ["meta"]
    assert "hush" not in json.dumps(listed(run, on, project))
