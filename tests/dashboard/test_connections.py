"""The connections of a project: how each is doing, why, and what to do."""

import pytest

from leadtrackr.conversions.model import State
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import HOUR
from tests.dashboard.conftest import START
from tests.dashboard.site import Element, Site
from tests.support.tables import execute


def _page(site: Site) -> Element:
    return site.member().page(f"/projects/{site.id}/connections")


def _facts(card: Element) -> dict[str, str]:
    return dict(zip((one.text for one in card.all("dt")), (one.text for one in card.all("dd")), strict=True))


def _change(site: Site, slug: str, **columns: object) -> None:
    names = ", ".join(f"{name} = ?" for name in columns)
    execute(
        site.program.database_url,
        f"UPDATE connections SET {names} WHERE id = ?",  # noqa: S608 - names of columns, from below
        *columns.values(),
        site.connections[slug],
    )


def test_without_one_it_says_how_to_connect_each_platform(site: Site) -> None:
    page = _page(site)
    assert "No platform is connected yet" in page.text
    commands = [pre.text for pre in page.all("pre")]
    assert [command.split()[3] for command in commands] == list(DESTINATIONS)
    for command in commands:
        assert command.startswith(f"leadtrackr connect {site.id} ")
    by_slug = dict(zip(DESTINATIONS, commands, strict=True))
    assert by_slug["ga4"].endswith("measurement_id=… api_secret=…")
    assert by_slug["linkedin"].endswith("ad_account=… access_token=…"), "no app is needed there"
    for slug in ("google_ads", "microsoft"):
        assert "client_id=…" in by_slug[slug]
        assert "refresh_token" not in by_slug[slug], "it comes of signing in"


def test_an_active_connection_shows_its_settings_and_no_secret(site: Site) -> None:
    site.connect(*DESTINATIONS)
    page = _page(site)
    cards = page.all("article", "delivery")
    assert [card.one("h2").text for card in cards] == [f"{one.name} Active" for one in DESTINATIONS.values()]
    assert _facts(cards[list(DESTINATIONS).index("ga4")])["Measurement id"] == "G-AB12CD34EF"
    assert "hush" not in page.text
    assert "Not connected" not in page.text


def test_what_is_to_be_sent_is_counted(site: Site) -> None:
    site.connect("ga4", "meta")
    lead = site.lead()
    job = site.rated(lead)
    for state in State:
        site.delivery(job, lead, "meta", state, "ok")
    ga4, meta = _page(site).all("article", "delivery")
    assert (_facts(ga4)["Conversions to be sent"], _facts(meta)["Conversions to be sent"]) == ("0", "4")


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_whatever_holds_a_connection_is_told_with_the_way_on(site: Site, slug: str) -> None:
    site.connect(slug)
    for code, row in DESTINATIONS[slug].codes.items():
        if row.hold is None:
            continue
        _change(site, slug, state="held", hold_reason=row.hold, hold_code=code, hold_detail="The platform's words")
        (card,) = _page(site).all("article", "delivery")
        assert card.one("h2").text == f"{DESTINATIONS[slug].name} Held"
        assert card.one("p", "what").text == row.sentence
        assert card.one("p", "next").text == f"Next step: {row.next_step} More about this"
        assert "The platform's words" in card.one("p", "words").text
        assert card.one("pre").text == f"leadtrackr destinations resume {site.id} {slug}"


def test_a_held_connection_is_seen_from_the_list_of_projects(site: Site) -> None:
    site.connect("ga4", "meta")
    bob = site.member()

    def shown() -> str:
        (row,) = bob.page("/").one("tbody").all("tr")
        return row.all("td")[0].text

    assert shown() == "2"
    _change(site, "meta", state="held", hold_reason="credentials", hold_code="190")
    assert shown() == "1 of 2 held"


def test_a_pause_says_until_when_and_ends(site: Site) -> None:
    site.connect("meta")
    _change(site, "meta", paused_until=START + HOUR, pause_code="server_error", failures=1)
    (card,) = _page(site).all("article", "delivery")
    assert card.one("h2").text == "Meta Paused"
    assert _facts(card)["Paused until"] == "21 Sep 2026, 15:13 UTC"
    assert card.one("p", "next").text == "Next step: Nothing to do: sending goes on by itself. More about this"
    _change(site, "meta", paused_until=START)
    (card,) = _page(site).all("article", "delivery")
    assert card.one("h2").text == "Meta Active"
    assert "Paused until" not in _facts(card)


def test_open_incidents_are_told_beside_the_state(site: Site) -> None:
    site.connect("ga4", "meta")
    for kind in ("stopped", "failing", "closing"):
        execute(
            site.program.database_url,
            "INSERT INTO incidents (project_id, connection_id, kind, code, since_at, opened_at)"
            " SELECT project_id, id, ?, 'server_error', ?, ? FROM connections WHERE id = ?",
            kind,
            START,
            START,
            site.connections["meta"],
        )
    ga4, meta = _page(site).all("article", "delivery")
    assert len(ga4.all("p", "what")) == 1
    told = [one.text for one in meta.all("p", "what")][1:]
    assert told[0].startswith("Conversions that wait for Meta expire within 24 hours")
    assert told[1].startswith("Meta has kept failing since 2026-09-21 14:13 UTC.")
    assert len(told) == 2, "that it is stopped is its state"
