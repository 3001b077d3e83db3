"""Renewing a connection from the pages, the platform played by the sandbox."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from leadtrackr.conversions import connections
from leadtrackr.kit.clock import MINUTE, ManualClock
from tests.dashboard.conftest import START
from tests.dashboard.site import Browser, Site
from tests.destinations.making import SETTINGS
from tests.sandbox.client import Client, Server
from tests.support.platform import browse
from tests.support.program import Program

ADWORDS = "https://www.googleapis.com/auth/adwords"


class Place:
    """A program whose platforms are a sandbox, and a project that is connected to Google Ads."""

    def __init__(self, program: Program, clock: ManualClock, client: Client) -> None:
        self.program, self.clock, self.client = program, clock, client
        self.site = Site(program)
        self.site.connect("google_ads")
        self.path = f"/projects/{self.site.id}/connections"

    def token(self, slug: str = "google_ads", name: str = "refresh_token") -> str | None:
        """The credential that is stored."""
        parts = self.program.parts
        found = self.program.run(connections.find(parts.db, self.site.id, slug))
        return connections.full_settings(found, parts.box).get(name)

    def to_google(self, browser: Browser) -> str:
        """Presses the button and goes to Google; the path to which it sends the browser back."""
        return self.to_platform(browser, "google_ads")

    def to_platform(self, browser: Browser, slug: str) -> str:
        """The same for any platform."""
        answer = browser.post(f"{self.path}/{slug}/sign-in")
        assert answer.status == 200
        found = re.search(rb'<a class="button"[^>]* href="([^"]+)"', answer.body)
        assert found
        status, location, body = browse(unescape(found[1].decode()))
        assert status == 302, body
        parts = urlsplit(location)
        return f"{parts.path}?{parts.query}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Such a place on each database."""
    clock = ManualClock(START)
    server = Server(clock.now)
    url: str
    if request.param == "sqlite":
        path = tmp_path / "leadtrackr.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_server").fresh()
    with Program(url, tmp_path, clock, LEADTRACKR_SANDBOX_URL=server.running.url) as program:
        yield Place(program, clock, Client(server.running.port))
    server.stop()


PEOPLE: dict[str, Callable[[Site], Browser]] = {"owner": Site.owner, "member": Site.member, "admin": Site.admin}


@pytest.mark.parametrize("who", PEOPLE)
def test_whoever_belongs_to_the_project_renews_its_access(place: Place, who: str) -> None:
    browser = PEOPLE[who](place.site)
    page = browser.page(place.path)
    assert "Sign in at Google Ads again" in page.text
    answer = browser.get(place.to_google(browser))
    assert answer.status == 303
    assert browser.get(answer.headers["location"]).status == 200
    assert str(place.token()).startswith("1//")


def test_a_stranger_begins_nothing(place: Place) -> None:
    charlie = place.site.stranger()
    assert charlie.post(f"{place.path}/google_ads/sign-in").status == 404
    assert place.token() == "hush-refresh"


def test_nobody_finishes_what_another_began(place: Place) -> None:
    alice, bob, charlie = place.site.owner(), place.site.member(), place.site.stranger()
    back = place.to_google(alice)
    for other in (bob, charlie):
        answer = other.get(back)
        assert (answer.status, b"somebody else" in answer.body) == (400, True)
    assert Browser(place.program).get(back).headers["location"] == "/sign-in"
    assert place.token() == "hush-refresh"
    assert alice.get(back).status == 303, "their tries did not use it up"
    assert alice.get(back).status == 400, "but Alice has"


def test_another_site_cannot_begin(place: Place) -> None:
    answer = place.site.member().post(f"{place.path}/google_ads/sign-in", Sec_Fetch_Site="cross-site")
    assert answer.status == 403


def test_it_ends_after_ten_minutes(place: Place) -> None:
    bob = place.site.member()
    back = place.to_google(bob)
    place.clock.step(10 * MINUTE)
    assert bob.get(back).status == 400
    assert place.token() == "hush-refresh"


def test_what_was_not_ticked_is_told(place: Place) -> None:
    place.client.set("google_oauth", unticked=[ADWORDS])
    bob = place.site.member()
    answer = bob.get(place.to_google(bob))
    assert (answer.status, b"not everything was ticked" in answer.body) == (400, True)
    assert place.token() == "hush-refresh"


def test_there_is_a_button_only_where_there_is_a_sign_in(place: Place) -> None:
    bob = place.site.member()
    place.site.connect("meta", "ga4")
    assert [form.attributes["action"] for form in bob.page(place.path).one("main").all("form")] == [
        f"{place.path}/google_ads/sign-in"
    ]
    assert bob.post(f"{place.path}/meta/sign-in").status == 400
    assert bob.post(f"{place.path}/ga4/sign-in").status == 400, "its client is not known"
    assert bob.post(f"{place.path}/myspace/sign-in").status == 404


# Platforms beside Google

ELSEWHERE = pytest.mark.parametrize("slug", ["microsoft", "linkedin"])
NAMES = {"microsoft": "Microsoft Advertising", "linkedin": "LinkedIn"}
GIVES = {"microsoft": "refresh_token", "linkedin": "access_token"}
WITHHELD = {"microsoft": "https://ads.microsoft.com/msads.manage", "linkedin": "rw_conversions"}


@pytest.fixture
def elsewhere(place: Place) -> Place:
    """Connected to the other platforms that have a sign-in, too."""
    parts = place.program.parts
    for slug in NAMES:
        values = {**SETTINGS[slug], "client_id": "app", "client_secret": "hush-client"}
        place.program.run(connections.connect(parts.db, parts.box, place.site.id, slug, values))
    return place


@pytest.mark.parametrize("who", PEOPLE)
@ELSEWHERE
def test_other_platforms_are_renewed_by_the_same_button(elsewhere: Place, slug: str, who: str) -> None:
    browser = PEOPLE[who](elsewhere.site)
    assert f"Sign in at {NAMES[slug]} again" in browser.page(elsewhere.path).text
    before = elsewhere.token(slug, GIVES[slug])
    back = elsewhere.to_platform(browser, slug)
    assert back.startswith(f"/oauth/{slug}/callback?")
    answer = browser.get(back)
    assert answer.status == 303
    page = browser.page(answer.headers["location"]).text
    assert ("Day on which the token ends" in page) == (slug == "linkedin")
    assert before is not None
    assert elsewhere.token(slug, GIVES[slug]) not in (before, None)


@ELSEWHERE
def test_a_stranger_begins_nothing_elsewhere(elsewhere: Place, slug: str) -> None:
    before = elsewhere.token(slug, GIVES[slug])
    assert elsewhere.site.stranger().post(f"{elsewhere.path}/{slug}/sign-in").status == 404
    another = elsewhere.site.member().post(f"{elsewhere.path}/{slug}/sign-in", Sec_Fetch_Site="cross-site")
    assert another.status == 403
    assert elsewhere.token(slug, GIVES[slug]) == before


@ELSEWHERE
def test_nobody_finishes_what_another_began_elsewhere(elsewhere: Place, slug: str) -> None:
    alice, bob, charlie = elsewhere.site.owner(), elsewhere.site.member(), elsewhere.site.stranger()
    before, back = elsewhere.token(slug, GIVES[slug]), elsewhere.to_platform(alice, slug)
    for other in (bob, charlie):
        answer = other.get(back)
        assert (answer.status, b"somebody else" in answer.body) == (400, True)
    other_platform = back.replace(slug, next(one for one in NAMES if one != slug), 1)
    assert Browser(elsewhere.program).get(back).headers["location"] == "/sign-in"
    assert elsewhere.token(slug, GIVES[slug]) == before
    assert alice.get(back).status == 303, "their tries did not use it up"
    assert alice.get(back).status == 400, "but Alice has"
    assert alice.get(other_platform).status == 400


@ELSEWHERE
def test_what_was_not_given_elsewhere_is_told(elsewhere: Place, slug: str) -> None:
    elsewhere.client.set(f"{slug}_oauth", withheld=[WITHHELD[slug]])
    bob, before = elsewhere.site.member(), elsewhere.token(slug, GIVES[slug])
    answer = bob.get(elsewhere.to_platform(bob, slug))
    assert (answer.status, f"({WITHHELD[slug]}).".encode() in answer.body) == (400, True)
    assert elsewhere.token(slug, GIVES[slug]) == before


@ELSEWHERE
def test_a_person_who_refuses_elsewhere_is_told_so(elsewhere: Place, slug: str) -> None:
    elsewhere.client.set(f"{slug}_oauth", denied=True if slug == "microsoft" else "authorize")
    bob = elsewhere.site.member()
    answer = bob.get(elsewhere.to_platform(bob, slug))
    assert (answer.status, b"did not let the app in" in answer.body) == (400, True)
    assert b"<h1>Not connected</h1>" in answer.body


@ELSEWHERE
def test_the_page_for_other_platforms_holds_no_secret(elsewhere: Place, slug: str) -> None:
    answer = elsewhere.site.member().post(f"{elsewhere.path}/{slug}/sign-in")
    assert b"hush" not in answer.body
    assert f"http://127.0.0.1:8000/oauth/{slug}/callback".encode() in answer.body


def test_an_entered_token_without_an_app_has_no_button(place: Place) -> None:
    place.site.connect("linkedin")
    bob = place.site.member()
    assert "Sign in at LinkedIn" not in bob.page(place.path).text
    assert bob.post(f"{place.path}/linkedin/sign-in").status == 400


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied"])
def test_an_address_that_nobody_began_does_nothing(place: Place, query: str) -> None:
    assert place.site.member().get(f"/oauth/google_ads/callback{query}").status == 400
    assert place.token() == "hush-refresh"


def test_the_page_holds_no_secret(place: Place) -> None:
    answer = place.site.member().post(f"{place.path}/google_ads/sign-in")
    assert b"hush" not in answer.body
    assert b"http://127.0.0.1:8000/oauth/google_ads/callback" in answer.body
    assert answer.headers["cache-control"] == "no-store"
