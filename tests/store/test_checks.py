"""The connection test of every destination, over HTTP against its emulator: good credentials, wrong and ended ones."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import checking
from leadtrackr.conversions.linking.checking import Checked
from leadtrackr.destinations.registry import DESTINATIONS
from tests.support.engine import SETTINGS, World
from tests.support.platform import Platform, beside

EACH = pytest.mark.parametrize("slug", DESTINATIONS)


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the credentials, and the code that tells it."""

    code: str
    values: dict[str, str] = {}
    """Other settings of the connection."""
    knobs: dict[str, dict[str, Any]] = {}
    """Settings of the sandbox, by platform."""
    answer: tuple[int, Any] | None = None
    """Status and body with which the platform refuses, where the emulator has no setting for it."""


def linkedin(number: int, code: str) -> tuple[int, Any]:
    return 401, {"status": 401, "serviceErrorCode": number, "code": code, "message": "The token is refused"}


ENDED_AT_ONCE = {"google_oauth": {"lifetime_s": 0}}
META_ENDED = {"error": {"message": "Session has expired", "type": "OAuthException", "code": 190, "error_subcode": 463}}
WRONG: dict[str, Bad] = {
    "google_ads": Bad(code="invalid_client", knobs={"google_oauth": {"clients": {"client": "another"}}}),
    "google_ads_legacy": Bad(code="invalid_client", knobs={"google_oauth": {"clients": {"client": "another"}}}),
    "meta": Bad(code="190", values={"access_token": "bad-token"}),
    "linkedin": Bad(code="65600", values={"access_token": "bad-token"}),
    "microsoft": Bad(code="105", values={"developer_token": "bad-token"}),
    "tiktok": Bad(code="40105", values={"access_token": "bad-token"}),
    "pinterest": Bad(code="http_401", values={"access_token": "bad-token"}),
    "snapchat": Bad(code="http_401", values={"access_token": "bad-token"}),
    "reddit": Bad(code="401", values={"access_token": "bad-token"}),
    "x": Bad(code="http_401", values={"consumer_secret": "another"}),
    "openai": Bad(code="401", values={"api_key": "bad-key"}),
    "webhook": Bad(code="unauthorized", knobs={"webhook": {"secrets": ["whsec_" + "b3RoZXJvdGhlcm90aGVyb3RoZXI="]}}),
}
"""GA4's validation server looks at no credentials."""
OVER: dict[str, Bad] = {
    "google_ads": Bad(code="invalid_grant", values={"refresh_token": "revoked-token"}),
    "google_ads_legacy": Bad(code="invalid_grant", values={"refresh_token": "revoked-token"}),
    "meta": Bad(code="190/463", answer=(400, META_ENDED)),
    "linkedin": Bad(code="EXPIRED_ACCESS_TOKEN", answer=linkedin(65602, "EXPIRED_ACCESS_TOKEN")),
    "microsoft": Bad(code="AADSTS50173", values={"refresh_token": "revoked-token"}),
    "tiktok": Bad(code="40102", knobs={"tiktok": {"expired_tokens": ["hush-tiktok"]}}),
    "pinterest": Bad(code="http_401", knobs={"pinterest": {"bad_tokens": ["hush-pinterest"]}}),
    "snapchat": Bad(code="http_401", knobs={"snapchat": {"bad_tokens": ["hush-snapchat"]}}),
    "reddit": Bad(code="401", knobs={"reddit": {"bad_tokens": ["hush-reddit"]}}),
    "x": Bad(code="http_401", knobs={"x": {"revoked": ["hush-token"]}}),
    "openai": Bad(code="401", knobs={"openai": {"bad_keys": ["hush-openai"]}}),
    "webhook": Bad(code="gone", answer=(410, {"error": "gone"})),
}
ISSUED_IN_VAIN: dict[str, dict[str, dict[str, Any]]] = {
    "google_ads": ENDED_AT_ONCE,
    "google_ads_legacy": ENDED_AT_ONCE,
    "microsoft": {"microsoft_oauth": {"lifetime_s": 0}},
}
"""Platforms that issue an access token and then refuse it."""


@pytest.fixture
def platform(world: World) -> Iterator[Platform]:
    """A project, and a sandbox."""
    world.project()
    with beside(world) as made:
        yield made


def check(platform: Platform, slug: str, bad: Bad | None = None) -> Checked:
    """Connects and tests the connection."""
    world, found = platform.world, bad or Bad(code="")
    for section, knobs in found.knobs.items():
        platform.client.set(section, **knobs)
    if found.answer is not None:
        status, body = found.answer
        platform.client.fault({"destination": slug, "status": status, "body": body})
    values = {**SETTINGS[slug], **found.values}
    made = world.run(connections.connect(world.db, world.box, world.project_ref, slug, values))
    return world.run(checking.check(platform.means, made))


def test_the_tables_cover_the_registry() -> None:
    assert set(WRONG) == set(OVER) == set(DESTINATIONS) - {"ga4"}


@EACH
def test_good_credentials_work(platform: Platform, slug: str) -> None:
    found = check(platform, slug)
    assert (found.works, found.code) == (True, "check_ok"), found.text
    assert found.account


@EACH
def test_a_check_counts_nothing(platform: Platform, slug: str) -> None:
    assert check(platform, slug).works
    calls = platform.client.calls(slug)
    assert calls, "the platform was really asked"
    if slug != "webhook":  # There an event of the type ping arrives, which is no conversion.
        assert [row for call in calls for row in call["accepted"]] == []


@pytest.mark.parametrize("table", [WRONG, OVER], ids=["wrong", "over"])
@pytest.mark.parametrize("slug", [slug for slug in DESTINATIONS if slug != "ga4"])
def test_bad_credentials_do_not_and_it_is_said_why(platform: Platform, slug: str, table: dict[str, Bad]) -> None:
    bad = table[slug]
    found = check(platform, slug, bad)
    assert (found.works, found.code) == (False, bad.code), found.text
    row = DESTINATIONS[slug].codes[found.code]
    assert row.hold is not None, "sending is held for the same"
    assert (found.sentence, found.next_step) == (row.sentence, row.next_step)
    assert not found.next_step.startswith("Nothing to do")
    secrets = {
        value
        for field in DESTINATIONS[slug].fields
        if field.secret and (value := {**SETTINGS[slug], **bad.values}.get(field.name))
    }
    shown = found.text + json.dumps(msgspec.to_builtins(found))
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("slug", ISSUED_IN_VAIN)
def test_a_token_that_is_refused_as_soon_as_it_is_issued_is_no_matter_of_waiting(platform: Platform, slug: str) -> None:
    found = check(platform, slug, Bad(code="token_refused", knobs=ISSUED_IN_VAIN[slug]))
    assert (found.works, found.code) == (False, "token_refused")
    assert not found.next_step.startswith("Nothing to do")


def test_google_analytics_cannot_tell_and_says_so(platform: Platform) -> None:
    found = check(platform, "ga4", Bad(code="", values={"api_secret": "wrong"}))
    assert found.works
    assert any("so the connection test cannot" in sentence for sentence in DESTINATIONS["ga4"].unverified)


def test_a_platform_that_is_away_is_not_called_wrong(platform: Platform) -> None:
    found = check(platform, "meta", Bad(code="server_error", answer=(503, {})))
    assert (found.works, found.code) == (False, "server_error")
