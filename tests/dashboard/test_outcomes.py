"""The page of outcomes has every code, and every link of the catalogue leads to a platform or to a row of it."""

from urllib.parse import urlsplit

from leadtrackr.conversions.outcomes import ACTIONS, PAGE, catalogue
from leadtrackr.destinations.registry import DESTINATIONS
from tests.dashboard.site import Browser, Element, read
from tests.support.program import Program


def _page(program: Program) -> Element:
    return Browser(program).page(PAGE)


def _rows(page: Element) -> dict[str, Element]:
    found = [(row.attributes["id"], row) for row in page.all("tr") if "id" in row.attributes]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_every_link_of_the_catalogue_leads_to_a_platform_or_to_the_code_s_own_row(program: Program) -> None:
    rows, seen = _rows(_page(program)), set()
    for one in catalogue():
        url = urlsplit(one.link)
        seen.add(url.scheme)
        if url.scheme == "https":
            assert url.hostname, one.link
        else:
            assert (url.scheme, url.netloc, url.path) == ("", "", PAGE)
            assert rows[url.fragment].one("code").text == one.code
    assert seen == {"https", ""}


def test_it_is_the_whole_catalogue_in_its_order(program: Program) -> None:
    page = _page(program)
    rows = _rows(page)
    assert list(rows) == [one.anchor for one in catalogue()]
    for one in catalogue():
        row = rows[one.anchor]
        cells = [row.one("th").text, *(cell.text for cell in row.all("td"))]
        assert cells == [one.code, one.action, one.sentence, one.next_step, "platform" if one.is_elsewhere else ""]
        links = [(link.attributes["href"], link.attributes["rel"]) for link in row.all("td")[-1].all("a")]
        assert links == ([(one.link, "noreferrer")] if one.is_elsewhere else [])
    names = ["LeadTrackr", *(each.name for each in DESTINATIONS.values())]
    assert [heading.text for heading in page.all("h2")] == names
    assert [badge.text for badge in page.one("dl").all("span", "badge")] == [action.value for action in ACTIONS]


def test_nobody_has_to_sign_in_nor_to_be_a_browser(program: Program) -> None:
    answer = program.send("GET", PAGE)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert [len(read(answer.body).all(tag)) for tag in ("h1", "form", "script")] == [1, 0, 0]
    assert program.send("POST", PAGE, headers={"Sec-Fetch-Site": "same-origin"}).status == 405


def test_on_a_narrow_screen_each_cell_says_what_it_is(program: Program) -> None:
    for table in _page(program).all("table"):
        assert "list" in table.attributes["class"].split(), "what the style sheet stacks on a narrow screen"
        heads = [head.text for head in table.one("thead").all("th")]
        for row in table.one("tbody").all("tr"):
            assert [cell.attributes["data-label"] for cell in row.all("td")] == heads[1:]
