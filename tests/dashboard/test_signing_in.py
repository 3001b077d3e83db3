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

    def token(self) -> str:
        """The refresh token that is stored."""
        parts = self.program.parts
        found = self.program.run(connections.find(parts.db, self.site.id, "google_ads"))
        return connections.full_settings(found, parts.box)["refresh_token"]

    def to_google(self, browser: Browser) -> str:
        """Presses the button and goes to Google; the path to which it sends the browser back."""
        answer = browser.post(f"{self.path}/google_ads/sign-in")
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
    assert place.token().startswith("1//")


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


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied"])
def test_an_address_that_nobody_began_does_nothing(place: Place, query: str) -> None:
    assert place.site.member().get(f"/oauth/google_ads/callback{query}").status == 400
    assert place.token() == "hush-refresh"


def test_the_page_holds_no_secret(place: Place) -> None:
    answer = place.site.member().post(f"{place.path}/google_ads/sign-in")
    assert b"hush" not in answer.body
    assert b"http://127.0.0.1:8000/oauth/google_ads/callback" in answer.body
    assert answer.headers["cache-control"] == "no-store"
