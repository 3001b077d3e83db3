"""The lists of leads and what a lead came with."""

from urllib.parse import quote

import pytest

from leadtrackr.conversions.model import State
from leadtrackr.leads.tabs import PAGE
from tests.dashboard.site import Element, Site, search

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;{{ 7 * 7 }}"


def _names(page: Element) -> list[str]:
    return [row.one("a").text for body in page.all("tbody") for row in body.all("th")]


def _counts(page: Element) -> list[str]:
    return [link.text for link in page.one("nav", "tabs").all("a")]


def test_every_lead_stands_in_one_list(site: Site) -> None:
    done = site.won.conversion_id
    for name, stage, status, pending in [
        ("New", "open", "open", False),
        ("Kept", "open", done, False),
        ("Going", "open", done, True),
        ("Again", "rated", "lost", True),
        ("Won", "rated", done, False),
        ("Gone", "rated", "lost", False),
    ]:
        lead = site.lead(userData={"firstName": name})
        site.put(lead, stage=stage, status=status)
        site.rated(lead)
        if pending:
            site.rated(lead, pending=True)
    bob = site.member()
    pages = {tab: bob.page(f"{site.leads}?list={tab}") for tab in ("open", "pending", "rated")}
    assert {tab: _names(page) for tab, page in pages.items()} == {
        "open": ["Kept", "New"],
        "pending": ["Again", "Going"],
        "rated": ["Gone", "Won"],
    }
    for tab, page in pages.items():
        assert _counts(page) == ["Open 2", "Pending 2", "Rated 2"]
        of_its_own = [bob.page(row.one("a").attributes["href"]) for row in page.one("tbody").all("th")]
        assert [one.one("header", "lead").one("span", "badge").text for one in of_its_own] == [tab.capitalize()] * 2
        current = [link.text for link in page.one("nav", "tabs").all("a") if "aria-current" in link.attributes]
        assert [text.split()[0].lower() for text in current] == [tab]
    assert _names(bob.page(site.leads)) == _names(bob.page(f"{site.leads}?list=nonsense")) == ["Kept", "New"]


def test_a_row_shows_label_value_form_and_platforms(site: Site) -> None:
    site.connect("meta")
    lead = site.lead(userData={"firstName": "Jan", "email": "jan@example.com"}, formData={"formName": "Quote"})
    site.put(lead, stage="rated", status=site.won.conversion_id, price=125_000)
    job = site.rated(lead)
    site.delivery(job, lead, "meta", State.ACCEPTED, "ok")
    site.delivery(job, lead, "meta", State.HELD, "190")
    (row,) = site.member().page(f"{site.leads}?list=rated").one("tbody").all("tr")
    cells = [cell.text for cell in row.all("td")]
    assert row.one("th").text == "Jan jan@example.com"
    assert cells == ["Deal signed", "1,250.00 EUR", "Held Meta", "Quote", "21 Sep 2026, 14:13 UTC"]


def test_a_row_names_the_platforms_by_standing_what_needs_a_look_first(site: Site) -> None:
    states = {
        "google_ads": State.ACCEPTED,
        "ga4": State.SKIPPED,
        "meta": State.REJECTED,
        "linkedin": State.ACCEPTED,
        "microsoft": State.WAITING,
        "tiktok": State.HELD,
    }
    lead = site.lead()
    job = site.rated(lead)
    for slug, state in states.items():
        site.connect(slug)
        site.delivery(job, lead, slug, state)
    (row,) = site.member().page(site.leads).one("tbody").all("tr")
    assert [line.text for line in row.one("ul", "platforms").all("li")] == [
        "Held TikTok",
        "Rejected Meta",
        "Waiting Microsoft Advertising",
        "Accepted Google Ads, LinkedIn",
        "Not sent Google Analytics 4",
    ]


def test_search_looks_through_all_lists(site: Site) -> None:
    site.lead(userData={"firstName": "Ève", "email": "eve@example.com"})
    site.lead(userData={"firstName": "100%", "companyName": "Acme"})
    site.put(site.lead(userData={"lastName": "Evers"}), stage="rated", status="lost")
    bob = site.member()
    for text, names, counts in [
        ("EVE", ["Ève"], ["Open 1", "Pending 0", "Rated 1"]),
        ("èVE", ["Ève"], ["Open 1", "Pending 0", "Rated 0"]),
        ("acme", ["100%"], ["Open 1", "Pending 0", "Rated 0"]),
        ("0%", ["100%"], ["Open 1", "Pending 0", "Rated 0"]),
        ("__", [], ["Open 0", "Pending 0", "Rated 0"]),
    ]:
        page = bob.page(search(site, "open", text))
        assert (_names(page), _counts(page)) == (names, counts), text
        assert page.all("input")[1].attributes["value"] == text
    assert "Nothing found in Pending" in bob.page(search(site, "pending", "eve")).text


@pytest.mark.parametrize("text", ["x", "y" * 501])
def test_a_search_that_cannot_be_is_explained_and_the_list_stays(site: Site, text: str) -> None:
    site.lead()
    page = site.member().page(search(site, "open", text))
    assert page.one("p", "problem").text == "Search for at least 2 and at most 500 characters. The whole list is shown."
    assert _names(page) == ["Jan"]


def test_paging_shows_every_lead_once(site: Site) -> None:
    ids = [site.lead() for _ in range(PAGE + 3)]
    bob = site.member()
    path, seen, pages = f"{site.leads}?search=jan", [], 0
    while path:
        page = bob.page(path)
        pages += 1
        seen += [
            int(link.attributes["href"].rpartition("/")[2])
            for row in page.one("tbody").all("th")
            for link in row.all("a")
        ]
        older = [link.attributes["href"] for link in page.all("a") if link.attributes.get("rel") == "next"]
        path = older[0] if older else ""
    assert (pages, sorted(seen, reverse=True), len(seen)) == (2, seen, len(ids))
    assert set(seen) == set(ids)
    newer = [link.attributes["href"] for link in page.all("a") if link.attributes.get("rel") == "prev"]
    assert len(_names(bob.page(newer[0]))) == PAGE
    assert "This page is empty" in bob.page(f"{site.leads}?page=9999999").text
    for odd in ("0", "-3", "x", "9" * 40, "%00", "1.5"):
        assert len(_names(bob.page(f"{site.leads}?page={odd}"))) == PAGE, odd


def test_empty_lists_say_what_to_do(site: Site) -> None:
    bob = site.member()
    nothing = bob.page(site.leads)
    assert "No lead has come in yet" in nothing.text
    assert f'"projectId": "{site.id}"' in nothing.one("pre").text
    assert nothing.one("pre").text.startswith(f"curl {site.program.settings.base_url}/api/leads/createLead")
    lead = site.lead()
    assert "Nothing is pending" in bob.page(f"{site.leads}?list=pending").text
    assert "No lead is rated yet" in bob.page(f"{site.leads}?list=rated").text
    site.put(lead, stage="rated", status="lost")
    assert "No lead is open" in bob.page(site.leads).text


def test_what_a_lead_came_with(site: Site) -> None:
    lead = site.lead(
        userData={"firstName": "Erika", "lastName": "Muster", "phone": "0612345678"},
        formData={"formName": "Quote", "formFields": [{"Wish:": "Roof"}, {"Parts": ["a", "b"]}, {"": "Hello\nthere"}]},
        attributionData={
            "gclid": "Cj0-A_b",
            "conversionPage": "https://example.com/quote?x=1",
            "consent": {"ad_storage": "denied"},
        },
        channelFlow=[
            {"timestamp": 1_790_000_000_000, "channel": {"source": "google", "medium": "cpc"}, "landingPage": "/roof"},
            {"timestamp": 9_000_000_000_000_000, "channel": {}},
        ],
    )
    page = site.member().page(f"{site.leads}/{lead}")
    shown = {row.one("dt").text: row.one("dd").text for block in page.all("dl", "values") for row in block.all("div")}
    assert page.one("h1").text == "Erika Muster"
    expected = {
        "Phone": "0612345678",
        "Form": "Quote",
        "Form on page": "example.com/quote",
        "Wish": "Roof",
        "Parts": "a, b",
        "(no name)": "Hello there",
        "gclid": "Cj0-A_b",
        "ad_storage": "denied",
        "ad_user_data": "not recorded",
        "attributionData › consent › ad_storage": "denied",
    }
    assert expected.items() <= shown.items()
    assert [visit.text for visit in page.one("ol", "visits").all("li")] == [
        "google / cpc /roof 21 Sep 2026, 14:13 UTC",
        "direct or not known",
    ]


def test_what_leads_and_platforms_say_stays_text(site: Site) -> None:
    site.connect("meta")
    evil = site.label(HOSTILE)
    lead = site.lead(
        userData={"firstName": HOSTILE, "lastName": HOSTILE, "email": f"{HOSTILE}@x.example", "companyName": HOSTILE},
        formData={"formName": HOSTILE, "formFields": {HOSTILE: HOSTILE, "deep": [{HOSTILE: [HOSTILE]}]}},
        attributionData={"gclid": HOSTILE, HOSTILE: HOSTILE, "conversionPage": HOSTILE},
        channelFlow=[{"timestamp": 1_790_000_000_000, "channel": {"source": HOSTILE}, "landingPage": HOSTILE}],
        uniqueIdentifier=HOSTILE,
    )
    job = site.rated(lead, evil)
    delivery = site.delivery(
        job, lead, "meta", State.REJECTED, HOSTILE, detail=HOSTILE, account=HOSTILE, action=HOSTILE
    )
    site.attempt(delivery, 1, HOSTILE, HOSTILE, detail=HOSTILE, url=HOSTILE, reference=HOSTILE, request=HOSTILE)
    bob = site.member()
    pages = [f"{site.leads}/{lead}", site.leads, search(site, "open", HOSTILE), f"{site.leads}?list={quote(HOSTILE)}"]
    for path in pages:
        answer = bob.get(path)
        assert answer.status == 200
        assert b"<script" not in answer.body
        assert b"<img" not in answer.body
        page = bob.page(path)
        assert page.all("script") == page.all("img") == []
        assert "49" not in page.one("main").text.replace("1790", "")
    whole = bob.page(pages[0]).text
    assert whole.count("<script>alert(1)</script>") > 20
    assert HOSTILE in bob.page(pages[2]).all("input")[1].attributes["value"]


def test_a_lead_without_a_name_is_called_by_what_there_is(site: Site) -> None:
    bob = site.member()
    for user, name in [
        ({"phone": "+31 6 12345678", "email": "a@example.com"}, "a@example.com"),
        ({"phone": "+31 6 12345678"}, "+31 6 12345678"),
        ({"companyName": "Acme"}, "Acme"),
    ]:
        assert bob.page(f"{site.leads}/{site.lead(userData=user)}").one("h1").text == name
    bare = site.lead(userData={}, attributionData={"gclid": "x"})
    assert bob.page(f"{site.leads}/{bare}").one("h1").text == f"Lead {bare}"
