"""The knobs over HTTP."""

from typing import Any

import pytest

from leadtrackr.destinations.registry import DESTINATIONS

from .client import NOW, SECOND, Capi, Client


def test_settings_are_merged_shown_and_set_back(sandbox: Client) -> None:
    before = sandbox.call("GET", "/_sandbox/settings").json
    sandbox.set("google_ads", max_age_days=10, no_access=["1"])
    sandbox.set("google_ads", processing_s=0)
    changed = sandbox.call("GET", "/_sandbox/settings").json
    assert changed == {
        **before,
        "google_ads": {**before["google_ads"], "max_age_days": 10, "no_access": ["1"], "processing_s": 0},
    }
    assert sandbox.call("DELETE", "/_sandbox/settings").status == 204
    assert sandbox.call("GET", "/_sandbox/settings").json == before


def test_every_platform_has_settings(sandbox: Client) -> None:
    signing_in = {"google_oauth", "microsoft_oauth", "linkedin_oauth"}
    beside = {*signing_in, "microsoft_customers", "google_ads_api", "google_analytics_admin", "sandbox"}
    assert set(sandbox.call("GET", "/_sandbox/settings").json) == {*DESTINATIONS, *beside}


def test_the_clock_can_be_moved(capi: Capi) -> None:
    future = capi.event(event_time=NOW // SECOND + 86_400)
    assert capi.send(future).status == 400
    capi.client.set("sandbox", clock_offset_s=86_400)
    assert capi.send(future).status == 200
    assert capi.client.last("meta")["at"] == NOW + 86_400 * SECOND


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"facebook": {}}, "facebook"),
        ({"meta": {"max_age": 5}}, "meta.max_age"),
        ({"meta": {"max_age_days": -5}}, "meta.max_age_days"),
        ({"meta": {"hashed_plain_keys": "maybe"}}, "meta.hashed_plain_keys"),
        ({"sandbox": {"clock_offset_s": "later"}}, "sandbox.clock_offset_s"),
        ({"google_ads": {"partial": True}}, "google_ads.partial"),
        ({"google_ads": 5}, ""),
        ([], ""),
    ],
)
def test_a_bad_setting_is_refused_by_its_name_and_changes_nothing(sandbox: Client, body: Any, field: str) -> None:
    before = sandbox.call("GET", "/_sandbox/settings").json
    good = {"ga4": {"max_age_h": 1}}
    reply = sandbox.call("PUT", "/_sandbox/settings", {**good, **body} if isinstance(body, dict) else body)
    assert (reply.status, reply.json["field"]) == (400, field)
    assert sandbox.call("GET", "/_sandbox/settings").json == before
