"""What every page has: its headers, the banner, links that lead somewhere; and the API beside the pages."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions.model import State
from leadtrackr.kit.clock import ManualClock
from tests.dashboard.conftest import START
from tests.dashboard.site import Browser, Element, Site, read
from tests.support.program import Program

SANDBOX = "http://127.0.0.1:8900"


def _everything(site: Site) -> list[str]:
    """A path of each kind of page, with something on it."""
    site.connect("ga4")
    lead = site.lead()
    site.delivery(site.rated(lead), lead, "ga4", State.ACCEPTED, "ok")
    return ["/", site.leads, f"{site.leads}/{lead}", f"/projects/{site.id}/connections", "/outcomes", "/nowhere"]


def test_every_page_is_kept_from_scripts_frames_and_caches(site: Site) -> None:
    bob, anybody = site.member(), Browser(site.program)
    answers = [bob.get(path) for path in _everything(site)]
    answers += [anybody.get(path) for path in ("/sign-in", "/sign-in/link", site.link("x@example.com"), site.leads)]
    answers += [bob.post("/sign-out", Origin="https://evil.example"), bob.post("/")]
    for answer in answers:
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_no_page_needs_what_the_policy_forbids(site: Site) -> None:
    bob = site.member()
    for path in _everything(site):
        page = read(bob.get(path).body)
        assert page.all("script") == page.all("style") == page.all("iframe") == []
        for element in _elements(page):
            assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
            for name in ("src", "href", "action"):
                if element.tag == "a" and element.attributes.get("rel") == "noreferrer":
                    assert element.attributes["href"].startswith("https://"), (
                        "a person may follow it, and it says nothing"
                    )
                else:
                    assert element.attributes.get(name, "/").startswith(("/", "#")), "nothing from another host"


def test_every_page_can_be_read_without_seeing_it(site: Site) -> None:
    bob = site.member()
    for path in [*_everything(site), f"{site.leads}?list=rated"]:
        page = read(bob.get(path).body)
        assert page.one("html").attributes["lang"] == "en"
        assert len(page.all("h1")) == 1
        assert page.one("title").text.endswith("· LeadTrackr")
        ids = [element.attributes["id"] for element in _elements(page) if "id" in element.attributes]
        assert len(ids) == len(set(ids))
        labels = {label.attributes["for"] for label in page.all("label")}
        fields = {field.attributes["id"] for field in page.all("input") if field.attributes.get("type") != "hidden"}
        assert fields == labels
        assert page.all("a")[0].attributes["href"] == "#content"
        levels = [int(element.tag[1]) for element in _elements(page) if element.tag in ("h1", "h2", "h3", "h4", "h5")]
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels


def test_every_link_leads_somewhere(site: Site) -> None:
    _everything(site)
    skipped = site.lead()
    site.delivery(site.rated(skipped), skipped, "ga4", State.SKIPPED, "missing_data")
    site.put(site.lead(), stage="rated", status="lost")
    bob = site.member()
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("#", "https://")):
            continue
        seen.add(path)
        answer = bob.get(path)
        assert answer.status == 200, path
        if answer.headers["content-type"].startswith("text/html") and not path.startswith("/api/"):
            page = read(answer.body)
            waiting += [link.attributes["href"] for tag in ("a", "link") for link in page.all(tag)]
    assert {"/", site.leads, f"{site.leads}?list=rated", f"/projects/{site.id}/connections", "/api/docs"} <= seen
    assert "/outcomes#leadtrackr-missing_data" in seen


def test_static_files_may_be_kept_for_ever_under_their_version(program: Program) -> None:
    browser = Browser(program)
    links = [link.attributes["href"] for link in browser.page("/sign-in").all("link")]
    assert len(links) == 2
    for path in links:
        answer = browser.get(path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] in ("text/css; charset=utf-8", "image/svg+xml")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert browser.get(path.partition("?")[0]).headers["cache-control"] == "no-cache"
    for path in ("/static/nothing.css", "/static/..%2fapp.py", "/static/", "/static"):
        assert browser.get(path).status == 404


def test_head_is_answered_and_other_methods_are_not(program: Program) -> None:
    head = program.send("HEAD", "/sign-in")
    assert (head.status, head.body) == (200, b"")
    for method, path, allow in [
        ("POST", "/", "HEAD, GET"),
        ("PUT", "/sign-in", "HEAD, GET"),
        ("DELETE", "/sign-in/link", "HEAD, GET, POST"),
    ]:
        answer = program.send(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allow)


def test_programs_keep_their_addresses(site: Site) -> None:
    program = site.program
    for path, status in [("/healthz", 200), ("/readyz", 200), ("/api/docs", 200), ("/api/openapi.json", 200)]:
        assert program.send("GET", path).status == status
    for path in ("/api", "/api/", "/api/nothing", "/api/leads/nothing"):
        answer = program.send("GET", path)
        assert answer.status == 404
        assert list(answer.json) == ["message"]
        assert answer.headers["access-control-allow-origin"] == "*"
    for path in ("/apiary", "/nowhere", "/healthz/x", "/%ff"):
        assert list(program.send("GET", path).json) == ["message"]
    for path in ("/apiary", "/nowhere", "/%ff"):
        page = Browser(program).get(path)
        assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_figures_name_the_route_and_never_the_project(site: Site) -> None:
    site.member().page(site.leads)
    figures = site.program.send("GET", "/metrics").body.decode()
    assert 'route="/projects/{project}/leads",status="200"' in figures
    assert site.id not in figures


@pytest.fixture
def alone(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts a program on a database of its own."""
    running: list[Program] = []

    def make(**environ: str) -> Program:
        running.append(Program(database_url, tmp_path, ManualClock(START), **environ))
        return running[-1]

    yield make
    for one in running:
        one.close()


def test_the_sandbox_is_named_on_every_page(alone: Callable[..., Program]) -> None:
    site = Site(alone(LEADTRACKR_SANDBOX_URL=SANDBOX))
    bob, anybody = site.member(), Browser(site.program)
    answers = [bob.get(path) for path in _everything(site)]
    answers += [
        anybody.get("/sign-in"),
        anybody.get("/sign-in/link"),
        bob.post("/sign-out", Origin="null"),
        bob.post("/"),
    ]
    for answer in answers:
        banner = read(answer.body).one("p", "sandbox").text
        assert banner == f"Sandbox. This server sends to the sandbox at {SANDBOX}; nothing reaches an ad platform."


def test_without_a_sandbox_nothing_speaks_of_one(site: Site) -> None:
    for path in _everything(site):
        assert b"andbox" not in site.member().get(path).body


def test_a_server_without_projects_says_how_to_make_one(alone: Callable[..., Program]) -> None:
    program = alone()
    made = program.run(accounts.invite(program.parts.db, program.parts.ids, email="ada@example.com", admin=True))
    browser = Browser(program)
    assert browser.post(f"/sign-in/link?token={made.token}").status == 303
    assert browser.page("/").one("pre").text.startswith("leadtrackr project create")


def test_a_database_that_is_away_is_told(alone: Callable[..., Program]) -> None:
    program = alone()
    bob = Site(program).member()
    program.run(program.parts.db.close())
    answer = bob.get("/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert read(answer.body).one("h1").text == "The database is away"


def _elements(element: Element) -> Iterator[Element]:
    for one in element.inside:
        if isinstance(one, Element):
            yield one
            yield from _elements(one)
