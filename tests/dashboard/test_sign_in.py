"""Signing in: by a link that works once, kept by a cookie that ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Role
from leadtrackr.kit.clock import ManualClock
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.kit.ids import hash_key
from tests.dashboard.conftest import START
from tests.dashboard.site import Browser, Site, read
from tests.support.program import Program, together
from tests.support.tables import everything, execute


def test_without_a_session_every_page_leads_to_the_sign_in_page(program: Program, site: Site) -> None:
    for path in ("/", site.leads, f"{site.leads}/1", f"/projects/{site.id}", f"/projects/{site.id}/connections"):
        answer = Browser(program).get(path)
        assert (answer.status, answer.headers["location"]) == (303, "/sign-in")


def test_the_sign_in_page_says_how_to_get_a_link(program: Program) -> None:
    page = Browser(program).page("/sign-in")
    assert page.one("pre").text == "leadtrackr user create you@example.com"


def test_a_link_signs_in_and_the_cookie_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    browser = Browser(site.program)
    answer = browser.post(site.link("first@example.com"))
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = [part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]]
    assert {"httponly", "samesite=lax", "path=/", f"max-age={30 * 24 * 3600}"} == set(cookie)
    assert "first@example.com" in browser.page("/").one("header", "top").text
    assert browser.get("/sign-in").headers["location"] == "/"


def test_opening_a_link_does_not_use_it_up(site: Site) -> None:
    browser, link = Browser(site.program), site.link("scanned@example.com")
    for _ in range(3):
        answer = browser.get(link)
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
    assert site.program.send("HEAD", link).status == 200
    (form,) = read(browser.get(link).body).one("main").all("form")
    assert form.attributes["method"] == "post"
    assert browser.post(form.attributes["action"]).status == 303
    assert browser.get("/").status == 200


def test_a_link_works_once(site: Site) -> None:
    link = site.link("once@example.com")
    assert Browser(site.program).post(link).status == 303
    again = Browser(site.program)
    for answer in (again.post(link), again.get(link)):
        assert answer.status == 400
        assert read(answer.body).one("p", "problem").text.startswith(accounts.BAD_LINK)
    assert again.session is None
    assert again.get("/").status == 303


def test_of_many_at_once_one_gets_in(site: Site) -> None:
    link = site.link("crowd@example.com")
    answers = together(8, lambda _: Browser(site.program).post(link).status)
    assert sorted(answers) == [303] + [400] * 7


@pytest.mark.parametrize("link", ["/sign-in/link", "/sign-in/link?token=", "/sign-in/link?token=%00%ff<script>"])
def test_a_link_that_was_never_made_lets_nobody_in(program: Program, link: str) -> None:
    browser = Browser(program)
    assert (browser.get(link).status, browser.post(link).status, browser.session) == (400, 400, None)


def test_a_link_ends_after_a_day(site: Site) -> None:
    link = site.link("late@example.com")
    token = link.partition("token=")[2]
    url = site.program.database_url
    [(made, ends)] = execute(url, "SELECT created_at, expires_at FROM login_links WHERE hash = ?", hash_key(token))
    assert ends - made == accounts.LINK_LIFE
    execute(url, "UPDATE login_links SET expires_at = ? WHERE hash = ?", made, hash_key(token))
    browser = Browser(site.program)
    assert (browser.get(link).status, browser.post(link).status) == (400, 400)


def test_a_session_ends_after_thirty_days(site: Site) -> None:
    browser = site.member()
    assert browser.session is not None
    url, key = site.program.database_url, hash_key(browser.session)
    [(made, ends)] = execute(url, "SELECT created_at, expires_at FROM sessions WHERE hash = ?", key)
    assert ends - made == accounts.SESSION_LIFE
    execute(url, "UPDATE sessions SET expires_at = ? WHERE hash = ?", made, key)
    assert browser.get("/").headers["location"] == "/sign-in"
    site.member()
    assert execute(url, "SELECT 1 FROM sessions WHERE hash = ?", key) == [], "the next sign-in forgets what has ended"


def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    browser = site.member()
    copied = browser.session
    answer = browser.post("/sign-out")
    assert (answer.status, answer.headers["location"], browser.session) == (303, "/sign-in", None)
    browser.session = copied
    assert browser.get("/").status == 303
    assert browser.post("/sign-out").status == 303


def test_another_persons_session_goes_on(site: Site) -> None:
    alice, bob = site.owner(), site.member()
    alice.post("/sign-out")
    assert bob.get("/").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
def test_a_form_of_another_site_does_nothing(site: Site, headers: dict[str, str]) -> None:
    browser = site.member()
    assert browser.post("/sign-out", **headers).status == 403
    assert browser.get("/").status == 200
    link = site.link("forced@example.com")
    assert Browser(site.program).post(link, **headers).status == 403
    assert Browser(site.program).post(link).status == 303


def test_a_form_of_ours_is_known_by_its_origin_too(site: Site) -> None:
    assert site.member().post("/sign-out", Origin=site.program.url).status == 303
    assert site.member().post("/sign-out", Origin=site.program.settings.base_url).status == 303
    assert site.member().post("/sign-out", Accept="text/html").status == 303


def test_neither_links_nor_sessions_are_stored(site: Site) -> None:
    link, browser = site.link("secret@example.com"), site.member()
    stored = repr(everything(site.program.database_url))
    assert "secret@example.com" in stored
    assert browser.session is not None
    for secret in (link.partition("token=")[2], browser.session):
        assert hash_key(secret) in stored
        assert secret not in stored


def test_the_same_address_is_the_same_person_and_only_gains(site: Site, other: Site) -> None:
    def invite(email: str, *, admin: bool = False) -> accounts.Invitation:
        return site.program.run(
            accounts.invite(site.program.parts.db, site.program.parts.ids, email=email, admin=admin)
        )

    address = f"Twice-{site.id}@Example.com"
    first = invite(f" {address} ")
    assert (first.created, first.user.email, first.user.is_admin) == (True, address.lower(), False)
    promoted = invite(address.lower(), admin=True)
    assert (promoted.created, promoted.user.id, promoted.user.is_admin) == (False, first.user.id, True)
    assert invite(address).user.is_admin, "left out is not taken away"


def test_a_role_can_be_changed(site: Site) -> None:
    for role in (Role.MEMBER, Role.OWNER):
        browser = site.browser(f"rising-{site.id}@example.com", role=role)
        assert browser.session is not None
        actor = site.program.run(accounts.actor_of(site.program.parts.db, browser.session))
        assert actor is not None
        assert actor.roles == {site.number: role}


@pytest.mark.parametrize("email", ["", "nobody", "@example.com", "a b@example.com", f"{'a' * 320}@example.com"])
def test_what_is_no_address_is_nobody(site: Site, email: str) -> None:
    before = everything(site.program.database_url)
    with pytest.raises(InvalidInput, match=r"is not an e-mail address"):
        site.link(email)
    assert everything(site.program.database_url) == before


def test_an_unknown_project_makes_nobody(site: Site) -> None:
    parts, before = site.program.parts, everything(site.program.database_url)
    with pytest.raises(NotFound):
        site.program.run(
            accounts.invite(parts.db, parts.ids, email="new@example.com", project_refs=[site.id, "nowhere"])
        )
    assert everything(site.program.database_url) == before


@pytest.fixture
def behind_https(database_url: str, tmp_path: Path) -> Iterator[Program]:
    """A program that people reach by https."""
    with Program(
        database_url, tmp_path, ManualClock(START), LEADTRACKR_BASE_URL="https://leads.example.com"
    ) as running:
        yield running


def test_by_https_the_cookie_stays_on_https(behind_https: Program) -> None:
    site = Site(behind_https)
    browser = Browser(behind_https)
    answer = browser.post(site.link("safe@example.com"), Origin="https://leads.example.com")
    assert answer.status == 303
    assert "; secure" in answer.headers["set-cookie"].lower()
    assert "; secure" in browser.post("/sign-out").headers["set-cookie"].lower()
