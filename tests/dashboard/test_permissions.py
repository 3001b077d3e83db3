"""Alice owns the project, Bob is a member, Ada runs the server, Charlie is a stranger and must see nothing."""

import re
from collections.abc import Callable

import pytest

from tests.dashboard.site import Browser, Site

PEOPLE: dict[str, Callable[[Site], Browser]] = {
    "owner": Site.owner,
    "member": Site.member,
    "admin": Site.admin,
}
PAGES = ("", "/leads", "/leads?list=rated", "/leads?search=jan", "/leads/{lead}", "/connections")


def _paths(site: Site, lead: int) -> list[str]:
    return [f"/projects/{ref}{page.format(lead=lead)}" for ref in (site.id, site.number) for page in PAGES]


@pytest.mark.parametrize("who", PEOPLE)
def test_whoever_belongs_to_the_project_sees_it(site: Site, who: str) -> None:
    lead = site.lead()
    browser = PEOPLE[who](site)
    for path in _paths(site, lead):
        assert browser.get(path).status == (303 if path.count("/") == 2 else 200), path
    assert site.leads in {link.attributes["href"] for link in browser.page("/").all("a")}


def test_a_stranger_cannot_tell_a_project_from_none(site: Site) -> None:
    lead = site.lead(userData={"firstName": "Hidden", "email": "hidden@example.com"})
    site.connect("ga4")
    charlie = site.stranger()
    nowhere = charlie.get("/projects/pnowhere/leads")
    assert nowhere.status == 404
    for path in _paths(site, lead):
        answer = charlie.get(path)
        assert (answer.status, answer.body) == (404, nowhere.body), path
    home = charlie.page("/")
    assert site.leads not in {link.attributes["href"] for link in home.all("a")}
    assert "You are not a member of a project yet" in home.text


def test_a_member_of_one_project_is_a_stranger_to_the_other(site: Site, other: Site) -> None:
    lead = other.lead()
    bob = site.member()
    for path in _paths(other, lead):
        assert bob.get(path).status == 404, path
    assert bob.get(f"{site.leads}/{lead}").status == 404, "the lead is not of this project"
    links = {link.attributes["href"] for link in bob.page("/").all("a")}
    assert site.leads in links
    assert other.leads not in links


def test_lists_hold_the_projects_own_leads(site: Site, other: Site) -> None:
    site.lead(userData={"firstName": "Mine"})
    other.lead(userData={"firstName": "Theirs"})
    for query in ("", "?search=theirs"):
        assert "Theirs" not in site.member().page(site.leads + query).one("main").text.replace("theirs", "")


def test_an_api_key_opens_no_page(site: Site) -> None:
    answer = site.program.send(
        "GET", site.leads, headers={"X-API-Key": site.key, "Cookie": f"leadtrackr_session={site.key}"}
    )
    assert answer.status == 303


@pytest.mark.parametrize("lead", ["0", "-1", "999999999999999999", "9" * 30, "1e3", "%00", "x", "%D9%A1"])
def test_a_lead_that_cannot_be_is_not_found(site: Site, lead: str) -> None:
    assert site.member().get(f"{site.leads}/{lead}").status == 404


@pytest.mark.parametrize("ref", ["%00", "x%00", "p%27--", "9" * 30, "..", "%C3%BC"])
def test_a_project_that_cannot_be_is_not_found(site: Site, ref: str) -> None:
    answer = site.member().get(f"/projects/{ref}/leads")
    assert answer.status == 404
    assert re.search(rb"<h1>Not found</h1>", answer.body)
